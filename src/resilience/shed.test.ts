import { describe, expect, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall, Metadata, type Context } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom, type Clock, type Expiring } from "../time/index.ts";
import { CRITICALITY } from "../transport/index.ts";
import { CRITICALITIES, criticalityOf, shed, type Shed } from "./index.ts";

const info = methodInfo();

function contextOf(criticality?: string, side: "server" | "client" = "server"): Context {
  const incoming = new Metadata();
  if (criticality !== undefined && side === "server") incoming.set(CRITICALITY, criticality);
  const call = new ActiveCall({ ...info, side }, { startMs: 0, timeoutMs: 50, incoming });
  if (criticality !== undefined && side === "client") call.outgoing.set(CRITICALITY, criticality);
  return call.context;
}

/** The part of 2000 calls that is refused. */
function refusedOf(gate: Shed, criticality?: string): number {
  let refused = 0;
  for (let i = 0; i < 2000; i++) if (ServiceError.is(gate(contextOf(criticality), info))) refused++;
  return refused / 2000;
}

describe("criticality", () => {
  it("is read from the name that travels, on either side, and unknown words count as default", () => {
    for (const one of CRITICALITIES) {
      expect(criticalityOf(contextOf(one))).toBe(one);
      expect(criticalityOf(contextOf(one, "client"))).toBe(one);
    }
    for (const odd of [undefined, "CRITICAL", "__proto__", "critical_plus_plus", "0"])
      expect(criticalityOf(contextOf(odd))).toBe("default");
  });
});

describe("shedding by event loop delay", () => {
  it("lets all in while the loop is quick, and refuses more the later it is, the least important first", async () => {
    const clock = virtualClock();
    let delayMs = 0;
    const gate = shed({ maxDelayMs: 100, measure: () => delayMs, clock, random: seededRandom(1) });
    const refused = async (): Promise<readonly number[]> => {
      // Some ticks, so that the average has arrived.
      for (let i = 0; i < 12; i++) await clock.advance(20);
      return CRITICALITIES.map((one) => refusedOf(gate, one));
    };
    expect(await refused()).toEqual([0, 0, 0, 0, 0]);
    delayMs = 49;
    expect(await refused()).toEqual([0, 0, 0, 0, 0]);
    delayMs = 90;
    const [, , none, few, many] = await refused();
    expect([none, few! > 0.1 && few! < 0.3, many! > 0.7 && many! < 0.9]).toEqual([0, true, true]);
    delayMs = 150;
    const half = await refused();
    expect(half[0]).toBe(0);
    expect(Math.abs(half[2]! - 0.5)).toBeLessThan(0.05);
    expect(half[4]).toBe(1);
    delayMs = 500;
    expect(await refused()).toEqual([1, 1, 1, 1, 1]);
    expect(gate.snapshot().delayMs).toBeGreaterThan(490);
    delayMs = 0;
    expect(await refused()).toEqual([0, 0, 0, 0, 0]);
  });

  it("measures how late its own timer is, forgets one stall, and rests when nobody calls", () => {
    // A clock whose timers are late when told: what a blocked event loop looks like.
    let nowMs = 0;
    let waiting: { readonly dueMs: number; readonly target: Expiring } | undefined;
    const clock: Clock = {
      now: () => nowMs,
      date: () => nowMs,
      after: () => expect.unreachable(),
      expire(delayMs, target) {
        waiting = { dueMs: nowMs + delayMs, target };
        return { cancel: () => (waiting = undefined) };
      },
    };
    const tick = (lateMs: number): void => {
      const { dueMs, target } = waiting!;
      waiting = undefined;
      nowMs = dueMs + lateMs;
      target.expire();
    };
    const gate = shed({ clock });
    expect(waiting).toBeUndefined();
    void gate(contextOf(), info);
    tick(7);
    expect(gate.snapshot().delayMs).toBe(0);
    tick(168);
    expect(gate.snapshot().delayMs).toBe(80);
    expect(refusedOf(gate)).toBe(0);
    for (let i = 0; i < 6; i++) tick(408);
    expect(refusedOf(gate)).toBe(1);
    expect(gate(contextOf(), info)).toMatchObject({ reason: "overloaded", retryAfterMs: 1000 });
    let ticks = 0;
    for (; waiting !== undefined; ticks++) tick(0);
    expect(ticks).toBeLessThanOrEqual(50);
    expect(gate.snapshot()).toMatchObject({ delayMs: 0 });
    void gate(contextOf(), info);
    expect(waiting).toBeDefined();
  });

  it("goes on when the measure has nothing to say yet, as a histogram at the start", async () => {
    const clock = virtualClock();
    let delayMs = NaN;
    const gate = shed({ maxDelayMs: 100, measure: () => delayMs, clock, random: seededRandom(1) });
    expect(refusedOf(gate)).toBe(0);
    delayMs = 500;
    for (let i = 0; i < 12; i++) await clock.advance(20);
    expect(refusedOf(gate)).toBe(1);
  });

  it("changes while it runs, and refuses wrong options by name", () => {
    const gate = shed({ measure: () => 500 });
    expect(ServiceError.is(gate(contextOf(), info))).toBe(true);
    gate.set({ maxDelayMs: 1000 });
    expect(gate(contextOf(), info)).toMatchObject({ "~context": true });
    expect(gate.describe()).toBe("shed from 1000 ms of event loop delay on");
    expect(gate.snapshot()).toMatchObject({ admitted: 1, refused: 1 });
    expect(() => gate.set({ maxDelay: 5 } as never)).toThrow('shed has no option "maxDelay", it has maxDelayMs');
    expect(() => gate.set({ maxDelayMs: 0 })).toThrow("shed: maxDelayMs should be a number from 1 to 60000, got 0");
    expect(() => shed({ measure: 5 as never })).toThrow("shed: measure should be a function, got 5");
    expect(() => shed({ delay: 5 } as never)).toThrow('shed has no option "delay"');
  });
});
