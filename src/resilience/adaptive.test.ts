import { describe, expect, it } from "vitest";
import { z } from "zod";
import { methodInfo } from "../../test/method-info.ts";
import { client } from "../client/index.ts";
import { ActiveCall, observeOf, type Context } from "../endpoint/index.ts";
import { policyError, ServiceError } from "../errors/index.ts";
import { method, service } from "../index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { local } from "../transport/local/index.ts";
import { adaptiveConcurrency, type AdaptiveConcurrency, type AdaptiveEvent, type Criticality } from "./index.ts";

const info = methodInfo();

/** One call through the gate, as a pipeline drives it. */
function ended(
  gate: AdaptiveConcurrency,
  { nowMs, tookMs, ...more }: { nowMs: number; tookMs: number } & Partial<ActiveCall>,
): void {
  const method = more.method ?? info;
  const call = new ActiveCall(method, { startMs: nowMs - tookMs, timeoutMs: 1000 });
  call.context = gate(call.context, method) as Context;
  Object.assign(call, { outcome: "ok", durationMs: tookMs, ...more });
  observeOf(gate)!(method)!.end!(call);
}

describe("an adaptive limit", () => {
  it("does not grow while it is not used, whatever the calls take", async () => {
    const clock = virtualClock();
    const gate = adaptiveConcurrency({ clock });
    for (let i = 0; i < 1000; i++) {
      await clock.advance(10);
      ended(gate, { nowMs: clock.now(), tookMs: 5 });
    }
    expect(gate.snapshot()).toMatchObject({ limit: 20, inFlight: 0, admitted: 1000, latencyMs: 5, baselineMs: 5 });
  });

  it("falls at once when a peer says that it has too much, at most once in a window, and tells of it", () => {
    const events: AdaptiveEvent[] = [];
    const clock = virtualClock();
    const gate = adaptiveConcurrency({ clock, onEvent: (event) => events.push(event) });
    const error = new ServiceError("no", { code: "resource_exhausted", reason: "overloaded", origin: "peer" });
    const refused = { outcome: "resource_exhausted", error, method: { ...info, side: "client" } } as const;
    for (let i = 0; i < 20; i++) ended(gate, { nowMs: 1000 + i, tookMs: 1, ...refused });
    expect(gate.snapshot().limit).toBe(18);
    ended(gate, { nowMs: 1200, tookMs: 1, ...refused });
    expect(gate.snapshot().limit).toBe(16);
    expect(events.map(({ type, from, to, because }) => [type, from, to, because])).toEqual([
      ["limit", 20, 18, "pushed_back"],
      ["limit", 18, 16, "pushed_back"],
    ]);
  });

  it("around a function falls by what the upstream refuses, and not by what a limit within it does", () => {
    const limit = adaptiveConcurrency({ clock: virtualClock() });
    const failing = (error: ServiceError) => () =>
      limit.run(() => {
        throw error;
      });
    expect(failing(policyError("overloaded"))).toThrow("too many calls");
    expect(limit.snapshot().limit).toBe(20);
    const full = new ServiceError("full", { code: "resource_exhausted", reason: "overloaded", origin: "peer" });
    expect(failing(full)).toThrow(full);
    expect(limit.snapshot().limit).toBe(18);
  });

  it("lets nobody wait for the time of another that may wait longer", async () => {
    const clock = virtualClock();
    const limit = adaptiveConcurrency({ initial: 1, min: 1, max: 1, clock });
    const refusedAt: [name: string, atMs: number][] = [];
    const wait = (criticality: Criticality): void => {
      const waits = limit.run(() => undefined, { criticality });
      void Promise.resolve(waits).catch(() => refusedAt.push([criticality, clock.now()]));
    };
    void limit.run(() => new Promise(() => undefined));
    wait("default");
    // Now it is too much for longer than a burst.
    await clock.advance(100);
    wait("critical_plus");
    wait("default");
    await clock.advance(50);
    expect(refusedAt).toEqual([
      ["default", 100],
      ["default", 105],
      ["critical_plus", 140],
    ]);
    expect(clock.pending).toBe(0);
  });

  it("learns nothing of streams, failures that came at once, and calls that were called off", () => {
    const gate = adaptiveConcurrency({ clock: virtualClock() });
    for (let i = 0; i < 50; i++) {
      ended(gate, { nowMs: 1000 + i, tookMs: 900, method: { ...info, kind: "server" } });
      ended(gate, { nowMs: 1000 + i, tookMs: 0.1, outcome: "internal", error: policyError("internal") });
      ended(gate, { nowMs: 1000 + i, tookMs: 0.1, outcome: "canceled", error: policyError("canceled") });
      ended(gate, { nowMs: 1000 + i, tookMs: 0.1, outcome: "resource_exhausted", error: policyError("overloaded") });
    }
    expect(gate.snapshot()).toMatchObject({ limit: 20, latencyMs: 0, baselineMs: 0, inFlight: 0 });
  });

  it("does not count the wait in its own queue as time the call took", async () => {
    const clock = virtualClock();
    const slow = service("slow", { run: method({ request: z.object({}), response: z.object({}), idempotent: true }) });
    const gate = adaptiveConcurrency({ initial: 1, min: 1, max: 1, clock });
    const handler = (): Promise<Record<string, never>> =>
      new Promise((resolve) => void clock.after(7, () => resolve({})));
    const remote = client(slow, local(slow.implement({ run: handler }, { gates: [gate] }), { clock }), { clock });
    const calls = Array.from({ length: 12 }, () => remote.run({}));
    await clock.advance(200);
    await Promise.all(calls);
    expect(gate.snapshot()).toMatchObject({ admitted: 12, latencyMs: 7, inFlight: 0, waiting: 0 });
    expect(clock.pending).toBe(0);
  });

  it("changes while it runs and keeps the limit it has found", async () => {
    const clock = virtualClock();
    const gate = adaptiveConcurrency({ initial: 50, clock });
    gate.set({ max: 30 });
    expect(gate.snapshot().limit).toBe(30);
    gate.set({ queue: { max: 0 } });
    expect(gate.describe()).toBe("adaptiveConcurrency 4 to 30 at once, 0 wait up to 100 ms, 5 ms when overloaded");
    expect(gate.snapshot().limit).toBe(30);
    expect(() => gate.set({ min: 31 })).toThrow(
      "adaptiveConcurrency: max should be an integer from 31 to 1000000, got 30",
    );
    expect(gate.snapshot().limit).toBe(30);
    gate.set({ max: 1, min: 1 });
    const first = gate.run(() => settled());
    await expect(async () => gate.run(async () => 1)).rejects.toMatchObject({ reason: "overloaded" });
    await first;
  });

  it("outlives an event that nobody can take, and refuses wrong options by name", () => {
    const gate = adaptiveConcurrency({
      onEvent: () => {
        throw new Error("no news");
      },
    });
    expect(() => gate.set({ max: 5 })).not.toThrow();
    const make = (options: object) => () => adaptiveConcurrency(options);
    expect(make({ min: 0 })).toThrow("adaptiveConcurrency: min should be an integer from 1 to 1000000, got 0");
    expect(make({ min: 5, max: 4 })).toThrow("adaptiveConcurrency: max should be an integer from 5 to 1000000, got 4");
    expect(make({ smoothing: 0 })).toThrow(
      "adaptiveConcurrency: smoothing should be a number above 0 and at most 1, got 0",
    );
    expect(make({ queue: { targetMs: 50, intervalMs: 10 } })).toThrow(
      "adaptiveConcurrency: queue.intervalMs should be a number from 50",
    );
    expect(make({ queue: null })).toThrow("adaptiveConcurrency: queue should be an object, got null");
    expect(make({ limit: 5 })).toThrow('adaptiveConcurrency has no option "limit"');
  });
});
