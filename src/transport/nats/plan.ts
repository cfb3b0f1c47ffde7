/**
 * How one method is served: its subject, readers and writers, prepared once.
 *
 * @module
 */
import type { BoundMethod } from "../bind.ts";
import type { Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import type { App } from "../server.ts";
import type { EndpointStats } from "./discovery.ts";
import { bodyOf, bytesOf, type NatsDraft, type NatsMessage } from "./message.ts";
import type { SubjectOf } from "./subject.ts";

/** One method. */
export interface NatsPlan {
  readonly bound: BoundMethod;
  readonly subject: string;
  readonly hooks: Hooks<NatsMessage, NatsDraft>;
  readonly limits: Limits;
  readonly takesMany: boolean;
  readonly answersMany: boolean;
  /** Counts for the services protocol; undefined when that is off. */
  readonly stats: EndpointStats | undefined;
  read(data: Uint8Array): unknown;
  write(response: unknown): Uint8Array;
}

/** What all plans are made with. */
export interface PlanOptions {
  readonly subjects: SubjectOf;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly hooks: Hooks<NatsMessage, NatsDraft>;
  stats(): EndpointStats | undefined;
}

/**
 * The plans of a service's methods.
 *
 * @throws {RangeError | TypeError} when a subject or message of a method is not what it should be.
 */
export function plansOf(service: App["services"][number], options: PlanOptions): readonly NatsPlan[] {
  return [...service.methods.values()].map((bound) => planOf(bound, options));
}

function planOf(bound: BoundMethod, { subjects, codec, limits, hooks, stats }: PlanOptions): NatsPlan {
  const { info, method } = bound;
  const where = `${info.service}.${info.name}`;
  const read = codec.reader(method.request, limits);
  const write = (codec.answers ?? codec).writer(method.response, `${where} response`);
  return {
    bound,
    subject: subjects(info.service, info.name),
    hooks,
    limits,
    takesMany: info.kind === "client" || info.kind === "bidi",
    answersMany: info.kind === "server" || info.kind === "bidi",
    stats: stats(),
    read: (data) => read(bodyOf(codec, data)),
    write: (response) => bytesOf(write(response)),
  };
}
