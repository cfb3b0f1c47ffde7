import { describe, expect, it } from "vitest";
import { transportSuite } from "../../testing/index.ts";
import { local } from "./index.ts";

const cases = transportSuite(
  {
    name: "local",
    connect: async (implementation, { limits: _limits, ...surrounding }) => ({
      transport: local(implementation, surrounding),
      from: undefined,
      drain: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  },
  [
    { reason: "nothing is sent, so there is no size to bound", properties: ["limits"] },
    { reason: "there is no server to drain: the process is one", properties: ["drain"] },
    { reason: "a call in one process always has somebody who waits", properties: ["one-way"] },
  ],
);

describe("local, as every transport", () => {
  for (const one of cases) {
    it(`${one.property}: ${one.name}`, (test) => ("skip" in one ? test.skip(one.skip) : one.run()));
  }

  it("runs cases of every property it does not skip", () => {
    expect(new Set(cases.map(({ property }) => property)).size).toBe(11);
  });
});
