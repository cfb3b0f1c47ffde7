import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareError, ServiceError } from "../errors/index.ts";
import { bareFailure, failureIn, writeFailure } from "./failure.ts";
import { limitsOf } from "./limits.ts";

const limits = limitsOf({ maxBodyBytes: 2000 });
const said = { code: "aborted", message: "said so" } as const;

describe("an error as JSON", () => {
  it("is read as it was written, also where its code is unknown", () => {
    for (const code of ["unknown", "not_found"] as const) {
      const error = bareError("m", { code, reason: "odd_one", details: { n: 1 }, retryAfterMs: 4.2 });
      const text = writeFailure(error, (thrown) => expect.unreachable(String(thrown)));
      const wanted = { code, reason: "odd_one", message: "m", details: { n: 1 }, retryAfterMs: 5, origin: "peer" };
      expect(failureIn(Buffer.from(text), limits, said)).toMatchObject(wanted);
    }
  });

  it("is what the protocol says where the body says no code, with the body as its details", () => {
    expect(failureIn(Buffer.from('{"err":1}'), limits, said)).toMatchObject({ ...said, details: { err: 1 } });
    for (const body of ["", "no JSON", "null", "5", "x".repeat(2001)])
      expect(failureIn(Buffer.from(body), limits, { code: "aborted" })).toMatchObject({
        code: "aborted",
        reason: "aborted",
        message: "the peer failed",
      });
  });

  it("is an error, whatever the body is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (body) => {
        expect(ServiceError.is(failureIn(body, limits, said))).toBe(true);
      }),
    );
  });

  it("is written without details that cannot be, which is told", () => {
    const told: unknown[] = [];
    const text = writeFailure(bareError("m", { code: "aborted", details: 1n }), (thrown) => void told.push(thrown));
    expect([JSON.parse(text).code, told.length]).toEqual(["aborted", 1]);
  });

  it("is cut down to code, reason and a part of its message", () => {
    const bare = bareFailure(bareError("x".repeat(9999), { code: "aborted", reason: "r", details: "x".repeat(9999) }));
    expect([bare.code, bare.reason, bare.message.length, bare.details]).toEqual(["aborted", "r", 512, undefined]);
  });
});
