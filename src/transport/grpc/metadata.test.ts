import { describe, expect, it } from "vitest";
import { incomingMetadata, outgoingFields } from "./metadata.ts";

const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString("base64");

describe("metadata that came", () => {
  it("is found in any case, several values joined", () => {
    const metadata = incomingMetadata({ "x-tenant": "blue", "set-cookie": ["a=1", "b=2"] });
    expect([metadata.get("X-Tenant"), metadata.get("set-cookie")]).toEqual(["blue", "a=1, b=2"]);
  });

  it("has bytes as padded base64, whether the peer padded it or not", () => {
    for (const bytes of [[1], [1, 2], [1, 2, 3], [255, 254, 253, 252]]) {
      const padded = base64(bytes);
      for (const sent of [padded, padded.replace(/=+$/, "")])
        expect(incomingMetadata({ "trace-bin": sent }).get("trace-bin")).toBe(padded);
    }
  });

  it("has several values of bytes, in one header or in several", () => {
    expect(incomingMetadata({ "x-bin": "AQ, Ag" }).get("x-bin")).toBe("AQ==,Ag==");
    expect(incomingMetadata({ "x-bin": ["AQ", "Ag=="] }).get("x-bin")).toBe("AQ==,Ag==");
  });

  it("does not take what every object has for a header", () => {
    for (const name of ["constructor", "__proto__", "toString"]) expect(incomingMetadata({}).get(name)).toBeUndefined();
  });
});

describe("metadata that goes", () => {
  it("keeps several values of a name", () => {
    expect(outgoingFields(["a", "1", "b", "2", "a", "3", "a", "4"])).toEqual({ a: ["1", "3", "4"], b: "2" });
  });

  it("is refused under a name that is gRPC's or HTTP's own", () => {
    for (const name of ["grpc-timeout", "grpc-anything", ":path", "te", "content-type", "connection", "host"])
      expect(() => outgoingFields([name, "x"])).toThrow(`metadata "${name}" is gRPC's own and cannot be set`);
  });

  it("is refused when bytes are no base64", () => {
    expect(() => outgoingFields(["x-bin", "no!"])).toThrow('metadata "x-bin" should be base64');
    expect(outgoingFields(["x-bin", "AQ"])).toEqual({ "x-bin": "AQ" });
  });

  it("may have any name", () => {
    const fields = outgoingFields(["__proto__", "x", "constructor", "y", "__proto__", "z"]);
    expect(Object.entries(fields)).toEqual([
      ["__proto__", ["x", "z"]],
      ["constructor", "y"],
    ]);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
  });
});
