import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { registry } from "../metrics/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { seededRandom, systemClock } from "../time/index.ts";
import {
  source,
  type Instance,
  type InstanceInput,
  type ListingChange,
  type Source,
  type SourceDefinition,
  type SourceEvent,
  type WatchSession,
} from "./index.ts";

const addresses = (from: { readonly instances: readonly Instance[] }): string =>
  from.instances.map(({ address }) => address).join(" ");

/** A source in virtual time whose watch does what it is told. */
function playground(options: Partial<SourceDefinition> = {}) {
  const clock = virtualClock();
  const events: SourceEvent[] = [];
  const changes: ListingChange[] = [];
  const sessions: (WatchSession & { end(error?: Error): void })[] = [];
  const from = source({
    name: "test add",
    clock,
    random: seededRandom(1),
    retryBaseMs: 100,
    onEvent: (event) => void events.push(event),
    watch: (session) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
        session.signal.addEventListener("abort", () => end());
        sessions.push({ ...session, end });
      }),
    ...options,
  });
  return {
    clock,
    events,
    changes,
    sessions,
    from,
    join: () => from.subscribe((change) => void changes.push(change)),
    /** The run that is on now. */
    get now() {
      return sessions.at(-1)!;
    },
    kinds: () => events.map(({ kind }) => kind),
  };
}

/** A playground that somebody listens to, with a list. */
async function listed(list: readonly (string | InstanceInput)[], options: Partial<SourceDefinition> = {}) {
  const g = playground(options);
  const joined = g.join();
  await settled();
  g.now.list(list);
  return { ...g, joined, now: () => g.sessions.at(-1)! };
}

const ten = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}:1`);

describe("who listens", () => {
  it("begins the watch as the first and ends it as the last, at once, and nothing is left", async () => {
    const g = playground();
    await settled();
    expect(g.sessions).toHaveLength(0);
    const [one, two] = [g.join(), g.join()];
    await settled();
    expect(g.sessions).toHaveLength(1);
    one.cancel();
    one.cancel();
    expect(g.now.signal.aborted).toBe(false);
    two.cancel();
    expect(g.now.signal.aborted).toBe(true);
    expect(g.clock.pending).toBe(0);
    g.now.list(["a:1"]);
    expect([g.from.listing.instances, g.changes]).toEqual([[], []]);
    await g.clock.advance(60_000);
    expect(g.sessions).toHaveLength(1);
  });

  it("may leave during a back-off and during an interval", async () => {
    for (const error of [undefined, new Error("no")]) {
      const g = playground();
      const joined = g.join();
      await settled();
      g.now.end(error);
      await settled();
      expect(g.clock.pending).toBe(1);
      joined.cancel();
      expect(g.clock.pending).toBe(0);
    }
  });

  it("begins anew when joining again, without the old position, and is not told what has not changed", async () => {
    const g = await listed(["a:1"]);
    g.now().list(["a:1"], "index 7");
    g.joined.cancel();
    expect(g.from.listing.state).toBe("stale");
    g.join();
    await settled();
    expect(g.now().position).toBeUndefined();
    g.now().list(["a:1"]);
    expect([g.changes.length, g.from.listing.state]).toEqual([1, "fresh"]);
  });

  it("begins anew also when it leaves and joins again while it is told", async () => {
    const g = await listed(["a:1"]);
    const other = g.from.subscribe(() => {
      other.cancel();
      g.join();
    });
    g.joined.cancel();
    g.now().list(["b:1"], "index 7");
    await settled();
    expect(g.sessions).toHaveLength(2);
    expect(g.now().position).toBeUndefined();
  });

  it("hears the others' changes whatever one of them throws, and may leave while being told", async () => {
    const g = playground();
    const heard: string[] = [];
    g.from.subscribe(() => {
      throw new Error("mine");
    });
    const second = g.from.subscribe(() => (heard.push("second"), second.cancel()));
    g.from.subscribe(() => heard.push("third"));
    await settled();
    g.now.list(["a:1"]);
    g.now.list(["b:1"]);
    expect(heard).toEqual(["second", "third", "third"]);
    expect(g.events.find(({ kind }) => kind === "listener")).toMatchObject({ error: new Error("mine") });
  });

  it("is not kept from anything by an onEvent that throws", async () => {
    const g = await listed(["a:1"], {
      onEvent: () => {
        throw new Error("broken log");
      },
    });
    expect(addresses(g.from.listing)).toBe("a:1");
  });
});

describe("ready", () => {
  it("joins until there is something to go by, even an empty list, and leaves", async () => {
    const g = playground();
    const [first, second] = [g.from.ready(), g.from.ready()];
    await settled();
    g.now.list([]);
    expect((await first).state).toBe("fresh");
    expect((await second).instances).toEqual([]);
    expect(g.now.signal.aborted).toBe(true);
    expect(g.clock.pending).toBe(0);
  });

  it("gives up with the signal's reason, before and meanwhile, and leaves", async () => {
    const g = playground();
    await expect(g.from.ready(AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    expect(g.sessions).toHaveLength(0);
    const gone = new AbortController();
    const waiting = g.from.ready(gone.signal);
    await settled();
    gone.abort(new Error("meanwhile"));
    await expect(waiting).rejects.toThrow("meanwhile");
    expect([g.now.signal.aborted, g.clock.pending]).toEqual([true, 0]);
  });

  it("is at once with a seed", async () => {
    const g = playground({ seed: ["a:1"], service: "add" });
    const listing = await g.from.ready();
    expect([listing.state, addresses(listing), listing.instances[0]?.service]).toEqual(["seed", "a:1", "add"]);
  });
});

describe("a list", () => {
  it("is told as what came, went and became another; what did not change is the same object", async () => {
    const rich = { address: "b:1", weight: 2, tags: ["x"], metadata: { a: "1" }, zone: "z", version: "1" };
    const g = await listed(["a:1", rich, "c:1"]);
    const [a, b, c] = g.from.listing.instances;
    g.now().list(["a:1", { ...rich, tags: ["y"] }, "d:1"]);
    const change = g.changes.at(-1)!;
    expect([change.added, change.removed, change.changed].map((list) => list.map(({ id }) => id))).toEqual([
      ["d:1"],
      ["c:1"],
      ["b:1"],
    ]);
    expect(g.from.listing).toBe(change.listing);
    expect(g.from.find("a:1")).toBe(a);
    expect(g.from.find("b:1")).not.toBe(b);
    expect(change.removed[0]).toBe(c);
    expect(g.from.find("c:1")).toBeUndefined();
  });

  it.each<[string, InstanceInput]>([
    ["weight", { address: "a:1", weight: 2 }],
    ["priority", { address: "a:1", priority: 2 }],
    ["zone", { address: "a:1", zone: "b" }],
    ["version", { address: "a:1", version: "b" }],
    ["health", { address: "a:1", health: "down" }],
    ["service", { address: "a:1", service: "b" }],
    ["tags", { address: "a:1", tags: ["b"] }],
    ["metadata", { address: "a:1", metadata: { a: "b" } }],
    ["address", { address: "b:1", id: "a:1" }],
  ])("that changes only the %s of an instance changes it, and the same again does not", async (_, changed) => {
    const g = await listed(["a:1"]);
    g.now().list([changed]);
    g.now().list([{ ...changed }]);
    expect(g.changes.map((change) => change.changed.length)).toEqual([0, 1]);
    expect(g.from.find("a:1")).toMatchObject(changed);
    g.now().list(["a:1"]);
    expect(g.changes.at(-1)?.changed).toHaveLength(1);
  });

  it("that is the same again is no event, changes no array, and says that all is well", async () => {
    const g = await listed([{ address: "a:1", tags: ["x"], metadata: { a: "1" } }]);
    const { instances, updatedMs } = g.from.listing;
    await g.clock.advance(1000);
    g.now().list([{ metadata: { a: "1" }, tags: ["x"], address: "a:1" }]);
    expect(g.from.listing.instances).toBe(instances);
    expect(g.from.listing.updatedMs).toBe(updatedMs + 1000);
    await g.clock.advance(1000);
    g.now().alive();
    expect(g.from.listing.updatedMs).toBe(updatedMs + 2000);
    expect(g.kinds()).toEqual(["change"]);
  });

  it("with an id twice is taken once, and bad entries are left out; both are told once", async () => {
    const list = ["a:1", { address: "b:1", weight: 0 }, { address: "a:1", weight: 2 }, "c:1", ""] as const;
    const g = await listed(list);
    g.now().list(list);
    expect(addresses(g.from.listing)).toBe("a:1 c:1");
    const told = g.events.flatMap((event) => (event.kind === "skipped" ? [event.error.message] : []));
    expect(told).toEqual([
      "weight should be a number from 0.000001 to 1000000, got 0",
      'instance "a:1" stands in the list more than once',
      'address should be a non-empty string, got ""',
    ]);
    g.now().list(["a:1"]);
    g.now().list(list);
    expect(g.events.filter(({ kind }) => kind === "skipped")).toHaveLength(6);
  });

  it.each<[string, object, string]>([
    ["a misspelt name", { wieght: 5 }, 'an instance has no option "wieght"'],
    ["tags that are null", { tags: null }, "tags should be a list of strings, got null"],
    ["metadata that are null", { metadata: null }, "metadata should be names with strings, got null"],
  ])("in which an instance gets %s says so, though all the rest is as it was", async (_, more, message) => {
    const g = await listed(["a:1", "b:1"]);
    g.now().list(["a:1", { address: "b:1", ...more } as InstanceInput]);
    expect(addresses(g.from.listing)).toBe("a:1");
    const told = g.events.flatMap((event) => (event.kind === "skipped" ? [event.error.message] : []));
    expect(told).toEqual([expect.stringContaining(message)]);
  });

  it("with an address without a port leaves it out, since nobody could call it", async () => {
    const g = await listed(["a:1", "10.0.0.1"]);
    expect(addresses(g.from.listing)).toBe("a:1");
    expect(g.events[0]).toMatchObject({ error: { message: 'address should be host:port or a URL, got "10.0.0.1"' } });
  });

  it("of nothing but bad entries tells of twenty, and of how many more", async () => {
    const bad = Array.from({ length: 1000 }, (_, i) => ({ address: "a:1", id: `${i}`, weight: -i }));
    const g = await listed(["z:1", ...bad]);
    const told = g.events.flatMap((event) => (event.kind === "skipped" ? [event.error.message] : []));
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe("980 further entries of the list cannot be used");
  });

  it("may name what the watch itself had to leave out, told once while it stays so", async () => {
    const g = await listed(["a:1"]);
    for (let i = 0; i < 3; i++) {
      g.now().skipped(new Error("port is missing"));
      g.now().list(["a:1"]);
    }
    expect(g.events.filter(({ kind }) => kind === "skipped")).toHaveLength(1);
  });

  it("of 10,000 instances that did not change makes nothing new", async () => {
    const make = (): InstanceInput[] =>
      Array.from({ length: 10_000 }, (_, i) => ({ id: `i${i}`, address: `10.0.0.1:${i}`, metadata: { a: `${i}` } }));
    const g = await listed(make());
    const before = g.from.listing.instances;
    const tookMs = Array.from({ length: 10 }, () => {
      const again = make();
      const startMs = systemClock.now();
      g.now().list(again);
      return systemClock.now() - startMs;
    });
    expect(g.from.listing.instances).toBe(before);
    // It takes some 3 ms; here only that it is not hundreds. The best of ten, since the machine may stand still meanwhile.
    expect(Math.min(...tookMs)).toBeLessThan(200);
  });
});

describe("a registry that fails", () => {
  it("is asked again with growing, jittered waits; the last list is kept; lost and back are told once", async () => {
    const g = await listed(["a:1"]);
    const away = new Error("connection refused");
    await g.clock.advance(5000);
    for (let i = 0; i < 12; i++) {
      g.now().end(i === 0 ? away : new Error(`${i}`));
      await settled();
      const before = g.sessions.length;
      await g.clock.advance(10_000);
      expect(g.sessions.length).toBe(before + 1);
    }
    expect(g.from.listing).toMatchObject({ state: "stale", error: away });
    expect(addresses(g.from.listing)).toBe("a:1");
    const waits = g.events.flatMap((event) => (event.kind === "retry" ? [event.delayMs] : []));
    expect(waits).toHaveLength(12);
    waits.forEach((wait, i) => expect(wait).toBeLessThanOrEqual(Math.min(10_000, 100 * 2 ** i)));
    expect(Math.max(...waits)).toBeGreaterThan(2000);
    g.now().list(["a:1", "b:1"]);
    expect(g.from.listing).toMatchObject({ state: "fresh", error: undefined });
    const spell = g.kinds().filter((kind) => kind === "lost" || kind === "back");
    expect(spell).toEqual(["lost", "back"]);
    expect(g.events.find((event) => event.kind === "back")).toMatchObject({ afterMs: 120_000 });
  });

  it("is asked at least every 1.5 s until it has answered once, since there is nothing else to go by", async () => {
    const g = playground({ random: { fraction: () => 0.999, hex: () => "" } });
    g.join();
    for (let i = 0; i < 20; i++) {
      await settled();
      g.now.end(new Error("down"));
      await g.clock.advance(1500);
      expect(g.sessions.length).toBe(i + 2);
    }
    expect(g.from.listing).toMatchObject({ state: "starting", instances: [] });
    expect(g.from.listing.error?.message).toBe("down");
  });

  it("right after each answer is not asked faster and faster", async () => {
    const g = playground();
    g.join();
    await settled();
    const handled = new Set<unknown>();
    for (let ms = 0; ms < 60_000; ms += 10) {
      if (!handled.has(g.now)) {
        handled.add(g.now);
        g.now.list(["a:1"]);
        g.now.end(new Error("closed"));
      }
      await g.clock.advance(10);
    }
    expect(g.sessions.length).toBeLessThan(40);
  });

  it("goes on where it stopped, unless the position makes no sense", async () => {
    const g = await listed(["a:1"]);
    g.now().list(["a:1"], "7");
    g.now().end(new Error("x"));
    await g.clock.advance(200);
    expect(g.now().position).toBe("7");
    g.now().alive();
    expect(g.from.listing.state).toBe("fresh");
    g.now().forget();
    g.now().end(new Error("x"));
    await g.clock.advance(1000);
    expect(g.now().position).toBeUndefined();
  });

  it("in silence is broken off and asked anew; a word in time keeps it", async () => {
    const g = await listed(["a:1"], { silenceMs: 1000 });
    const first = g.now();
    for (let i = 0; i < 5; i++) {
      await g.clock.advance(900);
      first.alive();
    }
    expect(first.signal.aborted).toBe(false);
    await g.clock.advance(999);
    expect(first.signal.aborted).toBe(false);
    await g.clock.advance(1);
    expect(first.signal.aborted).toBe(true);
    expect(g.from.listing).toMatchObject({
      state: "stale",
      error: { message: "test add has said nothing for 1000 ms" },
    });
    await g.clock.advance(100);
    expect(g.sessions).toHaveLength(2);
    first.list(["z:1"]);
    expect(addresses(g.from.listing)).toBe("a:1");
  });

  it("may have a watch that hears no signal, or throws at once, or something else than an error", async () => {
    let calls = 0;
    const g = playground({
      silenceMs: 1000,
      watch: () => {
        if (++calls === 1) return new Promise(() => undefined);
        // oxlint-disable-next-line typescript/only-throw-error -- what others throw
        throw "text";
      },
    });
    const joined = g.join();
    await g.clock.advance(5000);
    expect(calls).toBeGreaterThan(2);
    const errors = g.events.flatMap((event) => (event.kind === "retry" ? [event.error.message] : []));
    expect(errors.slice(0, 2)).toEqual(["test add has said nothing for 1000 ms", "test add failed: text"]);
    joined.cancel();
    expect(g.clock.pending).toBe(0);
  });

  it("for maxStaleMs is an empty list with the first error, and filled again when it is back", async () => {
    const g = await listed(["a:1", "b:1"], { maxStaleMs: 60_000 });
    const first = new Error("first");
    g.now().end(first);
    await g.clock.advance(59_000);
    g.now().end(new Error("later"));
    expect(addresses(g.from.listing)).toBe("a:1 b:1");
    await g.clock.advance(1000);
    expect(g.from.listing).toMatchObject({ instances: [], state: "stale", error: first });
    expect(g.changes.at(-1)?.removed).toHaveLength(2);
    expect(g.kinds()).toContain("emptied");
    await g.clock.advance(10_000);
    g.now().alive();
    expect(addresses(g.from.listing)).toBe("a:1 b:1");
  });

  it("for maxStaleMs is an empty list also for who joined when it was away already", async () => {
    const g = await listed(["a:1"], { maxStaleMs: 60_000 });
    g.now().end(new Error("x"));
    await settled();
    g.joined.cancel();
    const joined = g.join();
    await settled();
    g.now().end(new Error("y"));
    await g.clock.advance(60_000);
    expect(g.from.listing).toMatchObject({ instances: [], state: "stale" });
    expect(g.kinds().filter((kind) => kind === "emptied")).toHaveLength(1);
    joined.cancel();
    expect(g.clock.pending).toBe(0);
  });

  it("for maxStaleMs is an empty list also where the snapshot was read after the first failure", async () => {
    let read: (text: string) => void = () => undefined;
    const load = () => new Promise<string>((resolve) => (read = resolve));
    const g = playground({ maxStaleMs: 60_000, snapshot: { load, save: async () => undefined } });
    const joined = g.join();
    await settled();
    g.now.end(new Error("x"));
    await settled();
    read('{"snapshot":1,"instances":["a:1"]}');
    await settled();
    expect([addresses(g.from.listing), g.from.listing.state]).toEqual(["a:1", "snapshot"]);
    await g.clock.advance(60_000);
    expect([addresses(g.from.listing), g.from.listing.state]).toEqual(["", "stale"]);
    joined.cancel();
    expect(g.clock.pending).toBe(0);
  });

  it("is told to those who listen only where an instance changes", async () => {
    const g = await listed(["a:1"]);
    g.now().end(new Error("x"));
    await g.clock.advance(100);
    g.now().list(["a:1"]);
    expect(g.changes).toHaveLength(1);
  });

  it("does not depend on timers that nobody cancelled", async () => {
    const g = await listed(["a:1", "b:1", "c:1", "d:1"], { maxStaleMs: 60_000 });
    g.now().list([]);
    g.now().end(new Error("x"));
    await settled();
    g.joined.cancel();
    expect(g.clock.pending).toBe(0);
  });
});

describe("a registry that is polled", () => {
  it("is asked in the interval, jittered by a tenth", async () => {
    const times: number[] = [];
    const clock = virtualClock();
    const watch = ({ list }: WatchSession): Promise<void> => (times.push(clock.now()), Promise.resolve(list(["a:1"])));
    const joined = source({ name: "x", clock, random: seededRandom(3), intervalMs: 1000, watch }).subscribe(
      () => undefined,
    );
    await clock.advance(60_000);
    joined.cancel();
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(gaps.length).toBeGreaterThan(50);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(900);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1100);
    expect(new Set(gaps).size).toBeGreaterThan(20);
    expect(clock.pending).toBe(0);
  });

  it("goes by the watch's own interval, unless the user says otherwise", async () => {
    for (const [options, count] of [
      [{}, 10],
      [{ intervalMs: 500 }, 20],
    ] as const) {
      const clock = virtualClock();
      let calls = 0;
      const watch = Object.assign(({ list }: WatchSession) => (calls++, Promise.resolve(list([]))), {
        intervalMs: 1000,
      });
      source({ name: "x", clock, random: { fraction: () => 0.5, hex: () => "" }, watch, ...options }).subscribe(
        () => undefined,
      );
      await clock.advance(9999);
      expect(calls).toBe(count);
    }
  });
});

describe("an empty list", () => {
  it("is not believed for the grace time, told once, and then taken", async () => {
    const g = await listed(["a:1", "b:1"]);
    for (let i = 0; i < 59; i++) {
      g.now().list([]);
      await g.clock.advance(1000);
    }
    expect(addresses(g.from.listing)).toBe("a:1 b:1");
    expect(g.from.listing.error?.message).toBe("test add: the list is empty all of a sudden");
    expect(g.kinds().filter((kind) => kind === "kept")).toHaveLength(1);
    await g.clock.advance(1000);
    expect(g.from.listing).toMatchObject({ instances: [], state: "fresh", error: undefined });
    expect(g.clock.pending).toBe(1);
  });

  it("that was a mistake has changed nothing, and the next one begins a grace time of its own", async () => {
    const g = await listed(["a:1"]);
    g.now().list([]);
    await g.clock.advance(50_000);
    g.now().list(["a:1"]);
    expect(g.from.listing.error).toBeUndefined();
    g.now().list([]);
    await g.clock.advance(50_000);
    expect(addresses(g.from.listing)).toBe("a:1");
    expect(g.changes).toHaveLength(1);
    expect(g.kinds().filter((kind) => kind === "kept")).toHaveLength(2);
  });

  it("is taken at once with allowEmpty, from a registry that never had any, and never with an endless grace", async () => {
    const allowed = await listed(["a:1", "b:1"], { allowEmpty: true });
    allowed.now().list([]);
    expect(allowed.from.listing.instances).toEqual([]);
    const none = await listed([]);
    expect(none.from.listing).toMatchObject({ instances: [], state: "fresh", error: undefined });
    const never = await listed(["a:1"], { emptyGraceMs: Infinity, silenceMs: Infinity });
    never.now().list([]);
    await never.clock.advance(1e9);
    expect(addresses(never.from.listing)).toBe("a:1");
  });

  it("is not counted as said while the registry is away", async () => {
    const g = await listed(["a:1"]);
    g.now().list([]);
    await g.clock.advance(1000);
    g.now().end(new Error("x"));
    await g.clock.advance(100_000);
    expect(addresses(g.from.listing)).toBe("a:1");
    g.now().alive();
    await g.clock.advance(59_000);
    g.now().alive();
    expect(addresses(g.from.listing)).toBe("a:1");
    await g.clock.advance(1000);
    expect(addresses(g.from.listing)).toBe("");
  });
});

describe("a list that has lost most instances at once", () => {
  it("is believed only after half a minute; what it adds is taken at once", async () => {
    const g = await listed(ten);
    g.now().list(["10.0.0.0:1", "new:1"]);
    expect(g.from.listing.instances).toHaveLength(11);
    expect(g.from.listing.error?.message).toBe("test add: 8 of 10 vanished at once");
    expect(g.changes.at(-1)).toMatchObject({ removed: [], added: [{ id: "new:1" }] });
    const because = new Map(g.from.explain().map((one) => [one.instance.id, one.because]));
    expect(because.get("10.0.0.9:1")).toBe("kept: 8 of 10 vanished at once");
    expect(because.get("new:1")).toBe("listed");
    await g.clock.advance(29_999);
    expect(g.from.listing.instances).toHaveLength(11);
    await g.clock.advance(1);
    expect(addresses(g.from.listing)).toBe("10.0.0.0:1 new:1");
    expect(g.from.listing.error).toBeUndefined();
    expect(g.kinds().filter((kind) => kind === "kept")).toHaveLength(1);
    expect(g.from.explain().filter(({ isIn }) => !isIn)).toHaveLength(9);
  });

  it("is forgotten when the instances come back", async () => {
    const g = await listed(ten);
    g.now().list(ten.slice(0, 2));
    await g.clock.advance(1000);
    g.now().list(ten.slice(0, 6));
    expect(g.from.listing.instances).toHaveLength(6);
    await g.clock.advance(60_000);
    expect(g.from.listing.instances).toHaveLength(6);
  });

  it.each<[string, readonly string[], readonly string[], Partial<SourceDefinition>]>([
    ["it is only one instance", ["a:1", "b:1"], ["a:1"], {}],
    ["it is half", ten, ten.slice(0, 5), {}],
    ["as many others came", ten, ten.map((one) => `new-${one}`), {}],
    ["the guard is off", ten, ten.slice(0, 1), { guard: false }],
    ["the ratio allows it", ten, ten.slice(0, 1), { guard: { ratio: 0.9 } }],
  ])("is believed at once when %s", async (_, before, after, options) => {
    const g = await listed(before, options);
    g.now().list(after);
    expect(addresses(g.from.listing)).toBe(after.join(" "));
  });

  it("does not hold instances that flap: one change for each real change", async () => {
    const g = await listed(["a:1", "b:1", "c:1"]);
    for (let i = 0; i < 60; i++) {
      g.now().list(["a:1", "b:1"]);
      g.now().list(["a:1", "b:1"]);
      await g.clock.advance(500);
      g.now().list(["a:1", "b:1", "c:1"]);
      await g.clock.advance(500);
    }
    expect(g.changes).toHaveLength(1 + 120);
    expect(
      new Set(g.changes.slice(1).flatMap(({ added, removed }) => [...added, ...removed].map(({ id }) => id))),
    ).toEqual(new Set(["c:1"]));
  });
});

describe("a snapshot", () => {
  const memory = (text?: string) => {
    const saved: string[] = text === undefined ? [] : [text];
    return {
      saved,
      load: () => Promise.resolve(saved.at(-1)),
      save: (next: string) => Promise.resolve(void saved.push(next)),
    };
  };

  it("is saved with each change, gone by at the next start, and replaced by the first answer", async () => {
    const snapshot = memory();
    const first = await listed(["a:1", { address: "b:1", weight: 2, tags: ["x"] }], { snapshot });
    first.now().list(["a:1", { address: "b:1", weight: 2, tags: ["x"] }]);
    await settled();
    expect(snapshot.saved).toHaveLength(1);
    const next = playground({ snapshot, seed: ["old:1"] });
    next.join();
    await settled();
    expect(next.from.listing.state).toBe("snapshot");
    expect(next.from.listing.instances).toEqual(first.from.listing.instances);
    expect(next.from.explain()[0]?.because).toBe("from the snapshot: the registry has not answered yet");
    next.now.list(["a:1", "c:1"]);
    expect([next.from.listing.state, addresses(next.from.listing)]).toEqual(["fresh", "a:1 c:1"]);
  });

  it("that comes after the registry's answer is not looked at", async () => {
    const g = await listed(["a:1"], {
      snapshot: {
        load: () =>
          settled()
            .then(() => settled())
            .then(() => '{"snapshot":1,"instances":[{"address":"z:1"}]}'),
        save: () => Promise.resolve(),
      },
    });
    await settled();
    await settled();
    await settled();
    expect(addresses(g.from.listing)).toBe("a:1");
  });

  it.each(["", "null", "[]", '{"snapshot":2,"instances":[]}', '{"snapshot":1,"instances":[{"address":7}]}'])(
    "that says %j is told of, and nothing else",
    async (text) => {
      const g = playground({ snapshot: memory(text) });
      g.join();
      await settled();
      expect(g.kinds()).toEqual(["snapshot"]);
      expect(g.from.listing.state).toBe("starting");
    },
  );

  it("is saved one at a time, the newest last, and a failure is told", async () => {
    const saved: string[] = [];
    let [busy, most] = [0, 0];
    const clock = virtualClock();
    const g = await listed([], {
      snapshot: {
        load: () => Promise.resolve(undefined),
        async save(text) {
          most = Math.max(most, ++busy);
          await new Promise<void>((resolve) => void clock.after(10, resolve));
          busy--;
          saved.push(text);
          if (saved.length === 1) throw new Error("disk is full");
        },
      },
    });
    for (let i = 0; i < 50; i++) g.now().list([`a:${i}`]);
    await clock.advance(100);
    expect([most, saved.length]).toEqual([1, 2]);
    expect(saved[1]).toContain("a:49");
    expect(g.kinds()).toContain("snapshot");
  });
});

describe("what is told", () => {
  it("is counted, with few labels", async () => {
    const metrics = registry();
    const g = await listed(["a:1", "b:1", { address: "c:1", health: "down" }], { metrics });
    g.now().list(["a:1", "b:1"]);
    g.now().end(new Error("x"));
    await settled();
    const text = metrics.text();
    expect(text).toContain('discovery_instances{health="up",source="test add"} 2');
    expect(text).toContain('discovery_instances{health="down",source="test add"} 0');
    expect(text).toContain('discovery_changes_total{kind="added",source="test add"} 3');
    expect(text).toContain('discovery_changes_total{kind="removed",source="test add"} 1');
    expect(text).toContain('discovery_failures_total{source="test add"} 1');
    expect(text).toContain('discovery_stale{source="test add"} 1');
  });

  it("is written, a line for each event", async () => {
    const lines: string[] = [];
    const write = (message: string): void => void lines.push(message);
    const g = await listed(["a:1", "", "b:1", "c:1"], {
      log: { debug: write, info: write, warn: write },
      maxStaleMs: 10,
    });
    g.now().list([]);
    g.now().end(new Error("x"));
    await g.clock.advance(1000);
    g.now().alive();
    expect(lines).toEqual([
      "part of what the registry says cannot be used",
      "instances changed",
      "instances are kept",
      "registry cannot be asked",
      "registry will be asked again",
      "instances are given up, the registry has not answered for too long",
      "instances changed",
      "registry is back",
    ]);
  });
});

describe("a thousand clients that lose their registry for half a minute", () => {
  const CAP_MS = 10_000;
  const OUTAGE_MS = 30_000;

  /** The attempts of all clients after the loss, and when each was back, in milliseconds since the loss. */
  async function herd(seed: number, fraction?: number) {
    const clock = virtualClock();
    const seeded = seededRandom(seed);
    const random = fraction === undefined ? seeded : { ...seeded, fraction: () => fraction };
    const downMs = 20_000;
    const isDown = (): boolean => clock.now() >= downMs && clock.now() < downMs + OUTAGE_MS;
    const attempts: number[] = [];
    const back: number[] = [];
    const cuts = new Set<() => void>();
    const clients = Array.from({ length: 1000 }, (_, i) => {
      let wasCut = false;
      const one: Source = source({
        name: `client ${i}`,
        clock,
        random,
        // Else a thousand warnings of the process.
        onEvent: () => undefined,
        watch: async ({ list, signal }) => {
          if (wasCut) attempts.push(clock.now() - downMs);
          if (isDown()) throw new Error("refused");
          if (wasCut) back.push(clock.now() - downMs);
          list(["a:1"]);
          await new Promise<void>((resolve, reject) => {
            const stop = (): void => resolve();
            signal.addEventListener("abort", stop);
            if (!wasCut) cuts.add(() => ((wasCut = true), reject(new Error("cut"))));
          });
        },
        silenceMs: Infinity,
      });
      return one.subscribe(() => undefined);
    });
    await clock.advance(downMs);
    for (const cut of cuts) cut();
    await clock.advance(OUTAGE_MS + 2 * CAP_MS);
    for (const client of clients) client.cancel();
    const most = (times: readonly number[], from: number): number => {
      const counts = new Map<number, number>();
      for (const ms of times)
        if (ms >= from) counts.set(Math.floor(ms / 100), (counts.get(Math.floor(ms / 100)) ?? 0) + 1);
      return Math.max(0, ...counts.values()) / 1000;
    };
    const sorted = back.toSorted((a, b) => a - b);
    return {
      pending: clock.pending,
      later: most(attempts, 1000),
      recovery: most(back, OUTAGE_MS),
      lastMs: sorted[989]! - OUTAGE_MS,
    };
  }

  it.each([1, 2, 3, 4, 5])("do not fall upon it together, seed %i", async (seed) => {
    const { later, recovery, lastMs, pending } = await herd(seed);
    expect(later).toBeLessThanOrEqual(0.1);
    expect(recovery).toBeLessThanOrEqual(0.05);
    expect(lastMs).toBeLessThanOrEqual(CAP_MS + 1000);
    expect(pending).toBe(0);
  });

  it("would without jitter", async () => {
    const { later, recovery } = await herd(1, 0.999);
    expect([later, recovery]).toEqual([1, 1]);
  });
});

describe("wrong use", () => {
  const watch = (): Promise<void> => Promise.resolve();
  it.each<[string, () => unknown, string]>([
    ["no name", () => source({ name: "", watch }), "name should be a non-empty string"],
    ["no watch", () => source({ name: "x", watch: 1 as never }), "watch should be a function, got 1"],
    [
      "a misspelt option",
      () => source({ name: "x", watch, intervalMS: 1 } as never),
      'source has no option "intervalMS"',
    ],
    [
      "an interval of nothing",
      () => source({ name: "x", watch, intervalMs: 0 }),
      "intervalMs should be a number from 10",
    ],
    [
      "a seed that is none",
      () => source({ name: "x", watch, seed: "a" as never }),
      'seed should be a list of instances, got "a"',
    ],
    ["a bad seed", () => source({ name: "x", watch, seed: [""] }), "address should be a non-empty string"],
    ["a seed without a port", () => source({ name: "x", watch, seed: ["a"] }), "address should be host:port or a URL"],
    [
      "a ratio over 1",
      () => source({ name: "x", watch, guard: { ratio: 2 } }),
      "guard.ratio should be a number from 0 to 1, got 2",
    ],
    [
      "an event listener that is none",
      () => source({ name: "x", watch, onEvent: 1 as never }),
      "onEvent should be a function",
    ],
    [
      "a snapshot that is none",
      () => source({ name: "x", watch, snapshot: {} as never }),
      "snapshot.load should be a function",
    ],
    [
      "a listener that is none",
      () => source({ name: "x", watch }).subscribe(1 as never),
      "listener should be a function",
    ],
  ])("throws for %s", (_, wrong, message) => {
    expect(wrong).toThrow(message);
  });

  it("is seen by the compiler: a listing cannot be changed", () => {
    expectTypeOf<Source["listing"]["instances"]>().toEqualTypeOf<readonly Instance[]>();
    const from = source({ name: "x", watch, seed: ["a:1"] });
    // @ts-expect-error the array is never changed
    expect(() => from.listing.instances.push(from.listing.instances[0]!)).toThrow("not extensible");
  });
});

describe("nothing unhandled", () => {
  const unhandled = vi.fn<(error: unknown) => void>();
  afterEach(() => void process.off("unhandledRejection", unhandled));

  it("is left by watches that reject after their end", async () => {
    process.on("unhandledRejection", unhandled);
    const g = playground({
      watch: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("late")))),
    });
    const joined = g.join();
    await settled();
    joined.cancel();
    await settled();
    expect(unhandled).not.toHaveBeenCalled();
  });
});
