/**
 * Puts together what stands around each method of a client, once, at construction.
 *
 * @module
 */
import type { AnyService, BreakerPolicy } from "../contract/index.ts";
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
import { checkFunction, checkNames, shown } from "../internal/check.ts";
import { rateLimit } from "../ratelimit/index.ts";
import { circuitBreaker, type Budget } from "../resilience/index.ts";
import type { Clock, Random } from "../time/index.ts";
import { observerOf, withGates } from "../transport/observe.ts";
import type { Layer, StreamSender, UnarySender } from "../transport/index.ts";
import type { CallPlan } from "./call.ts";
import type { HeldInstances } from "./instances.ts";
import type { AnyMethodOptions, ClientPolicy } from "./options.ts";
import { plansOf, type Plans } from "./plans.ts";
import { openStream, streamCall, type AnyStreamCall } from "./stream.ts";
import { sendUnary, unaryCall, type AnyUnaryCall } from "./unary.ts";
import type { Way } from "./way.ts";

/** What all methods of a client share. */
export interface Around {
  readonly service: AnyService;
  readonly transport: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly observers: readonly Observe[];
  readonly gates: readonly Gate[];
  readonly policy: ClientPolicy;
  readonly budget: Budget | undefined;
  readonly instances: HeldInstances;
  readonly report: (error: unknown, method: MethodInfo) => void;
}

/** A method ready to be called. */
export interface BoundCall {
  readonly call: AnyUnaryCall | AnyStreamCall;
  readonly layers: readonly Layer[];
  readonly info: MethodInfo;
  /** What the method alone was told. */
  readonly own: ClientPolicy;
  readonly plans: Plans;
}

/**
 * The breaker before an instance: it opens for a moment at first, since most trouble is a restart, and for twice as long each time it
 * fails again: so it is never open for much longer than the instance was away, and a restart of one after the other has few open at once.
 * One object, so that all methods share each instance's breaker.
 */
const DEFAULT_BREAKER: BreakerPolicy = { openMs: 250, growth: 2, maxOpenMs: 3000, jitter: 0.2 };

/** Builds the pipeline of one method. */
export function bindCall(around: Around, index: number, own: AnyMethodOptions = {}): BoundCall {
  const { service, clock, observers } = around;
  const name = Object.keys(service.methods)[index]!;
  const where = `methods.${name}`;
  checkNames(where, own, ["timeoutMs", "limit", "breaker", "retry", "hedge", "key", "gates", "use"]);
  checkPolicy(`${where}.`, own);
  if (own.key !== undefined) checkFunction(`${where}.key`, own.key);
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
  const gates = [...around.gates, ...gatesOf(where, own.gates), ...limitGates(own.limit ?? around.policy.limit, clock)];
  const use = middlewaresOf(where, own.use);
  const breaker = own.breaker ?? around.policy.breaker ?? DEFAULT_BREAKER;
  const plan: CallPlan = {
    info,
    method,
    transport: around.transport,
    observer: observerOf(withGates(observers, gates), info, around.report),
    gates,
    clock,
  };
  const plans = plansOf({ ...around, info, own, all: around.policy });
  const way: Omit<Way<unknown>, "reach"> = {
    index,
    method,
    info,
    clock,
    instances: around.instances,
    keyOf: own.key,
    budget: around.budget,
    ...plans,
    isDirect: gates.length === 0 && use.length === 0,
  };
  const layers = [
    ...observers.map((one): Layer => ({ kind: "observer", text: descriptionOf(one) })),
    ...gates.map((one): Layer => ({ kind: "gate", text: descriptionOf(one) })),
    ...use.map((one): Layer => ({ kind: "middleware", text: descriptionOf(one) })),
    ...wayLayers(around, way, breaker),
  ];
  return { call: callOf(plan, way, { use, breaker }), layers, info, own, plans };
}

interface Within {
  readonly use: readonly (Middleware | StreamMiddleware)[];
  readonly breaker: BreakerPolicy | false;
}

function callOf(
  plan: CallPlan,
  way: Omit<Way<unknown>, "reach">,
  { use, breaker }: Within,
): AnyUnaryCall | AnyStreamCall {
  const { info } = plan;
  if (info.kind === "server" || info.kind === "bidi") {
    const open = openStream(
      prepared<StreamSender>({
        ...way,
        reach: (upstream) => ({
          send: upstream.channel.stream(info.name),
          breaker: upstream.breaker(breaker),
          isTimed: false,
        }),
      }),
    );
    const stream = (use as readonly StreamMiddleware[]).reduceRight<StreamEndpoint<unknown, unknown>>(
      (next, one) => one(next, info),
      open,
    );
    return streamCall({ ...plan, stream });
  }
  const send = sendUnary(
    prepared<UnarySender>({
      ...way,
      reach: (upstream) => ({
        send: upstream.channel.unary(info.name),
        breaker: upstream.breaker(breaker),
        isTimed: info.kind === "unary",
      }),
    }),
  );
  const endpoint = (use as readonly Middleware[]).reduceRight<Endpoint<unknown, unknown>>(
    (next, one) => one(next, info),
    send,
  );
  return unaryCall({ ...plan, endpoint });
}

// At one instance, if any is known: what a transport cannot carry should be said at construction and not by the first call. The
// others follow as they are called.
function prepared<S>(way: Way<S>): Way<S> {
  way.instances.balancer.members[0]?.value.target(way);
  return way;
}

function wayLayers(
  { instances, transport }: Around,
  { retry, hedge, info }: Omit<Way<unknown>, "reach">,
  policy: BreakerPolicy | false,
): Layer[] {
  const breaker = policy === false ? "" : `, each with a ${circuitBreaker(policy).describe()}`;
  return [
    { kind: "decode", text: "validate the response" },
    ...(hedge === undefined ? [] : [read("hedge", () => hedge.describe())]),
    ...(retry === undefined ? [] : [read("retry", () => retry.describe())]),
    read("balancer", () => `${instances.balancer.text}${breaker}`),
    { kind: "transport", text: `${instances.text || transport}, at most ${info.timeoutMs} ms` },
  ];
}

/** A layer whose text is read when it is asked for: plans are adjusted, instances come and go. */
function read(kind: Layer["kind"], text: () => string): Layer {
  return {
    kind,
    get text() {
      return text();
    },
  };
}

function limitGates(limit: ClientPolicy["limit"], clock: Clock): Gate[] {
  if (limit === undefined || limit === false) return [];
  const { perSecond, burst, per = "method" } = limit;
  if (per !== "method") throw new RangeError(`limit.per should be "method" on a client, got ${shown(per)}`);
  return [rateLimit({ perSecond, burst, clock })];
}

function gatesOf(where: string, gates: AnyMethodOptions["gates"] = []): readonly Gate[] {
  if (!Array.isArray(gates)) throw new TypeError(`${where}.gates should be a list of functions, got ${shown(gates)}`);
  for (const one of gates as readonly unknown[]) checkFunction(`${where}.gates`, one);
  return gates as readonly Gate[];
}

function middlewaresOf(where: string, use: AnyMethodOptions["use"] = []): readonly (Middleware | StreamMiddleware)[] {
  if (!Array.isArray(use)) throw new TypeError(`${where}.use should be a list of middlewares, got ${shown(use)}`);
  for (const one of use as readonly unknown[]) {
    if (typeof one !== "function") throw new TypeError(`${where}.use should hold middlewares, got ${shown(one)}`);
  }
  return use as readonly (Middleware | StreamMiddleware)[];
}
