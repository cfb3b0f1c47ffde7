import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTimeout, parseTimeout } from "./timeout.ts";

describe("grpc-timeout", () => {
  it("is written in milliseconds, rounded down, and in a larger unit where eight digits are too few", () => {
    expect([3000, 2999.9, 1, 99_999_999].map(formatTimeout)).toEqual(["3000m", "2999m", "1m", "99999999m"]);
    expect([100_000_000, 1e12, 1e15, 1e300, Infinity].map(formatTimeout)).toEqual([
      "100000S",
      "16666666M",
      "99999999H",
      "99999999H",
      "99999999H",
    ]);
  });

  it("says what is left below a millisecond, and nothing where nothing is left", () => {
    expect([0.5, 0.000_001, 0, -5, NaN].map(formatTimeout)).toEqual(["500000n", "1n", "0n", "0n", "0n"]);
  });

  it("is never more than was said, and never longer than the wire allows", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (ms) => {
        const text = formatTimeout(ms);
        expect(text).toMatch(/^\d{1,8}[HMSmun]$/);
        expect(parseTimeout(text)!).toBeLessThanOrEqual(ms);
      }),
    );
  });

  it("is read in every unit", () => {
    const read = ["2H", "2M", "2S", "2m", "2000u", "3000000n", "00000001S"].map(parseTimeout);
    expect(read).toEqual([7_200_000, 120_000, 2000, 2, 2, 3, 1000]);
  });

  it("is refused when it is anything else", () => {
    for (const text of ["", "m", "1", "1x", "123456789m", "-1m", "1.5S", " 1m", "1m ", "1 m", "m1", "0x1m"])
      expect(parseTimeout(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^\d{1,8}[HMSmun]$/.test(text)) expect(parseTimeout(text)).toBeUndefined();
      }),
    );
  });
});
