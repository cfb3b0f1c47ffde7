import { describe, expect, it } from "vitest";
import { comparison, plot, scenario, simulate, type Scenario } from "./index.ts";

const crash: Scenario = {
  name: "a <crash>",
  durationMs: 6000,
  backends: [
    { name: "pet", count: 2, latency: 10, faults: [{ atMs: 2000, untilMs: 4000, down: true }] },
    { name: "dog", latency: 10 },
  ],
  client: false,
  load: { perSecond: 300, arrivals: "constant" },
};
const report = await simulate(crash);

describe("a report", () => {
  it("tells how long it took to be well again", () => {
    expect(report.recoveryMs({ afterMs: 4000 })).toBe(0);
    expect(report.recoveryMs({ afterMs: 2500, windowMs: 500 })).toBe(1500);
    expect(report.recoveryMs({ afterMs: 0, p99Ms: 5 })).toBe(Infinity);
    expect(report.recoveryMs({ afterMs: 0, successRatio: 0.3 })).toBe(0);
  });

  it("does not call well what it did not look at", () => {
    expect(() => report.recoveryMs({ afterMs: 6000 })).toThrow("afterMs should be a number from 0 to 5500, got 6000");
    expect(() => report.recoveryMs({ afterMs: 0, successRatio: 99 })).toThrow("successRatio should be a number");
    expect(() => report.recoveryMs({} as never)).toThrow("afterMs should be a number from 0 to 5500, got undefined");
  });

  it("tells who got how much", () => {
    expect(report.total.shareOf("pet")).toBeCloseTo(2 / 3, 3);
    expect(report.total.shareOf("pet-1")).toBeCloseTo(1 / 3, 2);
    expect(report.total.shareOf("backend")).toBe(1);
    expect(() => report.total.shareOf("cat")).toThrow('name should be one of "pet-1", "pet"');
    expect(() => report.total.quantileMs(99)).toThrow("q should be a number from 0 to 1, got 99");
  });

  it("is empty of requests where there were none", () => {
    const none = report.between(7000, 8000);
    expect([none.offered, none.successRatio, none.p99Ms, none.amplification, none.shareOf("pet")]).toEqual([
      0, 1, 0, 0, 0,
    ]);
    expect(() => report.between(2, 2)).toThrow("untilMs should be above fromMs (2), got 2");
  });

  it("is a table for people", () => {
    const text = report.toText();
    expect(text.split("\n")[0]).toBe("a <crash>, seed 1");
    expect(text.match(/pet: down/g)).toHaveLength(2);
    expect(text).toMatch(/outcomes {2}ok \d+, connection_lost 2, unreachable \d+/);
    expect(text).toContain("pet 66.");
  });

  it("is plain numbers for JSON", () => {
    const plain = JSON.parse(JSON.stringify(report)) as {
      readonly seconds: readonly { readonly successRatio: number }[];
    };
    expect(plain.seconds.map(({ successRatio }) => Math.round(successRatio * 3))).toEqual([3, 3, 1, 1, 3, 3]);
    expect(plain).toMatchObject({
      name: "a <crash>",
      seed: 1,
      faults: [{ name: "pet: down", atMs: 2000, untilMs: 4000 }],
    });
  });

  it("tells what clients said of instances", async () => {
    const { news } = await simulate({ ...crash, client: undefined });
    const ejected = news.find(({ message }) => message === "instance ejected")!;
    expect(ejected).toMatchObject({ who: "client 1", fields: { because: "consecutive" } });
    expect(ejected.instance).toMatch(/^pet-[12]$/);
    expect(ejected.atMs).toBeGreaterThan(2000);
  });

  it("compares in a line each", () => {
    expect(comparison([report, report]).trimEnd().split("\n")).toHaveLength(3);
  });

  it("draws, and lets no name become a part of the picture", async () => {
    const svg = plot([report, report], "two");
    expect(svg).toContain("<title>two</title>");
    expect(svg).toContain("a &lt;crash&gt;, seed 1");
    expect(svg).not.toMatch(/NaN|undefined|Infinity|<crash>/);
    expect(report.toSvg()).toContain("pet: down");
    const none = await simulate({ ...crash, load: { perSecond: [{ atMs: 0, perSecond: 0 }] } });
    expect(none.toSvg()).not.toMatch(/NaN|undefined|Infinity/);
    expect(() => plot([])).toThrow("reports should be a list of 1 to 4, got an array of 0");
  });
});

describe("a scenario", () => {
  it.each<[string, object, string]>([
    ["an unknown name", { duration: 1 }, 'scenario has no option "duration"'],
    ["no duration", { durationMs: undefined }, "durationMs should be a number from 1 to 86400000, got undefined"],
    ["a warm-up that never ends", { warmupMs: 9000 }, "warmupMs should be a number from 0 to 6000, got 9000"],
    ["a seed that is none", { seed: -1 }, "seed should be an integer from 0 to 4294967295, got -1"],
    ["no back-ends", { backends: [] }, "backends should be a list of at least one, got an array of 0"],
    ["two of a name", { backends: [{ name: "a" }, { name: "a" }] }, 'a name of its own, got "a" twice'],
    [
      "no workers",
      { backends: [{ name: "a", workers: 0 }] },
      "backends[0].workers should be an integer of at least 1, got 0",
    ],
    ["half a latency", { backends: [{ name: "a", latency: { medianMs: 1 } }] }, "backends[0].latency.sigma should be"],
    [
      "a latency of text",
      { backends: [{ name: "a", latency: "1 ms" }] },
      'a number of milliseconds or a distribution, got "1 ms"',
    ],
    [
      "a fault of nothing",
      { backends: [{ name: "a", faults: [{ atMs: 1 }] }] },
      "faults[0] should say what happens (slow, ",
    ],
    [
      "an end before the beginning",
      { backends: [{ name: "a", faults: [{ atMs: 2, untilMs: 1, down: true }] }] },
      "at least 2, got 1",
    ],
    [
      "a stall without an end",
      { backends: [{ name: "a", faults: [{ stall: true }] }] },
      "untilMs should be a number from 0 to",
    ],
    [
      "calls of nobody",
      { backends: [{ name: "a", calls: ["b"] }] },
      'calls of backend should be one of "backend", got "b"',
    ],
    ["calls in a circle", { backends: [{ name: "a", calls: ["backend"] }] }, "in no circle, got backend > backend"],
    ["no load", { load: {} }, "load should have perSecond or callers, got neither"],
    ["two kinds of load", { load: { perSecond: 1, callers: 1 } }, "load should have perSecond or callers, got both"],
    [
      "steps backwards",
      {
        load: {
          perSecond: [
            { atMs: 5, perSecond: 1 },
            { atMs: 1, perSecond: 1 },
          ],
        },
      },
      "at least 5, got 1",
    ],
    ["a load for nobody", { load: { perSecond: 1, service: "b" } }, 'load.service should be one of "backend", got "b"'],
    ["a client of text", { client: "mine" }, 'client should be a function, got "mine"'],
  ])("is refused with %s", async (_, change, says) => {
    const wrong = { ...crash, ...change } as Scenario;
    expect(() => scenario(wrong)).toThrow(says);
    await expect(simulate(wrong)).rejects.toThrow(says);
  });
});
