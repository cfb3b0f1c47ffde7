/**
 * A scenario made of real parts: the instances, what serves on them, the clients.
 *
 * @module
 */
import { client, close, type ClosableClient } from "../client/index.ts";
import type { Source } from "../discovery/index.ts";
import { VirtualTime } from "../internal/virtual-time.ts";
import { seededRandom, type Random } from "../time/index.ts";
import { SERVICE } from "./check-scenario.ts";
import { simulatedService, type SimulatedMethods } from "./contract.ts";
import { newsLogger, type News } from "./news.ts";
import { Recorder } from "./recorder.ts";
import { simulatedSource } from "./registry.ts";
import type { Backend, ServerData } from "./backend.ts";
import type { ClientData, Scenario, World } from "./scenario.ts";
import { serving, type Downstream, type Serving } from "./serving.ts";
import { Site } from "./site.ts";
import { simulatedTransport, type Place, type Wire } from "./transport.ts";

/** A client of a simulated service. */
export type Remote = ClosableClient<SimulatedMethods>;

/** What `date()` says at the beginning. */
const DATE_MS = Date.UTC(2026, 0, 1);
/** A moment is about a nanosecond. */
const MOMENTS_PER_MS = 2 ** 20;

/** All parts of one run. */
export class Simulation {
  readonly scenario: Scenario;
  readonly time: VirtualTime = new VirtualTime(DATE_MS, MOMENTS_PER_MS);
  readonly recorder: Recorder = new Recorder();
  readonly news: News[] = [];
  readonly sites: readonly Site[];
  readonly places: Map<string, Place> = new Map();
  /** Whether anything waits by promises; else one moment may follow the other at once. */
  readonly hasPromises: boolean;
  readonly #seed: number;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #remotes: Remote[] = [];
  #randoms = 0;

  constructor(scenario: Scenario, seed: number) {
    this.scenario = scenario;
    this.#seed = seed;
    const { time } = this;
    this.sites = scenario.backends
      .flatMap((backend) => addressesOf(backend).map((address) => ({ backend, address })))
      .map(({ backend, address }, place) => new Site({ backend, address, place, time, random: this.random() }));
    const services = new Set(this.sites.map(serviceOf));
    this.#sources = new Map([...services].map((name) => [name, simulatedSource(name, this.sitesOf(name), time)]));
    for (const site of this.sites) this.places.set(site.address, { site, serving: this.#servingOf(site) });
    this.hasPromises =
      scenario.client !== false || [...this.places.values()].some(({ serving }) => serving !== undefined);
  }

  /** Chance of its own for one part, so that one part more takes nothing from the others. */
  random(): Random {
    return seededRandom((Math.imul(this.#seed, 0x9e37_79b1) + Math.imul(++this.#randoms, 0x85eb_ca6b)) >>> 0);
  }

  /** The instances of a service. */
  sitesOf(service: string): readonly Site[] {
    return this.sites.filter((site) => serviceOf(site) === service);
  }

  /** The clients of the scenario's load. */
  remotes(service: string): readonly Remote[] {
    const { client: data, clients = 1 } = this.scenario;
    return Array.from({ length: clients }, (_, index) =>
      this.#remote(service, {
        data: data === false ? undefined : data,
        index,
        who: `client ${index + 1}`,
        counts: true,
      }),
    );
  }

  /** Ends all clients. */
  async close(): Promise<void> {
    await Promise.all(this.#remotes.map((remote) => close(remote)));
  }

  #remote(service: string, { data, index, who, counts }: RemoteOptions): Remote {
    const world = this.#world(index);
    const given = typeof data === "function" ? data(world) : data;
    const wire: Wire = { clock: this.time, recorder: this.recorder, places: this.places };
    const remote = client(simulatedService(service), simulatedTransport(wire, counts), {
      log: newsLogger(who, this.time.now, this.news),
      ...given,
      from: this.#sources.get(service)!,
      clock: this.time,
      random: world.random,
    });
    this.#remotes.push(remote);
    return remote;
  }

  #servingOf(site: Site): Serving | undefined {
    const { backend, address, place } = site;
    if (backend.server === undefined && backend.calls === undefined) return undefined;
    const data: ServerData =
      typeof backend.server === "function" ? backend.server(this.#world(place)) : (backend.server ?? {});
    const own = backend.client ?? this.scenario.client;
    const downstream = (backend.calls ?? []).map((service): Downstream => {
      const remote = this.#remote(service, {
        data: own === false ? undefined : own,
        index: place,
        who: address,
        counts: false,
      });
      return (request, context) => remote.read(request, context);
    });
    return serving({ service: serviceOf(site), site, data, downstream, clock: this.time });
  }

  #world(index: number): World {
    return { clock: this.time, random: this.random(), index };
  }
}

interface RemoteOptions {
  readonly data: ClientData | ((world: World) => ClientData) | undefined;
  readonly index: number;
  readonly who: string;
  readonly counts: boolean;
}

function serviceOf({ backend }: Site): string {
  return backend.service ?? SERVICE;
}

function addressesOf({ name, count = 1 }: Backend): readonly string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
}
