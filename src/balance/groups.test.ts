import { describe, expect, it } from "vitest";
import type { Instance, InstanceInput } from "../discovery/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import { balancer, consistentHash, random, sticky, type Balancer, type BalancerOptions } from "./index.ts";
import { listSource } from "./testdata/list-source.ts";

const open = ({ id }: Instance): string => id;
const PICKS = 20_000;

function make(list: readonly (string | InstanceInput)[], options: Partial<BalancerOptions<string>> = {}) {
  const { source, update } = listSource(list);
  const made = balancer<string>({
    from: source,
    open,
    strategy: random(),
    clock: virtualClock(),
    random: seededRandom(3),
    slowStartMs: 0,
    ...options,
  });
  return { made, update };
}

/** The part of picks each instance gets. */
function parts(made: Balancer<string>): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < PICKS; i++) {
    const { value } = made.pick(0)!;
    found[value] = (found[value] ?? 0) + 1 / PICKS;
  }
  return found;
}

/** The part of all instances whose id begins so. */
function of(found: Record<string, number>, start: string): number {
  return Object.entries(found).reduce((sum, [id, part]) => (id.startsWith(start) ? sum + part : sum), 0);
}

const many = (start: string, count: number, more: Partial<InstanceInput> = {}): InstanceInput[] =>
  Array.from({ length: count }, (_, i) => ({ address: `${start}${i}:1`, ...more }));
const down = (list: readonly InstanceInput[], count: number): InstanceInput[] =>
  list.map((one, i) => (i < count ? { ...one, health: "down" as const } : one));

describe("priorities", () => {
  const first = many("p", 10);
  const second = many("q", 10, { priority: 1 });

  it.each([
    [0, 1],
    [2, 1],
    [5, 0.7],
    [8, 0.28],
    [10, 0],
  ])("with %i of ten down, the first level bears %s", (count, part) => {
    const { made } = make([...down(first, count), ...second]);
    expect(of(parts(made), "p")).toBeCloseTo(part, 1);
  });

  it("do not panic while the next level bears the rest, and do when none does", () => {
    const found = parts(make([...down(first, 10), ...second]).made);
    expect(of(found, "p")).toBe(0);
    const none = parts(make([...down(first, 10), ...down(second, 10)]).made);
    expect(of(none, "p")).toBeCloseTo(0.5, 1);
  });

  it("come back when the first level is well", () => {
    const { made, update } = make([...down(first, 10), ...second]);
    expect(made.pick(0)!.value).toMatch(/^q/);
    update([...first, ...second]);
    expect(of(parts(made), "p")).toBeCloseTo(1);
    expect(made.explain().find(({ instance }) => instance.id === "q1:1")).toMatchObject({
      isUsed: false,
      because: "others are preferred: priority 1, zone unknown",
    });
  });

  it("reach the next level for another instance to try", () => {
    const { made } = make([{ address: "p0:1" }, ...down([{ address: "q0:1", priority: 1 }], 1)]);
    expect(made.pick(0, undefined, made.find("p0:1"))!.value).toBe("q0:1");
  });
});

describe("zones", () => {
  const list = (a: number, b: number, c: number) => [
    ...many("a", a, { zone: "a" }),
    ...many("b", b, { zone: "b" }),
    ...many("c", c, { zone: "c" }),
  ];

  it("keep calls at home where home can bear them", () => {
    expect(of(parts(make(list(4, 4, 4), { zone: "a" }).made), "a")).toBeCloseTo(1);
    expect(of(parts(make(list(6, 3, 3), { zone: "a" }).made), "a")).toBeCloseTo(1);
  });

  it("share so that every instance of every zone gets the same, when all zones call alike", () => {
    const total: Record<string, number> = {};
    for (const zone of ["a", "b", "c"]) {
      for (const [id, part] of Object.entries(parts(make(list(2, 4, 6), { zone }).made)))
        total[id] = (total[id] ?? 0) + part / 3;
    }
    for (const part of Object.values(total)) expect(Math.abs(part * 12 - 1)).toBeLessThan(0.12);
    // The control: calls that all stay at home load the small zone twice as much.
    expect((1 / 3 / 2) * 12).toBe(2);
  });

  it("send away what instances at home cannot bear when they go down, and all when none is left", () => {
    const { made, update } = make(list(4, 4, 4), { zone: "a" });
    const [homeless, others] = [many("a", 4, { zone: "a" }), list(0, 4, 4)];
    update([...down(homeless, 2), ...others]);
    expect(of(parts(made), "a")).toBeCloseTo(0.6, 1);
    update(others);
    expect(of(parts(made), "b")).toBeCloseTo(0.5, 1);
  });

  it("do not matter without a zone of one's own", () => {
    expect(of(parts(make(list(2, 4, 6)).made), "a")).toBeCloseTo(1 / 6, 1);
  });
});

describe("a canary", () => {
  const list = [...many("old", 9, { version: "1.0" }), ...many("new", 1, { version: "2.0" })];
  const canary = { version: "2.0", ratio: 0.05 };

  it("gets its part, however many instances there are", () => {
    expect(Math.abs(of(parts(make(list, { canary }).made), "new") - 0.05)).toBeLessThan(0.005);
    const more = [...list, ...many("new2", 10, { version: "2.0" })];
    expect(Math.abs(of(parts(make(more, { canary }).made), "new") - 0.05)).toBeLessThan(0.005);
    expect(of(parts(make(list, { canary: { version: "2.0", ratio: 0 } }).made), "new")).toBe(0);
    // The control: without the option it has its part of the instances.
    expect(of(parts(make(list).made), "new")).toBeGreaterThan(0.08);
  });

  it("gives its calls back when it is not well, and moves with the version", () => {
    const { made, update } = make(list, { canary, panicRatio: 0 });
    update(list.map((one) => (one.version === "2.0" ? { ...one, health: "down" as const } : one)));
    expect(of(parts(made), "new")).toBe(0);
    update(list.map((one) => ({ ...one, version: "1.0" })));
    expect(of(parts(made), "new")).toBeGreaterThan(0.08);
  });

  it("keeps the same keys", () => {
    const { made } = make(list, { canary, strategy: sticky() });
    for (let i = 0; i < 200; i++) expect(made.pick(0, `k${i}`)).toBe(made.pick(0, `k${i}`));
    const keyed = Array.from({ length: 10_000 }, (_, i) => made.pick(0, `k${i}`)!.value);
    expect(Math.abs(keyed.filter((id) => id.startsWith("new")).length / 10_000 - 0.05)).toBeLessThan(0.01);
  });
});

describe("subsets", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `h${i}:1`);
  const chosen = ({ made }: { made: Balancer<string> }) => new Set(made.members.map(({ value }) => value));

  it("of 10 of 50 for 100 clients are even, and a removal moves at most one for each", () => {
    const load = new Map<string, number>();
    for (let client = 0; client < 100; client++) {
      const one = make(ids(50), { subset: { size: 10, client } });
      const before = chosen(one);
      expect(before.size).toBe(10);
      for (const id of before) load.set(id, (load.get(id) ?? 0) + 1);
      for (const gone of ["h7:1", "h33:1"]) {
        one.update(ids(50).filter((id) => id !== gone));
        const after = chosen(one);
        expect(after.size).toBe(10);
        expect([...before].filter((id) => !after.has(id)).length).toBeLessThanOrEqual(1);
        one.update(ids(50));
        expect(chosen(one)).toEqual(before);
      }
    }
    expect(new Set(load.values())).toEqual(new Set([20]));
  });

  it("of modulo choice move much more: the control", () => {
    const taken = (count: number) => Array.from({ length: 10 }, (_, i) => ids(count)[(37 * 10 + i * 7) % count]);
    expect(taken(50).filter((id) => !taken(49).includes(id)).length).toBeGreaterThan(1);
  });

  it("open ways only to their own, and close those they leave", async () => {
    const [opened, closed]: [string[], string[]] = [[], []];
    const { made, update } = make(ids(50), {
      subset: { size: 5, client: 3 },
      open: ({ id }) => (opened.push(id), id),
      close: (id) => void closed.push(id),
    });
    expect(opened.length).toBe(5);
    update(ids(50).filter((id) => id !== opened[0]));
    expect([opened.length, closed.length]).toEqual([6, 1]);
    expect(made.explain().filter(({ isUsed }) => isUsed).length).toBe(5);
    expect(made.explain().length).toBe(49);
    await made.close();
    expect(closed.toSorted()).toEqual(opened.toSorted());
  });

  it("are all there is where there are fewer", () => {
    expect(chosen(make(ids(3), { subset: { size: 10, client: 8 } })).size).toBe(3);
    expect(() => make([], { subset: { size: 0, client: 0 } })).toThrow("subset.size should be an integer from 1");
  });
});

describe("what a balancer says", () => {
  it("of each instance: why it is used or not, and its numbers", () => {
    const { made } = make(["a:1", { address: "b:1", health: "down" }, { address: "c:1", health: "draining" }, "d:1"]);
    const said = Object.fromEntries(made.explain().map(({ instance, because }) => [instance.id, because]));
    expect(said).toEqual({
      "a:1": "well",
      "b:1": "down, says the source",
      "c:1": "draining: it finishes what it has",
      "d:1": "well",
    });
    const member = made.find("a:1")!;
    member.begin(0);
    member.begin(0);
    member.end(0, 10, "failure");
    expect(made.snapshot().find(({ id }) => id === "a:1")).toMatchObject({
      address: "a:1",
      isUsable: true,
      isEjected: false,
      pending: 1,
      calls: 1,
      failures: 1,
      ejections: 0,
    });
  });

  it("of a panic: used all the same", () => {
    const { made } = make(down(many("h", 3), 2));
    expect(
      made.explain().filter(({ because }) => because === "down, says the source; used all the same: too few are well")
        .length,
    ).toBe(2);
  });
});

describe("jump hash", () => {
  const shards = many("shard-", 4);
  const homes = (made: Balancer<string>): string[] =>
    Array.from({ length: 200 }, (_, i) => made.pick(0, `key ${i}`)!.value);
  const jump = consistentHash({ kind: "jump", boundedLoad: false });

  it("gives nothing to one that has moved to another group", () => {
    const { made, update } = make(shards, { strategy: jump });
    homes(made);
    update(shards.map((one, i) => (i === 3 ? { ...one, priority: 1 } : one)));
    expect(homes(made)).not.toContain("shard-3:1");
    update(shards);
    expect(homes(made)).toEqual(homes(make(shards, { strategy: jump }).made));
  });

  it("forgets the place of one that went while it was not well, as every other client", () => {
    const { made, update } = make(shards, { strategy: jump });
    homes(made);
    update(down(shards, 1));
    homes(made);
    update(shards.slice(1));
    expect(homes(made)).toEqual(homes(make(shards.slice(1), { strategy: jump }).made));
  });
});

describe("ten thousand instances", () => {
  it("are changed at the cost of the change", () => {
    const { made, update } = make(many("h", 10_000));
    const opened = made.members.length;
    update([...many("h", 10_000).slice(100), ...many("n", 100)]);
    expect([opened, made.members.length]).toEqual([10_000, 10_000]);
    const ids = new Set(made.members.map(({ value }) => value));
    expect([ids.has("h5:1"), ids.has("h100:1"), ids.has("n7:1")]).toEqual([false, true, true]);
  });
});
