import { client } from "servicekit/client";
import { registry } from "servicekit/metrics";
import { local } from "servicekit/transport/local";
import { describe, expect, it } from "vitest";
import { add, basic, instrumenting, overflow, tooLong, twoZeroes } from "./service.ts";

const remote = client(add, local(add.implement(basic)));

describe("sum", () => {
  it.each([
    [1, 2, 3],
    [-1, 1, 0],
    [0, 5, 5],
    [2 ** 31 - 2, 1, 2 ** 31 - 1],
    [-(2 ** 31) + 1, -1, -(2 ** 31)],
    [-(2 ** 31), 2 ** 31 - 1, -1],
    // Only an addition is held to 32 bits, and b = 0 adds nothing.
    [5_000_000_000, 0, 5_000_000_000],
    [-5_000_000_000, 0, -5_000_000_000],
    [Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER],
    [Number.MAX_SAFE_INTEGER, -1, Number.MAX_SAFE_INTEGER - 1],
  ])("adds %d and %d to %d", async (a, b, v) => {
    expect(await remote.sum({ a, b })).toEqual({ v });
  });

  it.each([
    [0, 0, twoZeroes, "can't sum two zeroes"],
    [2 ** 31 - 1, 1, overflow, "integer overflow"],
    [1, 2 ** 31 - 1, overflow, "integer overflow"],
    [-(2 ** 31), -1, overflow, "integer overflow"],
    [5_000_000_000, 1, overflow, "integer overflow"],
    // The test of Go kit is of b: 0 + 5000000000 overflows where 5000000000 + 0 does not.
    [0, 5_000_000_000, overflow, "integer overflow"],
  ])("does not add %d and %d", async (a, b, declared, message) => {
    const result = await remote.sum.try({ a, b });
    expect(result.ok).toBe(false);
    if (!result.ok) expect([declared.is(result.error), result.error.message]).toEqual([true, message]);
  });

  it("takes an absent field for 0", async () => {
    expect(await remote.sum({ b: 7 })).toEqual({ v: 7 });
    expect(await remote.sum.try({})).toMatchObject({ ok: false, error: { reason: "two_zeroes" } });
  });

  it("refuses what is no integer, or one that JSON would not carry whole", async () => {
    await expect(remote.sum({ a: 1.5, b: 0 })).rejects.toMatchObject({ reason: "invalid_request" });
    await expect(remote.sum({ a: 2 ** 53, b: 0 })).rejects.toMatchObject({ reason: "invalid_request" });
  });
});

describe("concat", () => {
  it.each([
    ["foo", "bar", "foobar"],
    ["", "", ""],
    ["12345", "67890", "1234567890"],
    ["éé", "ééé", "ééééé"],
    ["😀😀", "ab", "😀😀ab"],
  ])("joins %j and %j", async (a, b, v) => {
    expect(await remote.concat({ a, b })).toEqual({ v });
  });

  it.each([
    ["12345", "678901"],
    // Bytes of UTF-8 are counted, not characters.
    ["ééé", "éééé"],
    ["😀", "😀😀"],
  ])("does not join %j and %j, more than ten bytes", async (a, b) => {
    expect(await remote.concat.try({ a, b })).toMatchObject({
      ok: false,
      error: { reason: tooLong.reason, message: "result exceeds maximum size" },
    });
  });

  it("takes an absent field for an empty text", async () => {
    expect(await remote.concat({ a: "x" })).toEqual({ v: "x" });
  });
});

describe("the counters", () => {
  it("add results, bytes of texts, and nothing for an error or a negative sum", async () => {
    const metrics = registry();
    const counted = client(add, local(add.implement(instrumenting(basic, metrics))));
    await counted.sum({ a: 3, b: 4 });
    await counted.sum({ a: -10, b: 1 });
    await counted.sum.try({ a: 0, b: 0 });
    await counted.concat({ a: "é", b: "x" });
    await counted.concat.try({ a: "12345", b: "678901" });
    const { body } = metrics.expose();
    expect(body).toContain("\nexample_addsvc_integers_summed 7\n");
    expect(body).toContain("\nexample_addsvc_characters_concatenated 3\n");
  });
});
