/**
 * What the cases about registries share: instances, a source that is watched, waiting until something is so.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  instance,
  registrar,
  type Announcer,
  type Instance,
  type Registrar,
  type RegistrarOptions,
  type Source,
  type SourceEvent,
  type SourceOptions,
} from "../discovery/index.ts";
import type { ListingChange } from "../discovery/index.ts";
import { sleep, systemClock, systemRandom, type Clock, type Expiring, type Timer } from "../time/index.ts";
import type { InstanceField, RegistryHarness } from "./source-suite.ts";

let lastHost = 0;

/** An instance at an address nobody has had, of a service. */
function anInstance(service: string, more: Partial<Instance> = {}): Instance {
  const host = ++lastHost;
  const address = `10.77.${(host >> 8) & 255}.${host & 255}:8081`;
  return instance({ id: `${service}-${host}`, address, service, ...more });
}

/** The machine's clock, with a count of what waits. */
export interface CountedClock extends Clock {
  readonly pending: number;
}

/** Makes a clock that counts. */
export function countedClock(): CountedClock {
  const waiting = new Set<object>();
  function counted(set: (fired: () => void) => Timer): Timer {
    const key = {};
    waiting.add(key);
    const timer = set(() => void waiting.delete(key));
    return { cancel: () => (waiting.delete(key), timer.cancel()) };
  }
  return {
    now: () => systemClock.now(),
    date: () => systemClock.date(),
    after: (delayMs, run) => counted((fired) => systemClock.after(delayMs, () => (fired(), run()))),
    expire: (delayMs, target: Expiring) =>
      counted((fired) =>
        systemClock.expire(delayMs, {
          expire: () => (fired(), target.expire()),
          keepsAlive: target.keepsAlive,
        }),
      ),
    get pending() {
      return waiting.size;
    },
  };
}

/** A source that somebody listens to, and what he heard. */
export interface Watched extends Disposable {
  readonly source: Source;
  readonly clock: CountedClock;
  readonly changes: ListingChange[];
  readonly events: SourceEvent[];
  /** Waits until the addresses are these, in any order. */
  shows(...instances: readonly Instance[]): Promise<void>;
  /** Leaves. */
  leave(): void;
}

/** One case's place in a registry. */
export class Place {
  readonly service: string;
  readonly #harness: RegistryHarness;
  readonly #around: (announcer: Announcer) => Announcer;

  constructor(harness: RegistryHarness, around: (announcer: Announcer) => Announcer = (announcer) => announcer) {
    this.#harness = harness;
    this.#around = around;
    this.service = harness.service?.() ?? `suite${systemRandom.hex(6)}`;
  }

  instance(more: Partial<Instance> = {}): Instance {
    return anInstance(this.service, more);
  }

  async put(...instances: readonly Instance[]): Promise<void> {
    for (const one of instances) await this.#harness.put(this.service, one);
  }

  remove(one: Instance): Promise<void> {
    return this.#harness.remove(this.service, one);
  }

  source(options: SourceOptions = {}): Source {
    return this.#harness.source(this.service, options);
  }

  /** Joins a source of its own. */
  watch(options: SourceOptions = {}): Watched {
    const clock = countedClock();
    const events: SourceEvent[] = [];
    const source = this.source({ clock, onEvent: (event) => void events.push(event), ...options });
    const changes: ListingChange[] = [];
    const joined = source.subscribe((change) => void changes.push(change));
    return {
      source,
      clock,
      changes,
      events,
      shows: (...instances) =>
        this.until(() => {
          const wanted = instances.map(({ address }) => address).toSorted();
          const shown = source.listing.instances.map(({ address }) => address).toSorted();
          return String(shown) === String(wanted)
            ? undefined
            : `shows ${shown.join(" ")} instead of ${wanted.join(" ")}`;
        }),
      leave: () => joined.cancel(),
      [Symbol.dispose]: () => joined.cancel(),
    };
  }

  /** Puts instances there, and joins a source of its own until it shows them. */
  async showing(instances: readonly Instance[], options: SourceOptions = {}): Promise<Watched> {
    await this.put(...instances);
    const watched = this.watch(options);
    try {
      await watched.shows(...instances);
      return watched;
    } catch (error) {
      watched.leave();
      throw error;
    }
  }

  /** A registrar of an instance over a new announcer. */
  registrar(one: Instance, options: Partial<RegistrarOptions> = {}): Registrar {
    return registrar({ announcer: this.announcer(), instance: one, ...options });
  }

  announcer(): Announcer {
    return this.#around(this.#harness.announcer!(this.service));
  }

  /** Waits until `wrong` finds nothing wrong any more. */
  async until(wrong: () => string | undefined, patienceMs: number = this.patienceMs): Promise<void> {
    const untilMs = systemClock.now() + patienceMs;
    for (let said = wrong(); said !== undefined; said = wrong()) {
      assert.ok(systemClock.now() < untilMs, `after ${patienceMs} ms: ${said}`);
      await sleep(10);
    }
  }

  get patienceMs(): number {
    return this.#harness.patienceMs ?? 20_000;
  }
}

/** Asserts that an instance has come through with all that is carried. */
export function assertCarried(found: Instance | undefined, put: Instance, fields: readonly InstanceField[]): void {
  assert.ok(found !== undefined, `${put.address} is not there`);
  assert.equal(found.address, put.address);
  for (const field of fields) {
    if (field === "tags") assert.deepEqual(found.tags.toSorted(), put.tags.toSorted(), "tags");
    // A registry may have its own beside ours.
    else if (field === "metadata")
      assert.deepEqual({ ...found.metadata, ...put.metadata }, { ...found.metadata }, "metadata");
    else assert.equal(found[field], put[field], field);
  }
}

/** The instance at an address. */
export function at(source: Source, { address }: Instance): Instance | undefined {
  return source.listing.instances.find((one) => one.address === address);
}

/** What a case does at a place of its own, with two instances that nobody knows yet. */
export type PlacedRun = (place: Place, one: Instance, two: Instance) => Promise<void>;

/** Readies the place anew for each run. */
export function placed(harness: RegistryHarness, run: PlacedRun): () => Promise<void> {
  return function begin() {
    const place = new Place(harness);
    return run(place, place.instance(), place.instance());
  };
}
