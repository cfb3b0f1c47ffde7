/**
 * What a cache may be told, checked once.
 *
 * @module
 */
import type { Context } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkNumber, shown } from "../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";

/** What a cache is made of. */
export interface CacheOptions<Req = unknown> {
  /**
   * The key of a request; undefined: this one is neither looked up nor kept. Everything the answer depends on belongs into it,
   * also who asks. Needed as a middleware; `withCache` has a key of its own.
   */
  readonly key?: ((request: Req, context: Context) => string | undefined) | undefined;
  /** How long an answer is fresh, in milliseconds, at least 1. */
  readonly ttlMs: number;
  /**
   * How long after that it is still answered with while a new one is fetched behind it, in milliseconds. Default: 0, nobody
   * gets what is old.
   */
  readonly staleMs?: number | undefined;
  /**
   * How long after its time it is answered with when a new one cannot be had, in milliseconds: the other side fails or has too
   * much to do; what it forbids or does not know is an answer. Default: `staleMs`.
   */
  readonly staleIfErrorMs?: number | undefined;
  /** How long declared errors, undefined and null are kept, in milliseconds. Default: 0, they are not. */
  readonly negativeTtlMs?: number | undefined;
  /** The most answers kept, an integer of at least 1; the one used longest ago goes first. Default: 1000. */
  readonly maxEntries?: number | undefined;
  /** The most they may take together, as `sizeOf` tells, at least 1. Default: not counted. */
  readonly maxBytes?: number | undefined;
  /** How much an answer takes. Asked only with `maxBytes`. Default: twice the characters of its JSON. */
  readonly sizeOf?: ((value: unknown) => number) | undefined;
  /**
   * The part of `ttlMs`, from 0 to 1, by which an answer may be fresh for less, by chance: what was fetched together must not
   * all be fetched again together. Default: 0.1.
   */
  readonly jitter?: number | undefined;
  /**
   * Whether objects and arrays that are kept are frozen, all the way down: they are shared by all who ask, and one who changes
   * them should hear of it. Default: on a client, whose answers are nobody else's; a handler may well answer with an object
   * that it goes on changing.
   */
  readonly freeze?: boolean | undefined;
  /** Default: the machine's clock. On a server or client, its clock. */
  readonly clock?: Clock | undefined;
  /** The chance of `jitter`. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** The same, complete and checked. */
export interface CacheSettings {
  readonly key: ((request: never, context: Context) => string | undefined) | undefined;
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly staleIfErrorMs: number;
  readonly negativeTtlMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly sizeOf: (value: unknown) => number;
  readonly jitter: number;
  readonly freeze: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES =
  "key ttlMs staleMs staleIfErrorMs negativeTtlMs maxEntries maxBytes sizeOf jitter freeze clock random".split(" ");
const MOST = Number.MAX_SAFE_INTEGER;

/** Checks the options and fills in what was left out. */
export function cacheSettings<Req>(what: string, options: CacheOptions<Req> = {} as CacheOptions<Req>): CacheSettings {
  checkNames(what, options, NAMES);
  const { key, freeze, sizeOf = jsonSize, clock = systemClock, random = systemRandom } = options;
  if (key !== undefined) checkFunction(`${what}: key`, key);
  checkFunction(`${what}: sizeOf`, sizeOf);
  if (freeze !== undefined && typeof freeze !== "boolean")
    throw new TypeError(`${what}: freeze should be true or false, got ${shown(freeze)}`);
  const staleMs = checkNumber(`${what}: staleMs`, options.staleMs ?? 0, { min: 0, max: MOST });
  return {
    key: key as CacheSettings["key"],
    ttlMs: checkNumber(`${what}: ttlMs`, options.ttlMs, { min: 1, max: MOST }),
    staleMs,
    staleIfErrorMs: checkNumber(`${what}: staleIfErrorMs`, options.staleIfErrorMs ?? staleMs, { min: 0, max: MOST }),
    negativeTtlMs: checkNumber(`${what}: negativeTtlMs`, options.negativeTtlMs ?? 0, { min: 0, max: MOST }),
    maxEntries: checkNumber(`${what}: maxEntries`, options.maxEntries ?? 1000, {
      min: 1,
      max: 10_000_000,
      integer: true,
    }),
    maxBytes: checkNumber(`${what}: maxBytes`, options.maxBytes ?? Infinity, { min: 1 }),
    sizeOf,
    jitter: checkNumber(`${what}: jitter`, options.jitter ?? 0.1, { min: 0, max: 1 }),
    freeze,
    clock,
    random,
  };
}

// What has no JSON has no size that anybody knows, and is not kept.
function jsonSize(value: unknown): number {
  try {
    return 2 * (JSON.stringify(value)?.length ?? 0);
  } catch {
    return Infinity;
  }
}
