/**
 * Answers by key, bounded in number and size; the one used longest ago goes first.
 *
 * @module
 */
import { ServiceError } from "../errors/index.ts";
import type { CacheSettings } from "./cache-options.ts";

/** One answer. */
export interface CacheEntry {
  readonly value: unknown;
  /** Whether it is an error that was thrown. */
  readonly isThrown: boolean;
  readonly bytes: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  readonly staleIfErrorUntilMs: number;
}

/** The answers. */
export class CacheStore {
  readonly #settings: CacheSettings;
  // A Map keeps the order of setting: setting anew at each use makes its first entry the one used longest ago.
  readonly #entries = new Map<string, CacheEntry>();
  #bytes = 0;
  evicted = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The answer, if there is one that is of any use still. */
  use(key: string, nowMs: number): CacheEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs >= entry.staleIfErrorUntilMs && nowMs >= entry.staleUntilMs && nowMs >= entry.freshUntilMs) {
      this.remove(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Keeps an answer, as long as its kind is kept. */
  keep(key: string, value: unknown, how: { readonly isThrown: boolean; readonly freeze: boolean }): void {
    const { ttlMs, negativeTtlMs, staleMs, staleIfErrorMs, jitter, maxBytes, sizeOf, clock, random } = this.#settings;
    const isNegative = value === undefined || value === null || ServiceError.is(value);
    const lifeMs = isNegative ? negativeTtlMs : ttlMs;
    if (lifeMs === 0) return;
    const bytes = maxBytes === Infinity ? 0 : sizeOf(value);
    this.remove(key);
    if (!(bytes <= maxBytes)) return;
    if (how.freeze && !ServiceError.is(value)) freezeAll(value);
    const freshUntilMs = clock.now() + lifeMs * (1 - jitter * random.fraction());
    this.#entries.set(key, {
      value,
      isThrown: how.isThrown,
      bytes,
      freshUntilMs,
      // What is not there may be there next time: nobody is told the old no.
      staleUntilMs: isNegative ? freshUntilMs : freshUntilMs + staleMs,
      staleIfErrorUntilMs: isNegative ? freshUntilMs : freshUntilMs + staleIfErrorMs,
    });
    this.#bytes += bytes;
    this.#shrink();
  }

  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#bytes -= entry.bytes;
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #shrink(): void {
    const { maxEntries, maxBytes } = this.#settings;
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) return;
      this.remove(key);
      this.evicted++;
    }
  }
}

// Plain objects and arrays only: others have state of their own that freezing breaks (a Date, a Map), or refuse (a view of bytes).
function freezeAll(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freezeAll(part);
}
