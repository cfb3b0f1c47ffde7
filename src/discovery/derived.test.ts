import { describe, expect, it } from "vitest";
import { settled, virtualClock } from "../testing/index.ts";
import {
  filtered,
  fixed,
  instance,
  merged,
  polled,
  source,
  type InstanceInput,
  type ListingChange,
  type Source,
  type SourceEvent,
  type WatchSession,
} from "./index.ts";

const ids = (list: readonly { readonly id: string }[]): string => list.map(({ id }) => id).join(" ");
const told = ({ added, removed, changed }: ListingChange): readonly string[] => [
  ids(added),
  ids(removed),
  ids(changed),
];

/** A source that says what it is told to say. */
function saying(name: string) {
  const clock = virtualClock();
  const events: SourceEvent[] = [];
  let session: WatchSession | undefined;
  const from = source({
    name,
    clock,
    guard: false,
    allowEmpty: true,
    onEvent: (event) => void events.push(event),
    watch: (own) =>
      new Promise((resolve) => {
        session = own;
        own.signal.addEventListener("abort", () => {
          session = undefined;
          resolve();
        });
      }),
  });
  return {
    from,
    clock,
    events,
    isWatched: () => session !== undefined,
    say: async (...list: (string | InstanceInput)[]) => (await settled(), session!.list(list)),
  };
}

function joined(from: Source) {
  const changes: ListingChange[] = [];
  const joined = from.subscribe((change) => void changes.push(change));
  return { changes, leave: () => joined.cancel() };
}

describe("a fixed source", () => {
  it("is ready at once, knows its instances, and never changes", async () => {
    const from = fixed(["a:1", { address: "b:1", id: "b", weight: 2 }]);
    expect(await from.ready()).toBe(from.listing);
    expect(from.find("b")?.address).toBe("b:1");
    expect(from.find("c")).toBeUndefined();
    expect(from.explain()[0]).toEqual({ instance: instance("a:1"), isIn: true, because: "given" });
    from.subscribe(() => undefined).cancel();
  });

  it("adds the weights of what stands there twice", () => {
    expect(fixed(["a:1", "b:1", "a:1"]).listing.instances.map(({ weight }) => weight)).toEqual([2, 1]);
  });

  it("refuses what is no list of instances", () => {
    expect(() => fixed("a:1" as never)).toThrow('instances should be a list, got "a:1"');
    expect(() => fixed([""])).toThrow("address should be a non-empty string");
  });

  it.each(["10.0.0.1", "::1", "add.internal", "a:", "a:http", ":80", "a:1,", "a b:1"])(
    "refuses %j, which has no port: no transport could call it",
    (address) => {
      expect(() => fixed([address])).toThrow(`address should be host:port or a URL, got "${address}"`);
    },
  );

  it.each(["a:1", "10.0.0.1:8081", "[::1]:8081", "https://add.internal", "nats://a,nats://b", "a:1,[::1]:2"])(
    "takes %j",
    (address) => {
      expect(ids(fixed([address]).listing.instances)).toBe(address);
    },
  );
});

describe("a filtered source", () => {
  const blue = { address: "a:1", tags: ["blue", "eu"], version: "1", zone: "z1" };

  it.each<[string, Parameters<typeof filtered>[1], string]>([
    ["all of the tags", { tags: ["blue", "eu"] }, "a:1"],
    ["the version", { version: "1" }, "a:1"],
    ["the zone", { zone: "z2" }, "b:1"],
    ["health", { healthy: true }, "a:1 b:1"],
    ["nothing", {}, "a:1 b:1 c:1"],
    ["everything", { tags: ["blue"], version: "2" }, ""],
  ])("passes by %s", (_, options, passing) => {
    const all = fixed([blue, { address: "b:1", tags: ["blue"], zone: "z2" }, { address: "c:1", health: "draining" }]);
    const from = filtered(all, options);
    expect(ids(from.listing.instances)).toBe(passing);
    expect(from.explain().filter(({ isIn }) => isIn)).toHaveLength(from.listing.instances.length);
  });

  it("says why an instance is out", () => {
    const all = fixed([blue, { address: "b:1", health: "down" }]);
    const why = (options: Parameters<typeof filtered>[1]) => filtered(all, options).explain()[1]?.because;
    expect(why({ tags: ["eu"] })).toBe('tag "eu" is missing');
    expect(why({ version: "1" })).toBe("version is not told, not 1");
    expect(why({ zone: "z1" })).toBe("zone is not told, not z1");
    expect(why({ healthy: true })).toBe("health is down");
  });

  it("adds what begins to pass, removes what ceases to, changes what changes, and is silent else", async () => {
    const base = saying("base");
    const from = filtered(base.from, { tags: ["blue"] });
    const { changes, leave } = joined(from);
    await base.say(blue, "b:1");
    await base.say(blue, { address: "b:1", tags: ["blue"] });
    await base.say({ ...blue, weight: 2 }, { address: "b:1", tags: ["blue"] });
    await base.say({ ...blue, weight: 2 }, { address: "b:1", tags: ["red"] });
    await base.say({ ...blue, weight: 2 }, "b:1", "c:1");
    expect(changes.map(told)).toEqual([
      ["a:1", "", ""],
      ["b:1", "", ""],
      ["", "", "a:1"],
      ["", "b:1", ""],
    ]);
    expect(from.find("b:1")).toBeUndefined();
    expect(base.from.find("b:1")).toBeDefined();
    const { instances } = from.listing;
    await base.say({ ...blue, weight: 2 });
    expect(from.listing.instances).toBe(instances);
    leave();
    expect(base.isWatched()).toBe(false);
    expect(base.clock.pending).toBe(0);
  });

  it("tells its change also when somebody has asked for the listing first", async () => {
    const base = saying("base");
    const from = filtered(base.from, {});
    base.from.subscribe(() => void from.listing);
    const { changes } = joined(from);
    await base.say("a:1");
    expect(changes.map(told)).toEqual([["a:1", "", ""]]);
  });

  it("is ready when what is below is, even with nothing that passes", async () => {
    const base = saying("base");
    const from = filtered(base.from, { tags: ["blue"] });
    const ready = from.ready();
    await base.say("a:1");
    expect(await ready).toMatchObject({ state: "fresh", instances: [] });
    expect(base.isWatched()).toBe(false);
    const gone = new AbortController();
    const never = filtered(saying("other").from, {}).ready(gone.signal);
    gone.abort(new Error("gone"));
    await expect(never).rejects.toThrow("gone");
  });

  it("lets everybody hear when one listener throws, and reports it below", async () => {
    const base = saying("base");
    const from = filtered(base.from, {});
    for (const _ of [1, 2])
      from.subscribe(() => {
        throw new Error("mine");
      });
    const { changes } = joined(from);
    await base.say("a:1");
    expect(changes).toHaveLength(1);
    expect(base.events.filter(({ kind }) => kind === "listener")).toHaveLength(1);
  });

  it("refuses wrong options", () => {
    expect(() => filtered(fixed([]), { tag: "blue" } as never)).toThrow('filtered has no option "tag"');
    expect(() => filtered(fixed([]), { tags: "blue" as never })).toThrow('tags should be a list, got "blue"');
    expect(() => filtered(fixed([]), { version: 2 as never })).toThrow("version should be a non-empty string, got 2");
    expect(() => filtered(fixed([]), { zone: "" })).toThrow('zone should be a non-empty string, got ""');
    expect(() => filtered("a:1" as never, {})).toThrow('source should be a source, got "a:1"');
  });
});

describe("merged sources", () => {
  it("show all instances, of one id that of the first, and take over when the first loses it", async () => {
    const [one, two] = [saying("one"), saying("two")];
    const from = merged([one.from, two.from]);
    expect([from.name, from.listing.state]).toEqual(["one + two", "starting"]);
    const { changes, leave } = joined(from);
    await one.say({ address: "a:1", id: "a" }, "b:1");
    await two.say({ address: "a:2", id: "a" }, "c:1");
    expect(from.listing.instances.map(({ address }) => address)).toEqual(["a:1", "b:1", "c:1"]);
    expect(from.explain().find(({ isIn }) => !isIn)).toMatchObject({
      instance: { address: "a:2" },
      because: "replaced by one",
    });
    await one.say("b:1");
    expect(from.find("a")?.address).toBe("a:2");
    expect(changes.map(told)).toEqual([
      ["a b:1", "", ""],
      ["c:1", "", ""],
      ["", "", "a"],
    ]);
    leave();
    expect([one.isWatched(), two.isWatched()]).toEqual([false, false]);
  });

  it("in mode first show those of the first that has any", async () => {
    const registry = saying("registry");
    const from = merged([registry.from, fixed(["z:1"])], { mode: "first" });
    const { changes } = joined(from);
    expect([ids(from.listing.instances), from.listing.state]).toEqual(["z:1", "seed"]);
    await registry.say("a:1");
    expect([ids(from.listing.instances), from.listing.state]).toEqual(["a:1", "fresh"]);
    expect(from.explain().at(-1)).toMatchObject({ isIn: false, because: "registry has instances" });
    await registry.say();
    expect(ids(from.listing.instances)).toBe("z:1");
    expect(changes.map(told)).toEqual([
      ["a:1", "z:1", ""],
      ["z:1", "a:1", ""],
    ]);
  });

  it("are as ready as the first that is, and as stale as the stalest", async () => {
    const [one, two] = [saying("one"), saying("two")];
    const from = merged([one.from, two.from]);
    const { leave } = joined(from);
    await two.say();
    expect((await from.ready()).state).toBe("fresh");
    await one.say("a:1");
    leave();
    expect(from.listing.state).toBe("stale");
  });

  it("refuse wrong options", () => {
    expect(() => merged([])).toThrow("sources should be at least one, got none");
    expect(() => merged(fixed([]) as never)).toThrow("sources should be a list, got an object");
    expect(() => merged([fixed([]), undefined as never])).toThrow("sources[1] should be a source, got undefined");
    expect(() => merged([fixed([])], { mode: "any" as never })).toThrow('mode should be one of "all", "first"');
  });
});

describe("a polled registry", () => {
  it("gives lists, positions and nothing new, and is asked with what it said last", async () => {
    const clock = virtualClock();
    const asked: (string | undefined)[] = [];
    const answers = [{ instances: ["a:1"], position: "7" }, undefined, ["b:1"]] as const;
    const from = source({
      name: "x",
      clock,
      watch: polled({
        intervalMs: 100,
        look: ({ position }) => (asked.push(position), Promise.resolve(answers[Math.min(asked.length - 1, 2)])),
      }),
    });
    const { changes, leave } = joined(from);
    await clock.advance(350);
    expect(asked.slice(0, 4)).toEqual([undefined, "7", "7", undefined]);
    expect(changes.map(told)).toEqual([
      ["a:1", "", ""],
      ["b:1", "a:1", ""],
    ]);
    leave();
    expect(clock.pending).toBe(0);
  });

  it("that does not answer in time is asked again", async () => {
    const clock = virtualClock();
    let aborted = 0;
    const watch = polled({
      timeoutMs: 1000,
      look: ({ signal }) => new Promise(() => signal.addEventListener("abort", () => void aborted++)),
    });
    const { leave } = joined(source({ name: "x", clock, watch }));
    await clock.advance(5000);
    expect(aborted).toBeGreaterThanOrEqual(2);
    leave();
    expect(clock.pending).toBe(0);
  });

  it.each<[string, unknown]>([
    ["null", null],
    ['"a:1"', "a:1"],
    ["an object", { error: "no such service" }],
    ["7", { instances: 7 }],
  ])("that answers %s has not answered, and what is known stays", async (shown, answer) => {
    const clock = virtualClock();
    const answers = [["a:1"], answer];
    const watch = polled({ intervalMs: 100, look: () => (answers.length > 1 ? answers.shift() : answers[0]) as never });
    const from = source({ name: "x", clock, watch });
    const { leave } = joined(from);
    await clock.advance(200);
    expect([ids(from.listing.instances), from.listing.state, from.listing.error?.message]).toEqual([
      "a:1",
      "stale",
      `x gave ${shown} instead of a list of instances`,
    ]);
    leave();
  });

  it("refuses wrong options", () => {
    expect(() => polled({} as never)).toThrow("look should be a function");
    expect(() => polled({ look: () => [], intervalMs: 1 })).toThrow(
      "intervalMs should be a number of at least 10, got 1",
    );
  });
});

describe("an instance", () => {
  it.each<[string, unknown, string]>([
    ["nothing", undefined, "an instance should be an address or have one, got undefined"],
    ["null", null, "an instance should be an address or have one, got null"],
    ["no address", {}, "address should be a non-empty string, got undefined"],
    ["no weight", { address: "a:1", weight: 0 }, "weight should be a number from 0.000001 to 1000000, got 0"],
    ["half a priority", { address: "a:1", priority: 0.5 }, "priority should be an integer from 0 to 65535, got 0.5"],
    ["a zone that is none", { address: "a:1", zone: null }, "zone should be a string, got null"],
    ["tags that are none", { address: "a:1", tags: "blue" }, 'tags should be a list of strings, got "blue"'],
    ["a tag that is none", { address: "a:1", tags: [undefined] }, "tag should be a string, got null"],
    [
      "metadata that is none",
      { address: "a:1", metadata: ["a"] },
      "metadata should be names with strings, got an array of 1",
    ],
    ["metadata of another kind", { address: "a:1", metadata: { a: 1 } }, 'metadata "a" should be a string, got 1'],
    [
      "an unknown health",
      { address: "a:1", health: "ill" },
      'health should be one of "up", "down", "draining", got "ill"',
    ],
  ])("with %s is refused", (_, given, message) => {
    expect(() => instance(given as InstanceInput)).toThrow(message);
  });

  it("takes __proto__ as a name like any other", () => {
    const metadata = JSON.parse('{"__proto__":"x","a":"b"}') as Record<string, string>;
    const made = instance({ address: "a:1", metadata });
    expect(Object.entries(made.metadata)).toEqual([
      ["__proto__", "x"],
      ["a", "b"],
    ]);
    expect(Object.isFrozen(made) && Object.isFrozen(made.metadata)).toBe(true);
  });
});
