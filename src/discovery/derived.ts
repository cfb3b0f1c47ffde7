/**
 * Sources made of other sources: what they say is worked out from the listings below whenever those change.
 *
 * @module
 */
import type { Subscription } from "../endpoint/index.ts";
import { checkFunction, shown } from "../internal/check.ts";
import { difference } from "./difference.ts";
import type { Instance } from "./instance.ts";
import { Listeners, type Listener } from "./listeners.ts";
import type { Explanation, Listing, Source } from "./source.ts";
import { awaitListing } from "./until-ready.ts";
import { asError } from "./watch-loop.ts";

/** How a source is worked out of others. */
export interface Derivation {
  readonly name: string;
  readonly sources: readonly Source[];
  /** The instances, by id, in order. Asked again only when a list below is another. */
  combine(lists: readonly (readonly Instance[])[]): ReadonlyMap<string, Instance>;
  /** State, error and time, of the listings below. */
  sum(listings: readonly Listing[]): Omit<Listing, "instances">;
  explain(): readonly Explanation[];
}

/** Returns what is a source; else throws a TypeError that names it. */
export function checkSource(name: string, given: Source): Source {
  if ((given as Source | null | undefined)?.["~source"] === true) return given;
  throw new TypeError(`${name} should be a source, got ${shown(given)}`);
}

type ById = ReadonlyMap<string, Instance>;

/** A source over others; it watches while somebody listens, and may be asked at any time. */
export class Derived implements Source {
  readonly "~source" = true;
  readonly name: string;
  readonly #derivation: Derivation;
  #lists: readonly (readonly Instance[])[] = [];
  #known: ById = new Map();
  #instances: readonly Instance[] = [];
  #below: readonly Listing[] = [];
  #listing: Listing | undefined = undefined;
  /** What the listeners know: somebody may have asked for the listing before they heard. */
  #told: ById = new Map();
  #joined: readonly Subscription[] = [];
  #thrown: unknown[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #listeners: Listeners = new Listeners({
    first: () => this.#join(),
    last: () => this.#leave(),
    thrown: (error) => void this.#thrown.push(error),
  });

  constructor(derivation: Derivation) {
    this.name = derivation.name;
    this.#derivation = derivation;
  }

  get listing(): Listing {
    const { sources } = this.#derivation;
    const below = sources.map(({ listing }) => listing);
    if (this.#listing !== undefined && below.every((one, at) => one === this.#below[at])) return this.#listing;
    this.#below = below;
    const lists = below.map(({ instances }) => instances);
    if (this.#listing === undefined || lists.some((list, at) => list !== this.#lists[at])) {
      this.#lists = lists;
      const next = this.#derivation.combine(lists);
      if (difference(this.#known, next) !== undefined) {
        this.#known = next;
        this.#instances = Object.freeze([...next.values()]);
      }
    }
    this.#listing = { instances: this.#instances, ...this.#derivation.sum(below) };
    return this.#listing;
  }

  subscribe(listener: Listener): Subscription {
    checkFunction("listener", listener);
    return this.#listeners.add(listener);
  }

  async ready(signal?: AbortSignal): Promise<Listing> {
    if (this.listing.state !== "starting") return this.listing;
    const over = new AbortController();
    const wake = (): void => this.#waiting.forEach((look) => look());
    // A list that is ready and empty is no change.
    for (const source of this.#derivation.sources) void source.ready(over.signal).then(wake, () => undefined);
    try {
      return await awaitListing(this, this.#waiting, { signal });
    } finally {
      over.abort();
    }
  }

  find(id: string): Instance | undefined {
    void this.listing;
    return this.#known.get(id);
  }

  explain(): readonly Explanation[] {
    return this.#derivation.explain();
  }

  #join(): void {
    void this.listing;
    this.#told = this.#known;
    this.#joined = this.#derivation.sources.map((source) => source.subscribe(() => this.#look()));
  }

  #leave(): void {
    for (const joined of this.#joined) joined.cancel();
    this.#joined = [];
  }

  #look(): void {
    const { listing } = this;
    const change = difference(this.#told, this.#known);
    this.#told = this.#known;
    for (const wake of this.#waiting) wake();
    if (change === undefined) return;
    this.#listeners.tell({ listing, ...change });
    const thrown = this.#thrown.splice(0);
    // Reported by the source below, whose listener we are.
    if (thrown.length > 0) throw thrown.length === 1 ? asError(thrown[0], "a listener") : new AggregateError(thrown);
  }
}
