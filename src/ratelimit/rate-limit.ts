/**
 * The limiter as a gate: it decides before a body is read, for every kind of method. Around a plain function use
 * `limited` or `paced`.
 *
 * @module
 */
import {
  described,
  descriptionOf,
  type Admission,
  type Context,
  type Gate,
  type LayerState,
  type MethodInfo,
} from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames, checkOneOf } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { Bucket } from "./bucket.ts";
import { BucketTable } from "./keyed-buckets.ts";
import { checkMethod, Rate, refusal, type RateOptions } from "./rate.ts";
import type { TokenBucket, Waiting } from "./token-bucket.ts";

/** What happens to a call for which there is no token: it is refused, or waits its turn within its deadline. */
export type LimitMode = "refuse" | "wait";

/** Whose calls share a bucket: what a function makes of the context, or "peer" for the address at the other end. */
export type LimitKey = "peer" | ((context: Context) => string | undefined);

/** A limit with buckets of its own. */
export interface RateLimitOptions extends RateOptions {
  /**
   * Whose calls share a bucket. Calls for which the function gives undefined share one among them. Default: all callers
   * of a method share its one bucket, since that is what protects a service.
   */
  readonly key?: LimitKey | undefined;
  /** With a key, the most buckets kept per method, as for `keyedBuckets`. Default: 10,000. */
  readonly maxKeys?: number | undefined;
  /** Default: "refuse": a caller that hears no at once can go elsewhere, and a queue helps nobody under overload. */
  readonly mode?: LimitMode | undefined;
  /** For waiting: the clock of the server or client. Refusals take the time from their call. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** A limit by a bucket made elsewhere: shared by all methods the gate stands before, changeable through its `set`. */
export interface SharedLimitOptions {
  /** The bucket that every call takes from. */
  readonly bucket: TokenBucket;
  /** Default: "refuse", as above. */
  readonly mode?: LimitMode | undefined;
}

/**
 * Makes a gate that lets `perSecond` calls begin, `burst` at once. Each method has buckets of its own, also when one gate
 * stands before many; to limit several methods together, give one `bucket`. (Go kit `ratelimit/token_bucket.go`,
 * NewErroringLimiter and NewDelayingLimiter. Refusals here never count for a breaker: in Go kit they open the one around.)
 *
 * The gate answers `resource_exhausted` (reason `rate_limited`) with `retryAfterMs` to a call it does not let through.
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { backgroundContext, ServiceError } from "servicekit";
 * import { rateLimit } from "servicekit/ratelimit";
 *
 * const gate = rateLimit({ perSecond: 1, burst: 1, key: "peer" });
 * const context = backgroundContext();
 * gate(context, context.method) === context; // => true
 * ServiceError.is(gate(context, context.method)); // => true
 * ```
 */
export function rateLimit(options: RateLimitOptions | SharedLimitOptions): Gate {
  const waits = checkOneOf("mode", options.mode ?? "refuse", ["refuse", "wait"]) === "wait";
  if ("bucket" in options) return sharedGate(options, waits);
  checkNames("rateLimit", options, ["perSecond", "burst", "key", "maxKeys", "mode", "clock"]);
  return options.key === undefined ? methodGate(options, waits) : keyedGate(options, options.key, waits);
}

function methodGate(options: RateLimitOptions, waits: boolean): Gate {
  const { clock = systemClock } = options;
  const rate = new Rate(options);
  const bucketOf = perMethod(() => new Bucket(rate, clock));
  function methodRateLimit(context: Context, method: MethodInfo): Admission | Promise<Admission> {
    const bucket = bucketOf(method);
    const nowMs = waits ? clock.now() : context.startMs;
    if (bucket.takeAt(nowMs, 1)) return context;
    return waits ? turn(bucket, context) : refusal(bucket.waitAt(nowMs, 1));
  }
  const stateOf = (method: MethodInfo): LayerState => ({
    ...stateIn(rate),
    tokens: bucketOf.peek(method)?.tokensAt(clock.now()) ?? rate.burst,
  });
  return described(`rateLimit ${rate.text}${waits ? " waiting" : ""}`, methodRateLimit, stateOf);
}

function keyedGate(options: RateLimitOptions, key: LimitKey, waits: boolean): Gate {
  const { clock = systemClock } = options;
  if (key !== "peer") checkFunction("key", key);
  const keyOf = key === "peer" ? peerOf : key;
  const tableOf = perMethod(() => new BucketTable(options));
  function keyedRateLimit(context: Context, method: MethodInfo): Admission | Promise<Admission> {
    const nowMs = waits ? clock.now() : context.startMs;
    const bucket = tableOf(method).bucket(keyOf(context) ?? "", nowMs);
    if (bucket.takeAt(nowMs, 1)) return context;
    return waits ? turn(bucket, context) : refusal(bucket.waitAt(nowMs, 1));
  }
  const whose = key === "peer" ? "peer" : descriptionOf(key);
  const rate = new Rate(options);
  const stateOf = (method: MethodInfo): LayerState => {
    const table = tableOf.peek(method);
    return { ...stateIn(rate), per: whose, keys: table?.size ?? 0, empty: table?.emptyAt(clock.now()) ?? 0 };
  };
  return described(`rateLimit ${rate.text} per ${whose}${waits ? " waiting" : ""}`, keyedRateLimit, stateOf);
}

function sharedGate(options: SharedLimitOptions, waits: boolean): Gate {
  checkNames("rateLimit with a bucket", options, ["bucket", "mode"]);
  const { bucket } = options;
  checkMethod(bucket, "take");
  if (waits) checkMethod(bucket, "wait");
  function sharedRateLimit(context: Context): Admission | Promise<Admission> {
    if (bucket.take()) return context;
    return waits ? turn(bucket, context) : refusal(bucket.waitMs());
  }
  const text = `rateLimit ${bucket.perSecond}/s burst ${bucket.burst} shared${waits ? " waiting" : ""}`;
  const stateOf = (): LayerState => ({
    type: "limiter",
    perSecond: bucket.perSecond,
    burst: bucket.burst,
    tokens: bucket.available,
  });
  return described(text, sharedRateLimit, stateOf);
}

function stateIn(rate: Rate): { type: string; perSecond: number; burst: number } {
  return { type: "limiter", perSecond: Number((1000 / rate.msPerToken).toPrecision(6)), burst: rate.burst };
}

function peerOf(context: Context): string {
  return context.peer;
}

/** Waits for a token as long as the call may take. Only here is the context's signal read: a call that waits is slow anyway. */
function turn(bucket: Waiting, context: Context): Admission | Promise<Admission> {
  if (context.canceledBy !== undefined) return context.canceledBy;
  const waiting = bucket.wait({ deadlineMs: context.deadlineMs, signal: context.signal });
  if (waiting === undefined) return context;
  return waiting.then(
    () => context,
    (error: unknown) => {
      if (ServiceError.is(error)) return error;
      throw error;
    },
  );
}

/**
 * One state per method. The last method is remembered: a gate mostly stands before one, and then nothing is looked up.
 * Weak, since clients may come and go with a gate that stays.
 */
function perMethod<T>(make: () => T): PerMethod<T> {
  const states = new WeakMap<MethodInfo, T>();
  // Made now, so that a wrong option is found at construction.
  let spare: T | undefined = make();
  let lastMethod: MethodInfo | undefined;
  let lastState = spare;
  function stateOf(method: MethodInfo): T {
    if (method === lastMethod) return lastState;
    let state = states.get(method);
    if (state === undefined) {
      state = spare ?? make();
      spare = undefined;
      states.set(method, state);
    }
    lastMethod = method;
    lastState = state;
    return state;
  }
  // For whoever looks on: makes nothing, and does not take the place of the last method.
  stateOf.peek = (method: MethodInfo): T | undefined => states.get(method);
  return stateOf;
}

interface PerMethod<T> {
  (method: MethodInfo): T;
  readonly peek: (method: MethodInfo) => T | undefined;
}
