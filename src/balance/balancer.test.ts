import { describe, expect, it } from "vitest";
import { instance, type Instance, type InstanceInput } from "../discovery/index.ts";
import { seededRandom } from "../time/index.ts";
import { virtualClock } from "../testing/index.ts";
import { balancer, p2c, random, roundRobin, type BalanceEvent, type Balancer, type BalancerOptions } from "./index.ts";
import { listSource } from "./testdata/list-source.ts";

const open = ({ address }: Instance): string => address;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i}:1`);

function make(options: Partial<BalancerOptions<string>> & Pick<BalancerOptions<string>, "from">) {
  const clock = virtualClock();
  const events: BalanceEvent[] = [];
  const made = balancer<string>({
    open,
    clock,
    random: seededRandom(1),
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { made, clock, events };
}

/** Counts picks that end at once with success. */
function count(made: Balancer<string>, picks: number, nowMs: number = 0, key?: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const { value } = made.pick(nowMs, key)!;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

function fail(made: Balancer<string>, id: string, times: number, nowMs: number): void {
  const member = made.find(id)!;
  for (let i = 0; i < times; i++) {
    member.begin(nowMs);
    member.end(nowMs, nowMs, "failure");
  }
}

describe("a list", () => {
  it("gives nothing when it is empty, and its only member when it has one, avoided or not", () => {
    expect(make({ from: [] }).made.pick(0)).toBeUndefined();
    const { made } = make({ from: ["a:1"] });
    expect(made.pick(0)?.value).toBe("a:1");
    expect(made.pick(0, undefined, made.find("a:1"))?.value).toBe("a:1");
  });

  it.each([p2c(), random(), roundRobin()])("with $text gives another than the one to avoid", (strategy) => {
    const { made } = make({ from: names(3), strategy });
    for (let i = 0; i < 300; i++) expect(made.pick(0, undefined, made.find("h1:1"))!.value).not.toBe("h1:1");
  });

  it("gives rather one that is ejected than the one to avoid", () => {
    const { made } = make({ from: names(2) });
    fail(made, "h0:1", 5, 0);
    expect(made.find("h0:1")!.isEjected).toBe(true);
    for (let i = 0; i < 50; i++) {
      expect(made.pick(0)!.value).toBe("h1:1");
      expect(made.pick(0, undefined, made.find("h1:1"))!.value).toBe("h0:1");
    }
  });

  it("opens one way to an address that stands there twice, and gives it two turns", () => {
    const opened: string[] = [];
    const { made } = make({
      from: ["a:1", "b:1", "a:1"],
      open: (one) => (opened.push(one.address), one.address),
      strategy: roundRobin(),
    });
    expect(opened).toEqual(["a:1", "b:1"]);
    expect(count(made, 300)).toEqual(
      new Map([
        ["a:1", 200],
        ["b:1", 100],
      ]),
    );
    expect(made.find("a:1")!.weight).toBe(2);
  });

  it("refuses two addresses under one id, and what cannot be opened", () => {
    expect(() =>
      make({
        from: [
          { id: "x", address: "a:1" },
          { id: "x", address: "b:1" },
        ],
      }),
    ).toThrow('from should have one address for each id, got two for "x"');
    expect(() =>
      make({
        from: ["a:1"],
        open: () => {
          throw new Error("no such transport");
        },
      }),
    ).toThrow("no such transport");
  });

  it("refuses options it does not know, or out of range", () => {
    expect(() => make({ from: [], panicRatio: 2 })).toThrow("panicRatio should be a number from 0 to 1, got 2");
    expect(() => make({ from: 3 as never })).toThrow("from should be a source or a list, got 3");
    expect(() => make({ from: [], strategy: {} as never })).toThrow("strategy should be one, for instance p2c()");
    expect(() => make({ from: [], ejection: { base: 1 } as never })).toThrow('ejection has no option "base"');
    const misspelt: readonly [object, string][] = [
      [{ ejection: { successRate: { faktor: 1 } } }, 'ejection.successRate has no option "faktor"'],
      [{ ejection: { failureShare: null } }, "ejection.failureShare should be an object or false, got null"],
      [{ canary: { version: "2", ratio: 0.1, zone: "a" } }, 'canary has no option "zone"'],
      [{ subset: { size: 1, client: 0, clients: 3 } }, 'subset has no option "clients"'],
    ];
    for (const [options, says] of misspelt) expect(() => make({ from: [], ...options })).toThrow(says);
    expect(() => balancer({ from: [], open, outlier: true } as never)).toThrow('balancer has no option "outlier"');
  });

  it("says what it is", () => {
    expect(make({ from: ["a:1"] }).made.text).toBe("p2c over 1 instance");
    expect(make({ from: names(3), strategy: roundRobin() }).made.text).toBe("round robin over 3 instances");
  });
});

describe("round robin", () => {
  it("begins at a random place and goes round", () => {
    const firsts = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const { made } = make({ from: names(4), strategy: roundRobin(), random: seededRandom(seed) });
      firsts.add(made.pick(0)!.value);
      const again = make({ from: names(4), strategy: roundRobin(), random: seededRandom(seed) }).made;
      expect([...count(again, 400).values()]).toEqual([100, 100, 100, 100]);
    }
    expect(firsts.size).toBe(4);
  });
});

describe("a source", () => {
  it("keeps the member and what it learned through any refresh, and hears of changes", async () => {
    const { source, update } = listSource(["a:1", "b:1"]);
    const { made, events } = make({ from: source });
    const member = made.find("a:1")!;
    fail(made, "a:1", 5, 0);
    update(["c:1", { address: "a:1", weight: 4 }]);
    expect(made.find("a:1")).toBe(member);
    expect(member.isEjected).toBe(true);
    expect(member.weight).toBe(4);
    expect(made.find("b:1")).toBeUndefined();
    expect(made.members.map(({ value }) => value).toSorted()).toEqual(["a:1", "c:1"]);
    expect(events.map(({ kind }) => kind)).toEqual(["added", "added", "ejected", "removed", "changed", "added"]);
    await made.ready();
  });

  it("closes the way to an instance once, when it is gone and its calls have ended", async () => {
    const closed: string[] = [];
    const { source, update } = listSource(["a:1", "b:1"]);
    const { made } = make({ from: source, close: (value) => void closed.push(value) });
    const member = made.find("a:1")!;
    member.begin(0);
    member.begin(0);
    update(["b:1"]);
    for (let i = 0; i < 20; i++) expect(made.pick(0)!.value).toBe("b:1");
    member.end(0, 1, "success");
    expect(closed).toEqual([]);
    member.end(0, 1, "neither");
    await Promise.resolve();
    expect(closed).toEqual(["a:1"]);
    await made.close();
    expect(closed).toEqual(["a:1", "b:1"]);
    expect(made.pick(0)).toBeUndefined();
  });

  it("takes up the way again when an instance is back before its calls have ended", () => {
    let opened = 0;
    const closed: string[] = [];
    const { source, update } = listSource(["a:1", "b:1"]);
    const { made } = make({
      from: source,
      open: (one) => (opened++, one.address),
      close: (value) => void closed.push(value),
    });
    const member = made.find("a:1")!;
    member.begin(0);
    update(["b:1"]);
    update(["a:1", "b:1"]);
    expect(made.find("a:1")).toBe(member);
    member.end(0, 1, "success");
    expect([opened, closed]).toEqual([2, []]);
  });

  it("opens a new way when the address changes, and lets the calls on the old one end", async () => {
    const closed: string[] = [];
    const { source, update } = listSource([{ id: "a", address: "a:1" }]);
    const { made } = make({ from: source, close: (value) => void closed.push(value) });
    const old = made.find("a")!;
    old.begin(0);
    update([{ id: "a", address: "a:2" }]);
    expect(made.pick(0)!.value).toBe("a:2");
    expect(closed).toEqual([]);
    old.end(0, 5, "success");
    await Promise.resolve();
    expect(closed).toEqual(["a:1"]);
  });

  it("reports what cannot be opened or closed, and goes on with the others", async () => {
    const { source, update } = listSource(["a:1", "bad:1"]);
    const { made, events } = make({
      from: source,
      open: ({ address }) => {
        if (address === "bad:1") throw new Error("unknown host");
        return address;
      },
      close: () => Promise.reject(new Error("stuck")),
    });
    expect(made.members.map(({ value }) => value)).toEqual(["a:1"]);
    update([]);
    await made.close();
    const errors = events.flatMap((event) => (event.kind === "failed" ? [String(event.error)] : []));
    expect(errors).toEqual(["Error: unknown host", "Error: stuck"]);
  });

  it("takes the whole list although whoever listens throws", async () => {
    const { source, update } = listSource(["a:1"]);
    const closed: string[] = [];
    const { made } = make({
      from: source,
      close: (value) => {
        closed.push(value);
        throw new Error("stuck");
      },
      onEvent: () => {
        throw new Error("a listener of the user's");
      },
    });
    update(["b:1", "c:1", "d:1"]);
    expect(made.members.map(({ value }) => value).sort()).toEqual(["b:1", "c:1", "d:1"]);
    fail(made, "b:1", 5, 0);
    expect(made.find("b:1")!.isEjected).toBe(true);
    await made.close();
    expect(closed.sort()).toEqual(["a:1", "b:1", "c:1", "d:1"]);
  });

  it("closes what it has opened when an instance of its list cannot be", () => {
    const closed: string[] = [];
    const bad = (): unknown =>
      make({
        from: ["a:1", "bad:1"],
        open: ({ address }) => {
          if (address === "bad:1") throw new Error("unknown host");
          return address;
        },
        close: (value) => void closed.push(value),
      });
    expect(bad).toThrow("unknown host");
    expect(closed).toEqual(["a:1"]);
  });

  it("counts a call at an instance that is gone for nobody else", () => {
    const { source, update } = listSource(["a:1"]);
    const { made } = make({ from: source });
    const gone = made.pick(0)!;
    update(["b:1"]);
    gone.begin(0);
    expect(made.snapshot().map(({ address, pending }) => [address, pending])).toEqual([["b:1", 0]]);
    gone.end(0, 5000, "failure");
    expect(made.snapshot()[0]).toMatchObject({ address: "b:1", pending: 0, cost: 0, calls: 0 });
  });

  it("closes the way that is leaving, not one that was closed before and is begun too late", async () => {
    const closed: number[] = [];
    let opened = 0;
    const { source, update } = listSource(["a:1"]);
    const made = balancer<number>({ from: source, open: () => ++opened, close: (way) => void closed.push(way) });
    const late = made.pick(0)!;
    update([]);
    update(["a:1"]);
    const leaving = made.pick(0)!;
    leaving.begin(0);
    update([]);
    late.begin(0);
    late.end(0, 1, "success");
    expect(closed).toEqual([1]);
    leaving.end(0, 1, "success");
    await made.close();
    expect(closed).toEqual([1, 2]);
  });

  it("does not choose what is down or draining, and does when it is up again", () => {
    const { source, update } = listSource(names(4));
    const { made } = make({ from: source });
    const as = (health: InstanceInput["health"]) => [...names(3), { address: "h3:1", health }];
    for (const health of ["down", "draining"] as const) {
      update(as(health));
      expect(count(made, 200).has("h3:1")).toBe(false);
      update(as("up"));
      expect(count(made, 400).has("h3:1")).toBe(true);
    }
  });

  it("leaves the source at its end", async () => {
    const { source, update, listeners } = listSource(["a:1"]);
    const { made } = make({ from: source });
    expect(listeners()).toBe(1);
    await made.close();
    await made.close();
    expect(listeners()).toBe(0);
    update(["b:1"]);
    expect(made.members).toEqual([]);
  });

  it("starts an instance slowly that is new among others", async () => {
    const { source, update } = listSource(names(4));
    const { made } = make({ from: source, strategy: p2c(), slowStartMs: 10_000 });
    update([...names(4), "new:1"]);
    const share = (nowMs: number) => count(made, 20_000, nowMs).get("new:1")! / 4000;
    // Known to all, so that only its weight speaks.
    for (const member of made.members) {
      member.begin(0);
      member.end(0, 0, "success");
    }
    expect(share(0)).toBeCloseTo(0.12, 1);
    expect(share(5000)).toBeCloseTo(0.55, 1);
    expect(share(10_000)).toBeCloseTo(1, 1);
    expect(instance("x:1").weight).toBe(1);
  });
});
