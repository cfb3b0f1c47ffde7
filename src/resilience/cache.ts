/**
 * Answers that may be used again for a while: for what is read far more often than it changes. In front of a handler it saves
 * work, on a client it saves calls.
 *
 * @module
 */
import {
  ActiveCall,
  described,
  OTHER,
  TIMEOUT_MS,
  type Context,
  type LayerState,
  type MethodInfo,
  type Middleware,
} from "../endpoint/index.ts";
import { checkFunction } from "../internal/check.ts";
import { CacheBooks, type CacheSnapshot } from "./cache-books.ts";
import { cacheSettings, type CacheOptions } from "./cache-options.ts";
import { checkShareable, type AnyEndpoint } from "./single-flight.ts";

/** What both forms of a cache can be asked and told. */
export interface CacheControl {
  /** Forgets what is kept under a key, of every method. What is being fetched will not be kept. */
  invalidate(key: string): void;
  /** Forgets everything. */
  clear(): void;
  /** How it stands now, as plain data. */
  snapshot(): CacheSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

/** A middleware; its methods are about the answers of all methods it stands before. */
export interface Cache<Req = unknown> extends Middleware<Req>, CacheControl {}

/** A function whose answers are kept. */
export interface CachedFunction<A extends unknown[], T> extends CacheControl {
  (...args: A): T;
  /** What is kept for these arguments, fresh or old, without fetching: a step of a fallback. Undefined when there is none. */
  peek(...args: A): Awaited<T> | undefined;
}

/** What a cache around a function is made of. */
export interface CachedFunctionOptions<A extends unknown[]> extends Omit<CacheOptions, "key"> {
  /** The key of a call; undefined: this one is neither looked up nor kept. */
  readonly key: (...args: A) => string | undefined;
}

/**
 * Makes a cache as a middleware. An answer is fresh for `ttlMs`; for `staleMs` more it is answered with while a new one is
 * fetched behind it; when a new one cannot be had, for `staleIfErrorMs`. However many ask for what is missing, it is fetched
 * once. `markOf(answer)` says "stale" of what is old, and a server's reply says it in the metadata `answer-mark`. Metadata of
 * replies is not kept.
 *
 * Values are shared by all who ask, not copied: see `freeze`.
 *
 * @throws {RangeError} when an option is out of range.
 * @throws {TypeError} before a method that is not idempotent or has streams, or without `key`.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { cache } from "servicekit/resilience";
 * import { local } from "servicekit/transport/local";
 * import { z } from "zod";
 *
 * const of = z.object({ of: z.string() });
 * const rates = service("rates", { get: method({ request: of, response: z.object({ n: z.int() }), idempotent: true }) });
 * const kept = cache<{ of: string }>({ key: (request) => request.of, ttlMs: 60_000 });
 * let n = 0;
 * const impl = rates.implement({ get: () => ({ n: ++n }) }, { methods: { get: { use: [kept] } } });
 * const remote = client(rates, local(impl));
 * [await remote.get({ of: "eur" }), await remote.get({ of: "eur" })]; // => [{ n: 1 }, { n: 1 }]
 * kept.invalidate("eur");
 * await remote.get({ of: "eur" }); // => { n: 2 }
 * ```
 */
export function cache<Req = unknown>(options: CacheOptions<Req>): Cache<Req> {
  const settings = cacheSettings("cache", options);
  const books = new CacheBooks(settings);
  function guard(next: AnyEndpoint, method: MethodInfo): AnyEndpoint {
    checkShareable("cache", method);
    checkFunction("cache: key", settings.key);
    const keyOf = settings.key as (request: unknown, context: Context) => string | undefined;
    const { loader, prefix } = books.add(method);
    return function cached(request, context) {
      const key = keyOf(request, context);
      if (key === undefined) return next(request, context);
      return books.answer(loader, { key: prefix + key, next, request, context });
    };
  }
  const state = (): LayerState => ({ type: "cache", ...books.snapshot() });
  return Object.assign(described(books.describe(), guard, state), controlOf(books)) as unknown as Cache<Req>;
}

/**
 * Puts the same cache around a function. A plain value stays a plain value. What it throws is not kept, nor what it is called
 * with beyond the key.
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { withCache } from "servicekit/resilience";
 *
 * let n = 0;
 * const load = withCache(async (id: string) => `${id} ${++n}`, { key: (id) => id, ttlMs: 60_000 });
 * await load("a"); // => "a 1"
 * await load("a"); // => "a 1"
 * load.peek("a"); // => "a 1"
 * load.snapshot().hits; // => 1
 * ```
 */
export function withCache<A extends unknown[], T>(
  fn: (...args: A) => T,
  options: CachedFunctionOptions<A>,
): CachedFunction<A, T> {
  checkFunction("withCache: fn", fn);
  const { key: keyOf, ...rest } = options ?? {};
  checkFunction("withCache: key", keyOf);
  const settings = cacheSettings("withCache", rest);
  const { clock } = settings;
  const books = new CacheBooks(settings);
  const { loader, prefix } = books.add();
  const next = (args: unknown): unknown => fn(...(args as A));
  function cached(...args: A): unknown {
    const key = keyOf(...args);
    if (key === undefined) return fn(...args);
    const { context } = new ActiveCall(ANY_FUNCTION, { startMs: clock.now(), timeoutMs: Infinity });
    return books.answer(loader, { key: prefix + key, next, request: args, context });
  }
  function peek(...args: A): unknown {
    const key = keyOf(...args);
    const entry = key === undefined ? undefined : books.store.use(prefix + key, clock.now());
    return entry?.isThrown === false ? entry.value : undefined;
  }
  return Object.assign(cached, controlOf(books), { peek }) as unknown as CachedFunction<A, T>;
}

/** Where there is no method. Its time bounds what is fetched behind an old answer. */
const ANY_FUNCTION: MethodInfo = {
  service: OTHER,
  name: "function",
  kind: "unary",
  side: "server",
  idempotent: true,
  errors: [],
  timeoutMs: 10 * TIMEOUT_MS,
};

function controlOf(books: CacheBooks): CacheControl {
  return {
    invalidate: (key) => books.invalidate(key),
    clear: () => books.clear(),
    snapshot: () => books.snapshot(),
    describe: () => books.describe(),
  };
}
