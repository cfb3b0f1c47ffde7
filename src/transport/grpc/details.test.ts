import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { fromBinary, isMessage } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareError, codes, ServiceError, type ServiceErrorOptions } from "../../errors/index.ts";
import { errorOf, trailersOf, withPushBack } from "./details.ts";
import { decodeMessage, encodeMessage } from "./percent.ts";
import { StatusSchema } from "./testdata/gen/status_pb.ts";

const silent = (): void => expect.unreachable();

function crossed(message: string, options: ServiceErrorOptions): ServiceError {
  return errorOf(trailersOf(new ServiceError(message, options), silent))!;
}

/** A google.rpc.Status with these details. */
function richly(...details: readonly (readonly [type: string, value: Uint8Array])[]): string {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(3);
  for (const [type, value] of details) {
    const any = new BinaryWriter().tag(1, WireType.LengthDelimited).string(`type.googleapis.com/${type}`);
    writer.tag(3, WireType.LengthDelimited).bytes(any.tag(2, WireType.LengthDelimited).bytes(value).finish());
  }
  return Buffer.from(writer.finish()).toString("base64");
}

const text = (...fields: readonly (string | Uint8Array)[]): Uint8Array => {
  const writer = new BinaryWriter();
  fields.forEach((field, index) => {
    writer.tag(index + 1, WireType.LengthDelimited);
    if (typeof field === "string") writer.string(field);
    else writer.bytes(field);
  });
  return writer.finish();
};

describe("an error in trailers", () => {
  it("arrives as it was sent", () => {
    const details = { free: [0, "none", null, true, 1.5], text: "ä" };
    const error = crossed("no room: 100% voll ✓", {
      code: "resource_exhausted",
      reason: "disk_full",
      details,
      retryAfterMs: 1500,
    });
    expect(error).toMatchObject({
      message: "no room: 100% voll ✓",
      code: "resource_exhausted",
      reason: "disk_full",
      details,
      retryAfterMs: 1500,
      origin: "peer",
    });
  });

  it("says in gRPC's own word when to come again, or not to", () => {
    const said = (retryAfterMs: number) => trailersOf(bareError("no", { code: "aborted", retryAfterMs }), silent);
    expect(said(70)["grpc-retry-pushback-ms"]).toBe("70");
    expect(said(Infinity)["grpc-retry-pushback-ms"]).toBe("-1");
    expect(said(Number.NaN)["grpc-retry-pushback-ms"]).toBeUndefined();
    expect(crossed("no", { code: "aborted", retryAfterMs: Infinity }).retryAfterMs).toBe(Infinity);
  });

  it("keeps that word where an encoder leaves the status as it was", () => {
    const was = trailersOf(bareError("no", { code: "aborted", retryAfterMs: Infinity }), silent);
    const word = { "grpc-retry-pushback-ms": "-1" };
    expect(withPushBack({ "grpc-status": "10" }, was)).toEqual({ "grpc-status": "10", ...word });
    expect(withPushBack({ "grpc-status": "5" }, was)).toEqual({ "grpc-status": "5" });
    expect(withPushBack({ "grpc-status": "10" }, { "grpc-status": "10" })).toEqual({ "grpc-status": "10" });
  });

  it("is its status and message alone where there is no more to say", () => {
    expect(trailersOf(new ServiceError("no", { code: "aborted" }), silent)).toEqual({
      "grpc-status": "10",
      "grpc-message": "no",
    });
    for (const code of codes) expect(crossed("no", { code })).toMatchObject({ code, reason: code, message: "no" });
  });

  it("has details whose status and message other readers of google.rpc.Status find too", () => {
    const trailers = trailersOf(new ServiceError("voll ✓", { code: "aborted", reason: "full" }), silent);
    expect(trailers["grpc-status-details-bin"]).not.toContain("=");
    const status = fromBinary(StatusSchema, Buffer.from(trailers["grpc-status-details-bin"]!, "base64"));
    expect(isMessage(status) && [status.code, status.message]).toEqual([10, "voll ✓"]);
    expect(status.details.map(({ typeUrl }) => typeUrl)).toEqual(["type.googleapis.com/google.rpc.ErrorInfo"]);
  });

  it("leaves details out that are no JSON or too large, and says so", () => {
    for (const details of [{ n: 1n }, { big: "x".repeat(4096) }, "y".repeat(3500)]) {
      const reported: unknown[] = [];
      const error = new ServiceError("no", { code: "aborted", reason: "full", details });
      const trailers = trailersOf(error, (thrown) => reported.push(thrown));
      expect(reported).toHaveLength(1);
      expect(trailers["grpc-status-details-bin"]!.length).toBeLessThan(200);
      expect(errorOf(trailers)).toMatchObject({ reason: "full", details: undefined });
    }
  });

  it("never takes more than peers read, whatever is in it", () => {
    const options = { code: "aborted", reason: "full", details: "z".repeat(2800), retryAfterMs: 1 } as const;
    const trailers = trailersOf(new ServiceError("✓".repeat(5000), options), () => undefined);
    expect(Object.entries(trailers).join("").length).toBeLessThan(8192);
    expect(errorOf(trailers)!.message).toBe("✓".repeat(341));
  });

  it("has no hint that is no time", () => {
    expect(crossed("no", { code: "aborted", retryAfterMs: NaN }).retryAfterMs).toBeUndefined();
    expect(crossed("no", { code: "aborted", retryAfterMs: 0.2 }).retryAfterMs).toBe(1);
    expect(crossed("no", { code: "aborted", retryAfterMs: -5 }).retryAfterMs).toBe(0);
  });

  it("does not make a Date or undefined anything else than JSON does", () => {
    const details = { at: new Date(0), gone: undefined };
    expect(crossed("no", { code: "aborted", details }).details).toEqual({ at: "1970-01-01T00:00:00.000Z" });
  });
});

describe("the trailers of other servers", () => {
  const bad = { "grpc-status": "3", "grpc-message": "bad" };

  it("are no error when the status is 0", () => {
    expect(errorOf({ "grpc-status": "0" })).toBeUndefined();
  });

  it("are unknown when the status is no number or none that is known", () => {
    for (const status of ["", "17", "-1", "x", "1e1", "99999"])
      expect(errorOf({ "grpc-status": status })).toMatchObject({
        code: "unknown",
        message: "the peer answered unknown",
      });
  });

  it("may say where the request is wrong", () => {
    const violations = Buffer.concat([text(text("pair.a", "too large")), text(text("", "no request"))]);
    const trailers = { ...bad, "grpc-status-details-bin": richly(["google.rpc.BadRequest", violations]) };
    expect(errorOf(trailers)!.details).toEqual({
      issues: [
        { path: ["pair", "a"], message: "too large" },
        { path: [], message: "no request" },
      ],
    });
  });

  it("may say a reason, which is a reason only when it looks like one", () => {
    const info = (reason: string) => richly(["google.rpc.ErrorInfo", text(reason, "googleapis.com")]);
    expect(errorOf({ ...bad, "grpc-status-details-bin": info("API_DISABLED") })!.reason).toBe("api_disabled");
    expect(errorOf({ ...bad, "grpc-status-details-bin": info("<script>") })!.reason).toBe("invalid_argument");
  });

  it("may say when to come again, by details or by push-back, which goes first", () => {
    const delay = new BinaryWriter().tag(1, WireType.Varint).int64(2).tag(2, WireType.Varint).int32(5e8).finish();
    const hint = { ...bad, "grpc-status-details-bin": richly(["google.rpc.RetryInfo", text(delay)]) };
    expect(errorOf(hint)!.retryAfterMs).toBe(2500);
    expect(errorOf({ ...hint, "grpc-retry-pushback-ms": "70" })!.retryAfterMs).toBe(70);
    for (const no of ["-1", "x", ""])
      expect(errorOf({ ...hint, "grpc-retry-pushback-ms": no })!.retryAfterMs).toBe(Infinity);
  });

  it("may be any bytes", () => {
    const value = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom("AQ", "CgA=", "////"));
    const fields = fc.record({
      "grpc-status": fc.oneof(fc.constant("5"), fc.string()),
      "grpc-message": fc.string(),
      "grpc-status-details-bin": value,
      "grpc-retry-pushback-ms": fc.string(),
    });
    fc.assert(
      fc.property(fields, (trailers) => {
        const error = errorOf(trailers);
        if (trailers["grpc-status"] === "5") expect(error).toMatchObject({ code: "not_found", origin: "peer" });
        expect(error?.message.length ?? 0).toBeLessThanOrEqual(4096);
      }),
      { numRuns: 1000 },
    );
  });

  it("may be our own with bytes turned over", () => {
    const { "grpc-status-details-bin": own } = trailersOf(
      new ServiceError("no", { code: "aborted", reason: "full", details: { deep: [[[{ a: "b" }]]] }, retryAfterMs: 5 }),
      silent,
    );
    const bytes = Buffer.from(own!, "base64");
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, byte, end) => {
        const mutated = Buffer.from(bytes);
        mutated[at] = byte;
        const error = errorOf({
          "grpc-status": "10",
          "grpc-status-details-bin": mutated.subarray(0, end).toString("base64"),
        });
        expect(error).toMatchObject({ code: "aborted" });
      }),
      { numRuns: 2000 },
    );
  });

  it("cannot nest without end", () => {
    let value = new BinaryWriter().tag(4, WireType.Varint).bool(true).finish();
    for (let i = 0; i < 2000; i++) {
      const list = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(value).finish();
      value = new BinaryWriter().tag(6, WireType.LengthDelimited).bytes(list).finish();
    }
    const trailers = { ...bad, "grpc-status-details-bin": richly(["google.protobuf.Value", value]) };
    expect(errorOf(trailers)).toMatchObject({ code: "invalid_argument", details: undefined });
  });
});

describe("grpc-message", () => {
  it("is visible ASCII whatever the message, and reads back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (message) => {
        const encoded = encodeMessage(message);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeMessage(encoded)).toBe(message);
      }),
    );
    expect(encodeMessage("a\nb%")).toBe("a%0Ab%25");
  });

  it("is cut between characters", () => {
    expect(decodeMessage(encodeMessage("ä".repeat(600)))).toBe("ä".repeat(512));
    expect(decodeMessage(encodeMessage(`x${"ä".repeat(600)}`))).toBe(`x${"ä".repeat(511)}`);
  });

  it("keeps what is no escape", () => {
    expect(["%", "%4", "100%", "%zz", "%C3%A4%"].map(decodeMessage)).toEqual(["%", "%4", "100%", "%zz", "ä%"]);
    expect(decodeMessage("%FF")).toBe("\ufffd");
  });
});
