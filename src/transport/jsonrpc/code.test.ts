import { describe, expect, it } from "vitest";
import { bareError, codes, policyError, reasons, type Reason } from "../../errors/index.ts";
import { decodeRpcError, encodeRpcError, rpcCodeOf } from "./code.ts";

describe("the number of an error", () => {
  it("is the specification's for what the toolkit found wrong with a message", () => {
    expect(rpcCodeOf(policyError("malformed_message"))).toBe(-32700);
    expect(rpcCodeOf(policyError("unknown_method"))).toBe(-32601);
    expect(rpcCodeOf(policyError("invalid_request"))).toBe(-32602);
    expect(rpcCodeOf(policyError("internal"))).toBe(-32603);
  });

  it("is by its code for a declared error, whatever its name", () => {
    for (const reason of ["malformed_message", "unknown_method", "invalid_request"]) {
      expect(rpcCodeOf(bareError("no", { code: "aborted", reason, origin: "declared" }))).toBe(-32010);
    }
  });

  it("is one of its own for each code, inside the range left to servers", () => {
    const numbers = codes
      .filter((code) => code !== "internal" && code !== "unknown")
      .map((code) => rpcCodeOf(bareError("no", { code })));
    expect(new Set(numbers).size).toBe(14);
    expect(numbers.every((number) => number <= -32_000 && number >= -32_099)).toBe(true);
  });
});

describe("an error that travels", () => {
  it("is the same on the other side, but for its origin, its cause and its stack", () => {
    for (const reason of Object.keys(reasons) as Reason[]) {
      const sent = policyError(reason, { details: { a: [1, null] }, retryAfterMs: 5, cause: new Error("hunter2") });
      const text = JSON.stringify(encodeRpcError(sent));
      expect(text).not.toContain("hunter2");
      const { code, message, details, retryAfterMs } = sent;
      const read = decodeRpcError(JSON.parse(text) as never);
      expect(read).toMatchObject({ code, reason, message, details, retryAfterMs, origin: "peer", cause: undefined });
    }
  });

  it("has its code by number where it does not say it", () => {
    for (const code of codes) {
      const { code: number, message } = encodeRpcError(bareError("no", { code }));
      expect(decodeRpcError({ code: number, message }).code).toBe(code === "unknown" ? "internal" : code);
    }
  });

  it("takes the hint of the protocol below only where it has none", () => {
    const said = { code: -32014, message: "no", data: { code: "unavailable", retryAfterMs: 7 } };
    expect(decodeRpcError(said, 2000).retryAfterMs).toBe(7);
    expect(decodeRpcError({ ...said, data: {} }, 2000).retryAfterMs).toBe(2000);
  });
});
