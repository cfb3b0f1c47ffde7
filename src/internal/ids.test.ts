import { describe, expect, it } from "vitest";
import { isRequestId, newRequestId } from "./ids.ts";
import { hex } from "./random.ts";
import { isPromise } from "./promise.ts";

describe("newRequestId", () => {
  it("never gives the same id twice, all of one length and printable", () => {
    const ids = new Set(Array.from({ length: 10_000 }, newRequestId));
    expect(ids.size).toBe(10_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{22}$/);
  });
});

describe("isRequestId", () => {
  it("takes visible ASCII of 1 to 128 characters", () => {
    expect(isRequestId("a-b.c_9/=")).toBe(true);
    expect(isRequestId("x".repeat(128))).toBe(true);
  });

  it.each([undefined, "", "x".repeat(129), "a b", "a\nb", 'a"b', "a\\b", "é", "\u001b[31m"])(
    "refuses %j, which could forge a line",
    (id) => {
      expect(isRequestId(id)).toBe(false);
    },
  );
});

describe("hex", () => {
  it("gives two digits a byte across refills of its pool", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      const id = hex(16);
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      seen.add(id);
    }
    expect(seen.size).toBe(2000);
  });
});

describe("isPromise", () => {
  it("knows promises of any library from plain values", () => {
    expect(isPromise(Promise.resolve())).toBe(true);
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library is what the test is about
    expect(isPromise({ then: () => undefined })).toBe(true);
    // oxlint-disable-next-line unicorn/no-thenable -- what looks like one is what the test is about
    for (const plain of [null, undefined, 1, "then", {}, { then: 1 }, () => undefined])
      expect(isPromise(plain)).toBe(false);
  });
});
