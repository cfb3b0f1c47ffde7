import assert from "node:assert/strict";
import { beforeEach, describe, expect, it } from "vitest";
import { asEveryRegistry } from "../../test/as-every-registry.ts";
import {
  LostRegistration,
  source,
  type Announcer,
  type Instance,
  type SourceOptions,
  type WatchSession,
} from "../discovery/index.ts";
import { sleep, systemClock } from "../time/index.ts";
import { sourceSuite, type RegistryHarness } from "./index.ts";

/** A registry in this process, with everything a real one has: long questions, times that run out, and bad days. */
class MemoryRegistry implements RegistryHarness {
  readonly name = "memory";
  readonly carries = ["id", "weight", "priority", "zone", "version", "tags", "metadata", "health"] as const;
  readonly ttlMs = 1000;
  readonly #services = new Map<string, Map<string, { instance: Instance; untilMs: number }>>();
  readonly #waiting = new Set<() => void>();
  #isDown = false;
  #isFrozen = false;
  #open = 0;
  readonly server = {
    freeze: () => void (this.#isFrozen = true),
    thaw: () => ((this.#isFrozen = false), this.#wake()),
    kill: () => ((this.#isDown = true), this.#wake(), Promise.resolve()),
    restart: () => ((this.#isDown = this.#isFrozen = false), this.#wake(), Promise.resolve()),
  };

  source(service: string, options: SourceOptions) {
    return source({
      ...options,
      name: `memory ${service}`,
      service,
      watch: (session) => this.#watch(service, session),
    });
  }

  announcer(service: string): Announcer {
    return {
      name: `memory ${service}`,
      renewMs: 200,
      register: (one, signal) => this.#answer(signal, () => this.#set(service, one, this.ttlMs)),
      renew: (one, signal) =>
        this.#answer(signal, () => {
          if (!this.#at(service).has(one.id)) throw new LostRegistration(`${one.id} is not known`);
          this.#at(service).get(one.id)!.untilMs = systemClock.now() + this.ttlMs;
        }),
      deregister: (one, signal) => this.#answer(signal, () => this.#delete(service, one.id)),
    };
  }

  put(service: string, one: Instance) {
    return Promise.resolve(this.#set(service, one, Infinity));
  }

  remove(service: string, one: Instance) {
    return Promise.resolve(this.#delete(service, one.id));
  }

  forget(service: string, one: Instance) {
    return this.remove(service, one);
  }

  open() {
    return this.#open;
  }

  async #watch(service: string, { signal, list, alive }: WatchSession): Promise<void> {
    let last = "";
    while (!signal.aborted) {
      await this.#answer(signal, () => undefined);
      for (const [id, { untilMs }] of this.#at(service)) if (untilMs < systemClock.now()) this.#delete(service, id);
      const now = [...this.#at(service).values()].map(({ instance }) => instance);
      if (JSON.stringify(now) !== last) list(structuredClone(now));
      else alive();
      last = JSON.stringify(now);
      await this.#change(signal, 50);
    }
  }

  async #answer(signal: AbortSignal, work: () => void): Promise<void> {
    signal.throwIfAborted();
    while (this.#isFrozen && !this.#isDown) {
      await this.#change(signal, Infinity);
      signal.throwIfAborted();
    }
    if (this.#isDown) throw new Error("connection refused");
    work();
  }

  #change(signal: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer?.cancel();
        signal.removeEventListener("abort", end);
        if (this.#waiting.delete(end)) this.#open--;
        resolve();
      };
      const timer = ms === Infinity ? undefined : systemClock.expire(ms, { expire: end });
      this.#waiting.add(end);
      this.#open++;
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  #at(service: string) {
    const found = this.#services.get(service) ?? new Map<string, { instance: Instance; untilMs: number }>();
    this.#services.set(service, found);
    return found;
  }

  #set(service: string, one: Instance, ttlMs: number): void {
    this.#at(service).set(one.id, { instance: one, untilMs: systemClock.now() + ttlMs });
    this.#wake();
  }

  #delete(service: string, id: string): void {
    if (this.#at(service).delete(id)) this.#wake();
  }

  #wake(): void {
    for (const end of [...this.#waiting]) end();
  }
}

asEveryRegistry(new MemoryRegistry());

describe("the suite", () => {
  let good: MemoryRegistry;
  beforeEach(() => {
    good = new MemoryRegistry();
  });
  // A class's methods are on its prototype: a spread would lose them.
  const like = (changes: Partial<RegistryHarness>): RegistryHarness =>
    Object.assign(Object.create(new Proxy(good, { get: bound })) as RegistryHarness, { patienceMs: 300 }, changes);
  const bound = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === "function" ? (value.bind(target) as unknown) : value;
  };
  const run = (harness: RegistryHarness, id: string): Promise<void> =>
    sourceSuite(harness)
      .find((one) => one.id === id)!
      .run();

  it.each<[string, string, () => Partial<RegistryHarness>]>([
    [
      "source/added",
      "a source that looks once",
      () => ({
        source: (service, options) =>
          source({
            ...options,
            name: service,
            watch: async ({ list, signal }) => {
              list([...(await good.source(service, {}).ready()).instances]);
              await new Promise((resolve) => signal.addEventListener("abort", resolve));
            },
          }),
      }),
    ],
    ["source/first", "instances that do not arrive", () => ({ put: () => Promise.resolve() })],
    ["source/removed", "instances that do not go", () => ({ remove: () => Promise.resolve() })],
    [
      "source/fields",
      "a weight that is lost",
      () => ({
        put: (service, one) => good.put(service, { ...one, weight: 1 }),
      }),
    ],
    [
      "announcer/register",
      "an announcer that never renews",
      () => ({
        announcer: (service) => ({
          ...good.announcer(service),
          renew: () => Promise.reject(new assert.AssertionError({ message: "too late" })),
        }),
      }),
    ],
    [
      "announcer/unknown",
      "an announcer that renews whatever there is",
      () => ({ announcer: (service) => ({ ...good.announcer(service), renew: () => Promise.resolve() }) }),
    ],
    [
      "registrar/lost",
      "an announcer that never sees that it was forgotten",
      () => ({ announcer: (service) => ({ ...good.announcer(service), renew: () => Promise.resolve() }) }),
    ],
    [
      "registrar/close",
      "an announcer that takes nothing out",
      () => ({
        announcer: (service) => ({
          ...good.announcer(service),
          renew: () => Promise.resolve(),
          register: (one) => good.put(service, one),
          deregister: () => Promise.resolve(),
        }),
      }),
    ],
    ["source/leave", "a connection that stays", () => ({ open: () => 1 })],
  ])("finds in %s %s", async (id, _, changes) => {
    await run(good, id);
    await expect(run(like(changes()), id)).rejects.toMatchObject({ name: "AssertionError" });
  });

  it("runs a case about an instance's time anew when the registry was slow", async () => {
    let renewals = 0;
    const announcer = (service: string): Announcer => ({
      ...good.announcer(service),
      async renew() {
        if (++renewals > 1) return;
        await sleep(good.ttlMs / 2);
        throw new LostRegistration("too late");
      },
    });
    await run(like({ announcer, patienceMs: 20_000 }), "announcer/register");
    expect(renewals).toBeGreaterThan(1);
  });

  it("leaves out what the harness cannot do, and says why", () => {
    const { name, carries, ttlMs } = good;
    const bare: RegistryHarness = {
      name,
      carries,
      ttlMs,
      source: (service, options) => good.source(service, options),
      put: () => Promise.resolve(),
      remove: () => Promise.resolve(),
    };
    const cases = sourceSuite(bare, [{ reason: "too slow", cases: ["source/quiet"] }]);
    const skips = new Set(cases.map(({ skip }) => skip));
    expect(skips).toEqual(
      new Set([undefined, "memory has no announcer", "memory has no server to maltreat", "too slow"]),
    );
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    expect(() => sourceSuite(bare, [{ reason: "gone", cases: ["source/none"] }])).toThrow(
      'skip should name cases of the suite, got "source/none"',
    );
  });
});
