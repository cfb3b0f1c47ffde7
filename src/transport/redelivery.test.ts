import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareError } from "../errors/index.ts";
import { redeliveryOf, verdictOf, type RedeliveryOptions } from "./redelivery.ts";

const redelivery = redeliveryOf({ maxDeliveries: 4, delayMs: 100, maxDelayMs: 300 });
const at = (fraction: number) => ({ redelivery, random: { fraction: () => fraction, hex: () => "" } });
const busy = bareError("busy", { code: "unavailable" });

describe("a message that was delivered", () => {
  it("is done when its call went well, and comes again until it was delivered as often as it may be", () => {
    expect(verdictOf(undefined, 1, at(1))).toEqual({ kind: "done" });
    const waits = [1, 2, 3, 4].map((deliveries) => verdictOf(busy, deliveries, at(1)));
    expect(waits).toEqual([
      { kind: "again", delayMs: 100 },
      { kind: "again", delayMs: 200 },
      { kind: "again", delayMs: 300 },
      { kind: "dead", error: busy },
    ]);
    expect(verdictOf(busy, 2, at(0.25))).toEqual({ kind: "again", delayMs: 50 });
  });

  it("is a dead letter at once when another delivery cannot mend it", () => {
    for (const error of [
      bareError("m", { code: "invalid_argument" }),
      bareError("m", { code: "aborted", origin: "declared" }),
      bareError("m", { code: "unavailable", retryAfterMs: Infinity }),
    ])
      expect(verdictOf(error, 1, at(1))).toEqual({ kind: "dead", error });
  });

  it("waits at least as long as its error asks, and never longer than a day, whatever that is", () => {
    fc.assert(
      fc.property(fc.double({ max: Number.MAX_VALUE }), (retryAfterMs) => {
        const verdict = verdictOf(bareError("m", { code: "unavailable", retryAfterMs }), 1, at(0.5));
        if (verdict.kind !== "again") expect.unreachable();
        const asked = retryAfterMs > 0 ? Math.min(retryAfterMs, 86_400_000) : 0;
        expect(verdict.delayMs).toBe(Math.max(50, asked));
      }),
    );
  });
});

describe("how messages come again", () => {
  it.each([
    [{ maxDeliveries: 0 }, "redelivery.maxDeliveries should be an integer from 1 to 1000, got 0"],
    [{ delayMs: -1 }, "redelivery.delayMs should be a number from 0 to 86400000, got -1"],
    [{ maxDelayMs: 1e9 }, "redelivery.maxDelayMs should be a number from 0 to 86400000, got 1000000000"],
    [{ delay: 1 }, 'redelivery has no option "delay"'],
  ])("is checked: %j", (options, message) => {
    expect(() => redeliveryOf(options as RedeliveryOptions)).toThrow(message);
  });
});
