/**
 * What a cache counts, and how it answers: fresh, old, or fetched.
 *
 * @module
 */
import { settle, type Context, type MethodInfo } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { CacheLoader } from "./cache-load.ts";
import type { CacheSettings } from "./cache-options.ts";
import { CacheStore, type CacheEntry } from "./cache-store.ts";
import { markAnswer } from "./mark.ts";
import type { SharedRequest } from "./single-flight.ts";
import { isReplaceable } from "./verdict.ts";

/** A cache at one moment, fit for JSON. */
export interface CacheSnapshot {
  readonly entries: number;
  /** What they take together; 0 without `maxBytes`. */
  readonly bytes: number;
  /** Answered from the cache, fresh. */
  readonly hits: number;
  /** Answered from the cache, old. */
  readonly stale: number;
  /** Not answered from the cache. */
  readonly misses: number;
  /** Fetched, also behind an old answer; fewer than misses where several asked at once. */
  readonly loads: number;
  /** Fetched in vain. */
  readonly failures: number;
  /** Dropped for want of room. */
  readonly evicted: number;
}

/** One cache. */
export class CacheBooks {
  readonly store: CacheStore;
  readonly #settings: CacheSettings;
  /** By what stands in front of the keys of a method. */
  readonly #loaders = new Map<string, CacheLoader>();
  #hits = 0;
  #stale = 0;
  #misses = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
    this.store = new CacheStore(settings);
  }

  /** The loader of one method more, and what stands in front of its keys: two may have equal ones. */
  add(method?: MethodInfo): { readonly loader: CacheLoader; readonly prefix: string } {
    const prefix = `${this.#loaders.size} `;
    const loader = new CacheLoader(this.#settings, this.store, method);
    this.#loaders.set(prefix, loader);
    return { loader, prefix };
  }

  /** What is kept under a key and fresh or to be answered with all the same; undefined: fetch. Refreshes what is old. */
  answer(loader: CacheLoader, call: SharedRequest): unknown {
    // When the call began: nobody who is served from here has read the clock.
    const nowMs = call.context.startMs;
    const entry = this.store.use(call.key, nowMs);
    if (entry !== undefined && nowMs < entry.freshUntilMs) {
      this.#hits++;
      return given(entry);
    }
    if (entry !== undefined && nowMs < entry.staleUntilMs) return this.#old(loader, call, entry);
    this.#misses++;
    if (entry === undefined || nowMs >= entry.staleIfErrorUntilMs) return loader.fetch(call);
    const spare = (error: unknown): unknown => {
      if (call.context.canceledBy !== undefined || !isReplaceable(error)) throw error;
      return this.#marked(entry, call.context);
    };
    return settle(
      () => loader.fetch(call),
      (value) => (ServiceError.is(value) && isReplaceable(value) ? this.#marked(entry, call.context) : value),
      spare,
    );
  }

  #old(loader: CacheLoader, call: SharedRequest, entry: CacheEntry): unknown {
    const value = loader.refresh(call);
    if (value === undefined) return this.#marked(entry, call.context);
    this.#misses++;
    return value;
  }

  #marked(entry: CacheEntry, context: Context): unknown {
    this.#stale++;
    markAnswer(entry.value, "stale", context);
    return given(entry);
  }

  invalidate(key: string): void {
    for (const [prefix, loader] of this.#loaders) {
      this.store.remove(prefix + key);
      loader.outdate(prefix + key);
    }
  }

  clear(): void {
    this.store.clear();
    for (const loader of this.#loaders.values()) loader.outdateAll();
  }

  snapshot(): CacheSnapshot {
    const loaders = [...this.#loaders.values()];
    return {
      entries: this.store.size,
      bytes: this.store.bytes,
      hits: this.#hits,
      stale: this.#stale,
      misses: this.#misses,
      loads: loaders.reduce((sum, { loads }) => sum + loads, 0),
      failures: loaders.reduce((sum, { failures }) => sum + failures, 0),
      evicted: this.store.evicted,
    };
  }

  describe(): string {
    const { ttlMs, staleMs, maxEntries } = this.#settings;
    return `cache ${ttlMs} ms${staleMs > 0 ? `, stale ${staleMs} ms more` : ""}, ${maxEntries} entries`;
  }
}

function given({ value, isThrown }: CacheEntry): unknown {
  if (isThrown) throw value;
  return value;
}
