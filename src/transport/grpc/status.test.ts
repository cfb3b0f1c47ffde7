import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { codes, ServiceError } from "../../errors/index.ts";
import { codeOf, codeOfHttp, statusOf } from "./status.ts";

describe("gRPC's statuses", () => {
  it("are those of grpc-js, both ways", () => {
    for (const code of codes) {
      const name = code === "canceled" ? "CANCELLED" : code.toUpperCase();
      const number = status[name as keyof typeof status] as unknown as number;
      expect(statusOf(new ServiceError("no", { code }))).toBe(number);
      expect(codeOf(number)).toBe(code);
    }
  });

  it("that nobody knows count as unknown", () => {
    for (const number of [0, 17, -1, 999, 1.5, NaN]) expect(codeOf(number)).toBe("unknown");
  });

  it("are guessed from HTTP's as gRPC's own table has it", () => {
    const seen = [400, 401, 403, 404, 429, 502, 503, 504, 418, 500].map(codeOfHttp);
    const unavailable = Array.from({ length: 4 }, () => "unavailable");
    const first = ["internal", "unauthenticated", "permission_denied", "unimplemented"];
    expect(seen).toEqual([...first, ...unavailable, "unknown", "unknown"]);
  });
});
