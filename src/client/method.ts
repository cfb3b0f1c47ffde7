/**
 * Puts together what stands around each method of a client, once, at construction.
 *
 * @module
 */
import type { AnyService, BreakerPolicy, MethodPolicy } from "../contract/index.ts";
import { checkPolicy } from "../contract/policy.ts";
import {
  descriptionOf,
  TIMEOUT_MS,
  type Endpoint,
  type Gate,
  type MethodInfo,
  type Middleware,
  type Observe,
  type StreamEndpoint,
  type StreamMiddleware,
} from "../endpoint/index.ts";
import { checkNames, shown } from "../internal/check.ts";
import { rateLimit } from "../ratelimit/index.ts";
import type { Clock } from "../time/index.ts";
import { observerOf } from "../transport/observe.ts";
import type { Layer } from "../transport/index.ts";
import type { CallPlan } from "./call.ts";
import type { Instance, Target } from "./instance.ts";
import type { Picker } from "./pick.ts";
import { openOnce, streamCall, type AnyStreamCall } from "./stream.ts";
import { sendOnce, unaryCall, type AnyUnaryCall } from "./unary.ts";

/** What all methods of a client share. */
export interface Around {
  readonly service: AnyService;
  readonly transport: string;
  readonly clock: Clock;
  readonly observers: readonly Observe[];
  readonly gates: readonly Gate[];
  readonly policy: MethodPolicy;
  readonly instances: readonly Instance[];
  readonly picker: Picker;
  readonly report: (error: unknown, method: MethodInfo) => void;
}

/** A method ready to be called. */
export interface BoundCall {
  readonly call: AnyUnaryCall | AnyStreamCall;
  readonly layers: readonly Layer[];
}

/** The breaker's own defaults; one object, so that all methods share each instance's breaker. */
const DEFAULT_BREAKER: BreakerPolicy = {};

/** Builds the pipeline of one method. */
export function bindCall(around: Around, name: string, own: MethodPolicy = {}): BoundCall {
  const { service, clock, observers } = around;
  const where = `methods.${name}`;
  checkNames(where, own, ["timeoutMs", "limit", "breaker", "use"]);
  checkPolicy(`${where}.`, own);
  const method = service.methods[name]!;
  const info: MethodInfo = {
    service: service.name,
    name,
    kind: method.kind,
    side: "client",
    idempotent: method.idempotent,
    oneWay: method.oneWay,
    errors: method.errors,
    timeoutMs: own.timeoutMs ?? method.timeoutMs ?? around.policy.timeoutMs ?? TIMEOUT_MS,
  };
  const gates = [...around.gates, ...limitGates(own.limit ?? around.policy.limit, clock)];
  const use = middlewaresOf(where, own.use);
  const policy = own.breaker ?? around.policy.breaker ?? DEFAULT_BREAKER;
  const plan: CallPlan = {
    info,
    method,
    transport: around.transport,
    observer: observerOf(observers, info, around.report),
    gates,
    clock,
  };
  const layers = [
    ...observers.map((one): Layer => ({ kind: "observer", text: descriptionOf(one) })),
    ...gates.map((one): Layer => ({ kind: "gate", text: descriptionOf(one) })),
    ...use.map((one): Layer => ({ kind: "middleware", text: descriptionOf(one) })),
    ...wayLayers(around, policy, info),
  ];
  return { call: callOf(plan, { around, use, policy }), layers };
}

interface Way {
  readonly around: Around;
  readonly use: readonly (Middleware | StreamMiddleware)[];
  readonly policy: BreakerPolicy | false;
}

function callOf(plan: CallPlan, { around, use, policy }: Way): AnyUnaryCall | AnyStreamCall {
  const { method, info } = plan;
  const { instances, picker } = around;
  const targets = <S>(send: (instance: Instance) => S): Target<S>[] =>
    instances.map((instance) => ({ send: send(instance), breaker: instance.breaker(policy) }));
  if (info.kind === "server" || info.kind === "bidi") {
    const open = openOnce({ method, targets: targets(({ channel }) => channel.stream(info.name)), picker });
    const stream = (use as readonly StreamMiddleware[]).reduceRight<StreamEndpoint<unknown, unknown>>(
      (next, one) => one(next, info),
      open,
    );
    return streamCall({ ...plan, stream });
  }
  const send = sendOnce({ method, targets: targets(({ channel }) => channel.unary(info.name)), picker });
  const endpoint = (use as readonly Middleware[]).reduceRight<Endpoint<unknown, unknown>>(
    (next, one) => one(next, info),
    send,
  );
  return unaryCall({ ...plan, endpoint });
}

function wayLayers({ instances, picker, transport }: Around, policy: BreakerPolicy | false, info: MethodInfo): Layer[] {
  const breaker = instances[0]!.breaker(policy);
  const places = instances.filter(({ identity }) => identity !== "").map(({ name }) => name);
  return [
    { kind: "decode", text: "validate the response" },
    {
      kind: "balancer",
      text: breaker === undefined ? picker.text : `${picker.text}, each with a ${breaker.describe()}`,
    },
    { kind: "transport", text: `${[transport, ...places].join(" ")}, at most ${info.timeoutMs} ms` },
  ];
}

function limitGates(limit: MethodPolicy["limit"], clock: Clock): Gate[] {
  if (limit === undefined || limit === false) return [];
  const { perSecond, burst, per = "method" } = limit;
  if (per !== "method") throw new RangeError(`limit.per should be "method" on a client, got ${shown(per)}`);
  return [rateLimit({ perSecond, burst, clock })];
}

function middlewaresOf(where: string, use: MethodPolicy["use"] = []): readonly (Middleware | StreamMiddleware)[] {
  if (!Array.isArray(use)) throw new TypeError(`${where}.use should be a list of middlewares, got ${shown(use)}`);
  for (const one of use as readonly unknown[]) {
    if (typeof one !== "function") throw new TypeError(`${where}.use should hold middlewares, got ${shown(one)}`);
  }
  return use as readonly (Middleware | StreamMiddleware)[];
}
