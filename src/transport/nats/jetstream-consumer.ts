/**
 * What a server consumes for one service: its stream, its consumer, its methods by subject.
 *
 * @module
 */
import type { BoundMethod, BoundService } from "../bind.ts";
import type { Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import type { Redelivery } from "../redelivery.ts";
import type { Random } from "../../time/index.ts";
import { bodyOf, type NatsDraft } from "./message.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { JetStreamMessage } from "./jetstream-delivery.ts";
import { deadStream, ensureStream, matches, patternOf, plainName, type StreamSettings } from "./jetstream-stream.ts";
import type { SubjectOf } from "./subject.ts";

/** What a JetStream server holds to. */
export interface JetStreamSettings {
  readonly stream: StreamSettings;
  readonly creates: boolean;
  /** Undefined: the service's name. */
  readonly durable: string | undefined;
  readonly subjects: SubjectOf;
  readonly domain: string | undefined;
  readonly maxInFlight: number;
  readonly maxAckPending: number;
  /** Undefined: by the methods' time. */
  readonly ackWaitMs: number | undefined;
  readonly redelivery: Redelivery;
  readonly random: Random;
  /** Undefined: by the stream's name. */
  readonly deadLetter: string | undefined;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly hooks: Hooks<JetStreamMessage, NatsDraft>;
  readonly inboxPrefix: string;
}

/** One method. */
export interface JetStreamPlan {
  readonly bound: BoundMethod;
  read(data: Uint8Array): unknown;
}

/** What is consumed for one service. */
export interface ConsumerPlan {
  readonly stream: string;
  readonly durable: string;
  readonly subjects: ReadonlyMap<string, JetStreamPlan>;
  readonly deadLetter: string;
  readonly ackWaitMs: number;
}

/** What the methods' time is given on top, and the most it makes: whoever works longer gives signs of life. */
const MARGIN_MS = 5000;
const MAX_ACK_WAIT_MS = 60_000;

const MS = 1_000_000;

/** What is consumed for a service; undefined when it has no one-way method. */
export function consumerPlan(service: BoundService, settings: JetStreamSettings): ConsumerPlan | undefined {
  const { codec, limits } = settings;
  const subjects = new Map<string, JetStreamPlan>();
  for (const [name, bound] of service.methods) {
    if (bound.info.oneWay !== true) continue;
    const read = codec.reader(bound.method.request, limits);
    const subject = settings.subjects(service.name, name);
    const other = subjects.get(subject)?.bound.info.name;
    if (other !== undefined)
      throw new RangeError(`${service.name}.${name} and ${other} should have different subjects, both have ${subject}`);
    subjects.set(subject, { bound, read: (data) => read(bodyOf(codec, data)) });
  }
  if (subjects.size === 0) return undefined;
  const stream = settings.stream.name ?? plainName(service.name);
  const longestMs = Math.max(...[...subjects.values()].map(({ bound }) => bound.info.timeoutMs));
  const deadLetter = settings.deadLetter ?? `${stream}-dead`;
  const pattern = patternOf([...subjects.keys()]);
  if (pattern === undefined && settings.creates)
    throw new RangeError(
      `subjects of ${service.name} should begin with the same token, since a consumer has one pattern: got ${[...subjects.keys()].join(", ")}`,
    );
  if (pattern !== undefined && matches(pattern, deadLetter))
    throw new RangeError(
      `deadLetter should not be among the subjects of ${service.name}: "${deadLetter}" is in ${pattern}`,
    );
  return {
    stream,
    durable: settings.durable ?? plainName(service.name),
    subjects,
    deadLetter,
    ackWaitMs: settings.ackWaitMs ?? Math.min(longestMs + MARGIN_MS, MAX_ACK_WAIT_MS),
  };
}

/**
 * Makes what is missing.
 *
 * @returns how long the consumer waits for an acknowledgement, in milliseconds.
 * @throws {Error} when it cannot be, or is there and of another kind.
 */
export async function ensureConsumer(
  api: JetStreamApi,
  plan: ConsumerPlan,
  settings: JetStreamSettings,
): Promise<number> {
  const { stream, durable, deadLetter, subjects } = plan;
  if (settings.creates) {
    await ensureStream(api, { ...settings.stream.config, name: stream, subjects: [...subjects.keys()] });
    await ensureStream(api, deadStream(`${stream}-dead`, deadLetter, settings.stream));
  }
  const config = await api.consumer(stream, durable);
  const wanted = {
    filter_subject: patternOf([...subjects.keys()]),
    ack_wait: Math.floor(plan.ackWaitMs) * MS,
    max_ack_pending: settings.maxAckPending,
  };
  if (config === undefined) {
    if (!settings.creates)
      throw new Error(`the stream ${stream} has no consumer ${durable}: make it, or let create be true`);
    await api.setConsumer(stream, {
      durable_name: durable,
      ack_policy: "explicit",
      deliver_policy: "all",
      replay_policy: "instant",
      // Deliveries are counted here, where a message that had its share becomes a dead letter; the server would drop it.
      max_deliver: -1,
      ...wanted,
    });
    return plan.ackWaitMs;
  }
  if (config["deliver_subject"] !== undefined || config["ack_policy"] !== "explicit")
    throw new Error(
      `the consumer ${durable} of the stream ${stream} should be pulled from, and acknowledged explicitly`,
    );
  const isSame = Object.entries(wanted).every(([name, value]) => config[name] === value);
  if (isSame || !settings.creates) return Number(config["ack_wait"]) / MS;
  await api.setConsumer(stream, { ...config, ...wanted });
  return plan.ackWaitMs;
}
