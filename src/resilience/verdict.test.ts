import { describe, expect, it } from "vitest";
import { codes, error, policyError, reasons, ServiceError, type Origin, type Reason } from "../errors/index.ts";
import { deadlineError, isFailure } from "./index.ts";
import { verdictOf } from "./verdict.ts";

const verdict = (one: unknown): string => verdictOf(one, isFailure);
const failing = ["unavailable", "deadline_exceeded", "internal", "unknown", "data_loss"];
const abort = (cause?: unknown): Error => Object.assign(new Error("aborted", { cause }), { name: "AbortError" });

describe("verdictOf", () => {
  it.each(["peer", "failure"] as Origin[])(
    "takes five codes for failures and the others for answers, from a %s",
    (origin) => {
      const found = codes.filter((code) => verdict(new ServiceError("x", { code, origin })) === "failure");
      expect(found.toSorted()).toEqual(failing.toSorted());
      const answers = codes.filter((code) => verdict(new ServiceError("x", { code, origin })) === "success");
      expect(answers).toHaveLength(codes.length - failing.length - 1);
    },
  );

  it("takes nothing that the contract declares for either", () => {
    for (const code of codes) expect(verdict(error("own_reason", { code })())).toBe("neither");
  });

  it("takes what was canceled for neither, whoever says so", () => {
    for (const origin of ["peer", "policy", "failure"] as const) {
      expect(verdict(new ServiceError("x", { code: "canceled", origin }))).toBe("neither");
    }
  });

  it("takes of this side's own reasons only those for failures that say something of the back-end", () => {
    const saying = [
      "connection_lost",
      "deadline_exceeded",
      "internal",
      "invalid_response",
      "unknown",
      "unreachable",
    ] as const;
    for (const reason of saying) expect(verdict(policyError(reason))).toBe("failure");
    const silent = [
      "rate_limited",
      "breaker_open",
      "draining",
      "not_ready",
      "no_instances",
      "invalid_request",
      "too_large",
    ] as const;
    for (const reason of silent) expect(verdict(policyError(reason))).toBe("neither");
    const answers = (Object.keys(reasons) as Reason[]).filter((reason) => verdict(policyError(reason)) === "success");
    expect(answers).toEqual([]);
  });

  it("takes whatever else is thrown for a failure", () => {
    for (const one of [new Error("ECONNRESET"), new TypeError("x is not a function"), "text", undefined, null, 0]) {
      expect(verdict(one)).toBe("failure");
    }
  });

  it("takes the platform's abort for neither, unless time was the reason", () => {
    expect(verdict(abort())).toBe("neither");
    expect(verdict(new DOMException("x", "AbortError"))).toBe("neither");
    expect(verdict(abort(new Error("the user left")))).toBe("neither");
    expect(verdict(abort(policyError("canceled")))).toBe("neither");
    expect(verdict(abort(policyError("deadline_exceeded")))).toBe("failure");
    expect(verdict(abort(new DOMException("x", "TimeoutError")))).toBe("failure");
    expect(verdict(new DOMException("x", "TimeoutError"))).toBe("failure");
  });

  it("blames nobody else for the time this process was blocked", () => {
    expect(verdict(deadlineError())).toBe("failure");
    expect(verdict(deadlineError(99))).toBe("failure");
    expect(verdict(deadlineError(100))).toBe("neither");
    expect(verdict(abort(deadlineError(5000)))).toBe("neither");
  });
});

describe("deadlineError", () => {
  it("says in its cause, which stays here, how long the process was blocked", () => {
    const late = deadlineError(1234.4);
    expect(late).toMatchObject({
      code: "deadline_exceeded",
      reason: "deadline_exceeded",
      message: "the deadline passed",
    });
    expect(late.cause).toMatchObject({ reason: "stalled", message: "this process was blocked for 1234 ms" });
    expect(deadlineError(NaN).cause).toBeUndefined();
    expect(deadlineError(8).cause).toBeUndefined();
  });
});
