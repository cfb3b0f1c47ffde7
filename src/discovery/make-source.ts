/**
 * Makes a source from a watch: the part that is the same for every registry.
 *
 * @module
 */
import type { Subscription } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkString } from "../internal/check.ts";
import type { Timer } from "../time/index.ts";
import { difference } from "./difference.ts";
import type { Instance, InstanceInput } from "./instance.ts";
import { Intake } from "./intake.ts";
import { Listeners, type Listener } from "./listeners.ts";
import { LossGuard } from "./loss-guard.ts";
import { Recent } from "./recent.ts";
import { snapshotInstances, SnapshotSaver } from "./snapshot.ts";
import { sourceOptionNames, sourceSettings, type SourceOptions, type SourceSettings } from "./source-options.ts";
import type { Explanation, Listing, Source } from "./source.ts";
import { Telling } from "./telling.ts";
import { awaitListing } from "./until-ready.ts";
import { asError, WatchLoop, type LoopListener } from "./watch-loop.ts";
import type { Watch } from "./watch.ts";

/** A source to be. */
export interface SourceDefinition extends SourceOptions {
  /** For people, e.g. `consul add`; also the label `source` of metrics. */
  readonly name: string;
  /** The service of instances that do not say theirs. Default: "". */
  readonly service?: string | undefined;
  readonly watch: Watch;
}

/**
 * Makes a source of whatever a watch tells. The watch runs while somebody listens. When it fails it is called again after a
 * jittered back-off, and what was known stays known; a list that is empty or has lost most instances all of a sudden is not believed
 * at once; instances that did not change stay the same objects. (Go kit `sd/…/instancer.go` has such a loop in each package, one
 * different from the next.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { source } from "servicekit/discovery";
 *
 * const add = source({
 *   name: "my registry",
 *   watch: async ({ list }) => list(["10.0.0.1:8081", "10.0.0.2:8081"]),
 * });
 * const { instances } = await add.ready();
 * instances.length; // => 2
 * ```
 */
export function source(definition: SourceDefinition): Source {
  checkNames("source", definition, ["name", "service", "watch", ...sourceOptionNames]);
  checkString("name", definition.name);
  checkFunction("watch", definition.watch);
  const { service = "", watch } = definition;
  const { intervalMs, silenceMs } = watch;
  return new WatchedSource(definition, sourceSettings(definition, { service, intervalMs, silenceMs }));
}

type ById = ReadonlyMap<string, Instance>;

class WatchedSource implements Source, LoopListener {
  readonly "~source" = true;
  readonly name: string;
  #listing: Listing = { instances: [], state: "starting", error: undefined, updatedMs: -Infinity };
  #known: ById = new Map();
  /** What the registry said last: less than what is known while something is kept. */
  #said: ById = new Map();
  #because = "";
  #lost: { readonly error: Error; readonly sinceMs: number } | undefined = undefined;
  #emptying: Timer | undefined = undefined;
  #hasLoaded = false;
  readonly #gone = new Recent();
  readonly #settings: SourceSettings;
  readonly #telling: Telling;
  readonly #intake: Intake;
  readonly #guard: LossGuard;
  readonly #loop: WatchLoop;
  readonly #saver: SnapshotSaver | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #listeners: Listeners = new Listeners({
    first: () => this.#start(),
    last: () => this.#stop(),
    thrown: (error) =>
      this.#telling.event({ kind: "listener", source: this.name, error: asError(error, "a listener") }),
  });

  constructor({ name, service = "", watch, ...options }: SourceDefinition, settings: SourceSettings) {
    this.name = name;
    this.#settings = settings;
    this.#telling = new Telling(name, options);
    this.#intake = new Intake(service, (error) => this.#telling.event({ kind: "skipped", source: name, error }));
    this.#guard = new LossGuard(settings, () => this.#show(this.#said, "fresh", undefined));
    this.#loop = new WatchLoop({ ...settings, name, watch }, this);
    const { snapshot, seed } = settings;
    this.#saver = snapshot && new SnapshotSaver(snapshot, (error) => this.#snapshotFailed(error));
    if (seed.length > 0) this.#show(byId(seed), "seed", undefined);
    else this.#telling.listing(this.#listing);
  }

  get listing(): Listing {
    return this.#listing;
  }

  subscribe(listener: Listener): Subscription {
    checkFunction("listener", listener);
    return this.#listeners.add(listener);
  }

  ready(signal?: AbortSignal): Promise<Listing> {
    return awaitListing(this, this.#waiting, { clock: this.#settings.clock, signal });
  }

  find(id: string): Instance | undefined {
    return this.#known.get(id);
  }

  explain(): readonly Explanation[] {
    const { instances, state } = this.#listing;
    const because = state === "fresh" ? "listed" : STATES[state];
    const present = instances.map((instance) => {
      const isSaid = state !== "fresh" || this.#said.has(instance.id);
      return { instance, isIn: true, because: isSaid ? because : `kept: ${this.#because}` };
    });
    return [...present, ...this.#gone.explain()];
  }

  took(entries: readonly (string | InstanceInput)[]): void {
    const said = this.#intake.take(entries, this.#known);
    this.#said = said;
    this.#back();
    const held = this.#guard.judge(this.#known.size, said.size);
    if (held === undefined) return this.#show(said, "fresh", undefined);
    this.#because = held.because;
    if (held.isFirst) this.#telling.event({ kind: "kept", source: this.name, because: held.because });
    const all = new Map(said);
    for (const [id, one] of this.#known) if (!all.has(id)) all.set(id, one);
    this.#show(all, "fresh", new Error(`${this.name}: ${held.because}`));
  }

  answered(): void {
    const { state, error } = this.#listing;
    // Before the first list there is nothing that could be fresh; after a failure there is what it said before.
    if (this.#listing.updatedMs === -Infinity) return;
    const wasLost = this.#lost !== undefined;
    this.#back();
    if (state === "fresh" && !wasLost) return this.#show(this.#known, "fresh", error);
    // Nothing has changed since it said this list; what was kept beside it is judged anew.
    this.took([...this.#said.values()]);
  }

  failed(error: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = { error, sinceMs: this.#settings.clock.now() };
    // What was said is not said any more: the time until it is believed begins anew.
    this.#guard.drop();
    this.#telling.event({ kind: "lost", source: this.name, error });
    const { state } = this.#listing;
    this.#show(this.#known, state === "fresh" ? "stale" : state, error);
    this.#limit();
  }

  retrying(error: Error, delayMs: number): void {
    this.#telling.event({ kind: "retry", source: this.name, error, delayMs });
  }

  skipped(error: Error): void {
    this.#intake.skip(error);
  }

  #start(): void {
    if (!this.#hasLoaded) void this.#load();
    this.#hasLoaded = true;
    this.#loop.start();
  }

  #stop(): void {
    this.#loop.stop();
    this.#guard.drop();
    this.#emptying?.cancel();
    this.#lost = undefined;
    const { state } = this.#listing;
    this.#show(this.#known, state === "fresh" ? "stale" : state, undefined);
  }

  #back(): void {
    const lost = this.#lost;
    if (lost === undefined) return;
    this.#lost = undefined;
    this.#emptying?.cancel();
    const afterMs = this.#settings.clock.now() - lost.sinceMs;
    this.#telling.event({ kind: "back", source: this.name, afterMs });
  }

  /** While the registry is away what it once said is gone by for so long and no longer, whoever kept it meanwhile. */
  #limit(): void {
    const { clock, maxStaleMs } = this.#settings;
    const { state, instances } = this.#listing;
    if (this.#lost === undefined || maxStaleMs === Infinity || state === "seed" || instances.length === 0) return;
    const { error } = this.#lost;
    this.#emptying = clock.expire(maxStaleMs, { expire: () => this.#empty(error) });
  }

  #empty(error: Error): void {
    this.#telling.event({ kind: "emptied", source: this.name, error });
    this.#show(new Map(), "stale", error);
  }

  async #load(): Promise<void> {
    try {
      const text = await this.#settings.snapshot?.load();
      if (text === undefined || this.#listing.updatedMs > -Infinity) return;
      const instances = snapshotInstances(text);
      if (instances.length === 0) return;
      this.#show(byId(instances), "snapshot", this.#listing.error);
      this.#limit();
    } catch (error) {
      this.#snapshotFailed(error);
    }
  }

  #snapshotFailed(error: unknown): void {
    this.#telling.event({ kind: "snapshot", source: this.name, error: asError(error, "the snapshot") });
  }

  #show(next: ById, state: Listing["state"], error: Error | undefined): void {
    const change = next === this.#known ? undefined : difference(this.#known, next);
    const instances = change === undefined ? this.#listing.instances : Object.freeze([...next.values()]);
    const updatedMs = state === "fresh" ? this.#settings.clock.now() : this.#listing.updatedMs;
    const listing: Listing = { instances, state, error, updatedMs };
    this.#listing = listing;
    this.#telling.listing(listing);
    if (change !== undefined) {
      this.#known = next;
      this.#gone.note(
        change,
        state === "stale" ? "given up: the registry has not answered for too long" : "not listed any more",
      );
      this.#telling.event({ kind: "change", source: this.name, change: { listing, ...change } });
      if (state === "fresh") this.#saver?.save(instances);
      this.#listeners.tell({ listing, ...change });
    }
    if (state !== "starting") for (const wake of this.#waiting) wake();
  }
}

const STATES = {
  starting: "",
  seed: "seed: the registry has not answered yet",
  snapshot: "from the snapshot: the registry has not answered yet",
  stale: "listed when the registry answered last",
} as const;

const byId = (instances: readonly Instance[]): ById => new Map(instances.map((one) => [one.id, one]));
