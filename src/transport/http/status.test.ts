import { describe, expect, it } from "vitest";
import { bareError, codes, policyError, reasons, ServiceError, type Reason } from "../../errors/index.ts";
import { codeOf, statusOf } from "./index.ts";

describe("the status of an error", () => {
  it("is a status of HTTP for every code, and a class that says whose fault it was", () => {
    for (const code of codes) {
      const status = statusOf(new ServiceError("x", { code }));
      expect(status).toBeGreaterThanOrEqual(400);
      const isServers = [
        "unknown",
        "deadline_exceeded",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
      ].includes(code);
      expect([code, status >= 500]).toEqual([code, isServers]);
    }
  });

  it("is more exact where HTTP is, for the toolkit's own reasons", () => {
    const exact: Partial<Record<Reason, number>> = {
      too_large: 413,
      too_many_headers: 431,
      unknown_method: 404,
      wrong_verb: 405,
      unsupported_media_type: 415,
      not_acceptable: 406,
      request_timeout: 408,
      not_modified: 304,
      precondition_failed: 412,
      precondition_required: 428,
    };
    for (const reason of Object.keys(reasons) as Reason[]) {
      const byCode = statusOf(new ServiceError("x", { code: reasons[reason].code }));
      expect([reason, statusOf(policyError(reason))]).toEqual([reason, exact[reason] ?? byCode]);
    }
  });

  it("is that of the code for a declared error, whatever it is called, and for names that every object has", () => {
    expect(statusOf(bareError("x", { code: "aborted", reason: "too_large", origin: "declared" }))).toBe(409);
    for (const reason of ["constructor", "__proto__", "toString", ""]) {
      expect(statusOf(new ServiceError("x", { code: "not_found", reason }))).toBe(404);
    }
  });
});

describe("the code of a status", () => {
  it("is found for every status there is, by its class where it has no code of its own", () => {
    for (let status = 100; status < 600; status++) expect(codes).toContain(codeOf(status));
    expect([codeOf(200), codeOf(302), codeOf(418), codeOf(451), codeOf(507), codeOf(599)]).toEqual([
      "unknown",
      "unknown",
      "invalid_argument",
      "invalid_argument",
      "internal",
      "internal",
    ]);
  });

  it("comes back as a status of the same class", () => {
    for (let status = 400; status < 600; status++) {
      const back = statusOf(new ServiceError("x", { code: codeOf(status) }));
      // 405, 408 and 415 have reasons of ours; without them they are what their code is.
      if (![405, 408].includes(status))
        expect([status, Math.floor(back / 100)]).toEqual([status, Math.floor(status / 100)]);
    }
  });
});
