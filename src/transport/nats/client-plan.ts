/**
 * How one method is called: its subject, writer and reader, prepared once.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import type { ClientHooks } from "../client-hooks.ts";
import type { Codec } from "../codec.ts";
import { addContext, addMetadata, type Owner } from "../outgoing.ts";
import type { Caller } from "./caller.ts";
import { isOwnHeader } from "./frame.ts";
import { bodyOf, bytesOf, Draft, type NatsDraft, type NatsMessage } from "./message.ts";
import { CANCEL, type SubjectOf } from "./subject.ts";

/** One method. */
export interface ClientPlan {
  readonly caller: Caller;
  readonly subject: string;
  /** Where a request is taken back. */
  readonly cancelSubject: string;
  readonly takesMany: boolean;
  readonly hooks: ClientHooks<NatsDraft, NatsMessage>;
  /** Headers of every request, as names and values in turn. */
  readonly constant: readonly string[];
  /** How headers are written: of our own, all are ASCII. */
  readonly encoding: "utf8" | "latin1";
  write(request: unknown): Uint8Array;
  /** Reads an answer; what it throws is a ServiceError. */
  read(data: Uint8Array): unknown;
}

/** What all plans of a channel are made with. */
export interface ClientPlanOptions {
  readonly caller: Caller;
  readonly service: AnyService;
  readonly subjects: SubjectOf;
  readonly codec: Codec;
  readonly hooks: ClientHooks<NatsDraft, NatsMessage>;
  readonly constant: readonly string[];
}

/** Prepares a method. */
export function clientPlan(name: string, options: ClientPlanOptions): ClientPlan {
  const { caller, service, subjects, codec, hooks, constant } = options;
  const { limits } = caller.options;
  const method = service.methods[name]!;
  const where = `${service.name}.${name}`;
  const answers = codec.answers ?? codec;
  const encode = codec.writer(method.request, `${where} request`, "invalid_request");
  const decode = answers.reader(method.response, limits);
  return {
    caller,
    subject: subjects(service.name, name),
    cancelSubject: subjects(service.name, CANCEL),
    takesMany: method.kind === "client" || method.kind === "bidi",
    hooks,
    constant,
    encoding: hooks.before === undefined && constant.length === 0 ? "latin1" : "utf8",
    write: (request) => bytesOf(encode(request)),
    read(data) {
      if (data.length > limits.maxBodyBytes) throw policyError("too_large");
      try {
        return decode(bodyOf(answers, data));
      } catch (cause) {
        throw policyError("invalid_response", { message: "the answer cannot be read", cause });
      }
    },
  };
}

const NATS: Owner = { name: "NATS", isOwn: isOwnHeader };

/** The request as it goes out: what a context carries, and what hooks make of it. */
export function requestDraft(plan: ClientPlan, call: ActiveCall, data: Uint8Array): Draft {
  const { constant, caller, hooks } = plan;
  const headers = constant.length === 0 ? [] : [...constant];
  addContext(headers, call.context, call.context.deadlineMs - caller.options.clock.now());
  addMetadata(headers, call, NATS);
  const draft = new Draft(data, headers);
  if (hooks.before !== undefined) for (const before of hooks.before) before(call.context, draft);
  return draft;
}
