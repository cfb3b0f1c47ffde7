import { readFileSync } from "node:fs";
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  bareError,
  codes,
  error,
  isCode,
  policyError,
  reasons,
  ServiceError,
  toServiceError,
  type Reason,
  type Schema,
} from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const tooBig = error("too_big", {
  code: "out_of_range",
  details: z.object({ max: z.string().transform(Number) }),
  message: ({ max }) => `at most ${max}`,
});

describe("ServiceError", () => {
  it("carries code, reason, details, hint and cause", () => {
    const cause = new Error("disk");
    const e = new ServiceError("no", {
      code: "unavailable",
      reason: "disk_full",
      details: { free: 0 },
      retryAfterMs: 5,
      cause,
    });
    expect(e).toMatchObject({
      message: "no",
      code: "unavailable",
      reason: "disk_full",
      details: { free: 0 },
      retryAfterMs: 5,
      origin: "failure",
    });
    expect(e.cause).toBe(cause);
    expect(e.name).toBe("ServiceError");
    expect(e.stack).toContain("errors.test");
  });

  it("takes the code for a reason when there is none", () => {
    expect(new ServiceError("no", { code: "aborted" }).reason).toBe("aborted");
  });

  it("knows errors of another copy of the package by their brand", () => {
    const foreign = Object.create({ [Symbol.for("servicekit.error")]: true }) as unknown;
    expect(ServiceError.is(foreign)).toBe(true);
    for (const other of [null, undefined, "x", new Error("x"), { code: "aborted" }])
      expect(ServiceError.is(other)).toBe(false);
  });
});

describe("an error without a stack", () => {
  it("passes for a ServiceError and an Error, and prints a line", () => {
    const e = bareError("no", { code: "aborted" });
    expect(e).toBeInstanceOf(ServiceError);
    expect(e).toBeInstanceOf(Error);
    expect(ServiceError.is(e)).toBe(true);
    expect(e.stack).toBe("ServiceError: no");
    expect(String(e)).toBe("ServiceError: no");
  });

  it("has the same fields as one with a stack", () => {
    const options = { code: "aborted", reason: "x", details: 1, origin: "peer", retryAfterMs: 2, cause: 3 } as const;
    const fields = ({ message, code, reason, details, origin, retryAfterMs, cause }: ServiceError) => ({
      message,
      code,
      reason,
      details,
      origin,
      retryAfterMs,
      cause,
    });
    expect(fields(bareError("m", options))).toEqual(fields(new ServiceError("m", options)));
  });

  it("can be given a stack by a tool that wants to", () => {
    const e = bareError("no", { code: "aborted" });
    (e as { stack?: string }).stack = "mine";
    expect(e.stack).toBe("mine");
    expect(bareError("no", { code: "aborted" }).stack).toBe("ServiceError: no");
  });
});

describe("error", () => {
  it("makes and recognises its own errors", () => {
    expect(twoZeroes()).toMatchObject({
      reason: "two_zeroes",
      code: "invalid_argument",
      message: "can't sum two zeroes",
      origin: "declared",
    });
    expect(twoZeroes.is(twoZeroes())).toBe(true);
    expect(twoZeroes.is(tooBig({ max: "9" }))).toBe(false);
    expect(twoZeroes.is(new Error("two_zeroes"))).toBe(false);
  });

  it("does not recognise an error of the same reason that nobody declared", () => {
    expect(twoZeroes.is(new ServiceError("x", { code: "invalid_argument", reason: "two_zeroes" }))).toBe(false);
    expect(twoZeroes.is(bareError("x", { code: "aborted", reason: "two_zeroes", origin: "declared" }))).toBe(false);
  });

  it("builds its message from the details, or from the reason", () => {
    expect(tooBig({ max: "9" }).message).toBe("at most 9");
    expect(error("out_of_stock", { code: "failed_precondition" })().message).toBe("out of stock");
  });

  it("types the details in wire form where it is made, and as validated where it is recognised", () => {
    expectTypeOf(tooBig).parameter(0).toEqualTypeOf<{ max: string }>();
    expectTypeOf(tooBig({ max: "9" }).details).toEqualTypeOf<{ max: string }>();
    const thrown: unknown = undefined;
    if (tooBig.is(thrown)) expectTypeOf(thrown.details).toEqualTypeOf<{ max: number }>();
    // @ts-expect-error the details are missing
    expect(() => tooBig()).toThrow(TypeError);
  });

  it("refuses names that are not its to give", () => {
    expect(() => error("rate_limited", { code: "aborted" })).toThrow(
      'reason should not be one of the toolkit\'s own, got "rate_limited"',
    );
    expect(() => error("Two Zeroes", { code: "aborted" })).toThrow("reason should be a lower-case identifier");
    expect(() => error("x", { code: "nope" as never })).toThrow("code should be one of");
    expect(() => error("__proto__", { code: "aborted" })).toThrow(RangeError);
  });
});

describe("policyError", () => {
  it("takes code and message from the table", () => {
    for (const reason of Object.keys(reasons) as Reason[]) {
      expect(policyError(reason)).toMatchObject({ ...reasons[reason], reason, origin: "policy" });
    }
  });

  it("may say more", () => {
    expect(policyError("rate_limited", { message: "slow down", retryAfterMs: 7, details: 1, cause: 2 })).toMatchObject({
      message: "slow down",
      retryAfterMs: 7,
      details: 1,
      cause: 2,
    });
  });
});

describe("toServiceError", () => {
  it("leaves a ServiceError as it is", () => {
    const e = twoZeroes();
    expect(toServiceError(e)).toBe(e);
  });

  it.each([new Error("password is hunter2"), "hunter2", undefined, { toString: () => "hunter2" }])(
    "shows nothing of %s",
    (thrown) => {
      const e = toServiceError(thrown);
      expect(e).toMatchObject({ code: "internal", reason: "internal", message: "internal error", details: undefined });
      expect(e.cause).toBe(thrown);
    },
  );
});

describe("Schema", () => {
  it("is fitted by the standard's own types", () => {
    expectTypeOf<StandardSchemaV1<string, number>>().toExtend<Schema<string, number>>();
    expectTypeOf<StandardSchemaV1 & StandardJSONSchemaV1>().toExtend<Schema>();
  });
});

describe("codes", () => {
  it("are the sixteen of gRPC, in its order", () => {
    expect(codes.length).toBe(16);
    expect(codes.indexOf("canceled")).toBe(0);
    expect(codes.indexOf("unauthenticated")).toBe(15);
    for (const code of codes) expect(isCode(code)).toBe(true);
    for (const other of ["ok", "toString", "__proto__", 3, null]) expect(isCode(other)).toBe(false);
  });
});

describe("docs/errors.md", () => {
  const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

  it("has the same reasons as the table in the code, both ways", () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| `(\w+)` \| ([^|]+) \|$/gm)].map(([, reason, code, message]) => [
      reason,
      { code, message: message!.trim() },
    ]);
    expect(rows.length).toBeGreaterThan(15);
    expect(Object.fromEntries(rows)).toEqual(reasons);
  });
});
