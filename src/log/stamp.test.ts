import fc from "fast-check";
import { expect, it } from "vitest";
import { systemClock } from "../time/index.ts";
import { Stamp } from "./stamp.ts";

const day = Date.UTC(2026, 0, 1);

it("is the date in ISO 8601, however time moves", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -5000, max: 5000 }), fc.double({ min: 0, max: 2, noNaN: true })), {
    maxLength: 50,
  });
  fc.assert(
    fc.property(steps, (moves) => {
      let dateMs = day;
      const stamp = new Stamp({ ...systemClock, date: () => dateMs }, "<", ">");
      for (const move of moves) {
        dateMs += move;
        expect(stamp.text()).toBe(`<${new Date(Math.floor(dateMs)).toISOString()}>`);
      }
    }),
  );
});

it("makes a date once for all lines of a millisecond", () => {
  const stamp = new Stamp({ ...systemClock, date: () => day + 7 });
  expect(stamp.text()).toBe("2026-01-01T00:00:00.007Z");
  expect(stamp.text()).toBe(stamp.text());
});

it("throws when the clock gives no date", () => {
  expect(() => new Stamp({ ...systemClock, date: () => NaN }).text()).toThrow(RangeError);
});
