/**
 * What is prepared once for each queue and each method of a server.
 *
 * @module
 */
import type { BoundMethod, BoundService } from "../bind.ts";
import type { Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import type { Redelivery } from "../redelivery.ts";
import type { App } from "../server.ts";
import type { Random } from "../../time/index.ts";
import { bodyOf, type Received } from "./body.ts";
import type { AmqpReply, AmqpRequest } from "./message.ts";
import { queueSettings, type QueueSettings } from "./queues.ts";

/** What all methods of a server share. */
export interface ServerSettings {
  readonly queues: readonly QueueSettings[];
  readonly queueName: (service: string) => string;
  readonly prefetch: number;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly hooks: Hooks<AmqpRequest, AmqpReply>;
  readonly redelivery: Redelivery;
  readonly random: Random;
  readonly maxClockSkewMs: number;
}

/** How one method is served. */
export interface MethodPlan {
  readonly bound: BoundMethod;
  readonly contentType: string;
  read(message: Received): unknown;
  write(response: unknown): string | Uint8Array;
}

/** How one queue is consumed. */
export interface QueuePlan {
  readonly settings: QueueSettings;
  /** By what messages call them: `method`, and `service/method`. */
  readonly methods: ReadonlyMap<string, MethodPlan>;
  /** The one method that all messages are for. */
  readonly only: MethodPlan | undefined;
  /** How messages are observed that fit no method. */
  readonly other: MethodPlan;
  /** Whether it goes with its last server: nothing in it would be worth anything. */
  readonly isPassing: boolean;
}

/**
 * The queues of all services: those that were named, and one of its own for each service that has none.
 *
 * @throws {RangeError | TypeError} when a queue is for a service or method that is not there, or twice there.
 */
export function queuePlans(app: App, settings: ServerSettings): readonly QueuePlan[] {
  const services = new Map(app.services.map((service) => [service.name, service]));
  const plans: QueuePlan[] = [];
  const other = { ...planOf(app.other, settings), read: (message: Received) => message };
  for (const queue of settings.queues) {
    const service = services.get(queue.service);
    if (service === undefined)
      throw new RangeError(`queue "${queue.name}" is for service "${queue.service}", which is not served here`);
    plans.push({ ...queuePlan(queue, service, settings), other, isPassing: false });
  }
  for (const service of app.services) {
    if (settings.queues.some((queue) => queue.service === service.name)) continue;
    const queue = queueSettings({ name: settings.queueName(service.name), service: service.name }, settings.prefetch);
    // Whoever calls for an answer wants to know at once that nobody is there; what was told waits.
    const isPassing = [...service.methods.values()].every(({ info }) => info.oneWay !== true);
    plans.push({ ...queuePlan(queue, service, settings), other, isPassing });
  }
  const names = plans.map((plan) => plan.settings.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new RangeError(`queue "${twice}" should be consumed for one service, got two`);
  return plans;
}

function queuePlan(
  queue: QueueSettings,
  service: BoundService,
  settings: ServerSettings,
): Pick<QueuePlan, "settings" | "methods" | "only"> {
  const methods = new Map<string, MethodPlan>();
  for (const [name, bound] of service.methods) {
    // An answer is one message: streams are served elsewhere.
    if (bound.info.kind !== "unary") continue;
    const plan = planOf(bound, settings);
    methods.set(name, plan).set(`${service.name}/${name}`, plan);
  }
  const only = queue.method === undefined ? undefined : methods.get(queue.method);
  if (queue.method !== undefined && only === undefined)
    throw new RangeError(`queue "${queue.name}" is for ${service.name}.${queue.method}, which is not served here`);
  return { settings: queue, methods, only };
}

function planOf(bound: BoundMethod, { codec, limits }: ServerSettings): MethodPlan {
  const { request, response } = bound.method;
  const where = `${bound.info.service}.${bound.info.name}`;
  const read = codec.reader(request, limits);
  const answers = codec.answers ?? codec;
  const isAnswered = bound.info.oneWay !== true;
  return {
    bound,
    contentType: answers.contentType,
    read: (message) => read(bodyOf(message, codec, limits)),
    write: isAnswered ? answers.writer(response, `${where} response`) : () => "",
  };
}
