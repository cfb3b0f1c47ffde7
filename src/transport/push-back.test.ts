import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePushBack, encodePushBack } from "./push-back.ts";

describe("when to try again, on the wire", () => {
  it("comes back as whole milliseconds, rounded up, and never as less than was said", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9e11, noNaN: true }), (retryAfterMs) => {
        expect(decodePushBack(encodePushBack(retryAfterMs))).toBe(Math.ceil(retryAfterMs));
      }),
    );
  });

  it("says do not with a negative number", () => {
    expect(encodePushBack(Infinity)).toBe(-1);
    expect([-1, -0.5, -1e300, -Infinity].map(decodePushBack)).toEqual([Infinity, Infinity, Infinity, Infinity]);
  });

  it("says nothing where there is nothing to say, or nothing that anybody means", () => {
    expect([undefined, NaN, 1e12, 1e300].map(encodePushBack)).toEqual([undefined, undefined, undefined, undefined]);
    expect(["5", null, {}, NaN, 1e12, Infinity, undefined].map(decodePushBack)).toEqual(Array(7).fill(undefined));
  });

  it("is at once where a handler's hint lies in the past", () => {
    expect(encodePushBack(-5)).toBe(0);
  });
});
