/**
 * gRPC's column of the status table, both ways, and what an HTTP status without one means.
 *
 * @module
 */
import { codes, type Code, type ServiceError } from "../../errors/index.ts";

/** The status of a call that went well. */
export const OK = 0;

const statusOfCode: ReadonlyMap<Code, number> = new Map(codes.map((code, index) => [code, index + 1]));

/**
 * The gRPC status of an error, 1 to 16: by its code, since gRPC has the same sixteen.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { statusOf } from "servicekit/transport/grpc";
 *
 * statusOf(new ServiceError("no such profile", { code: "not_found" })); // => 5
 * ```
 */
export function statusOf(error: ServiceError): number {
  return statusOfCode.get(error.code) ?? 2;
}

/**
 * The code of a gRPC status; one that nobody knows counts as unknown, and so does 0, which is no failure.
 *
 * @example
 * ```ts
 * import { codeOf } from "servicekit/transport/grpc";
 *
 * codeOf(14); // => "unavailable"
 * ```
 */
export function codeOf(status: number): Code {
  return codes[status - 1] ?? "unknown";
}

// gRPC's doc/http-grpc-status-mapping.md. Not what HTTP's own transport makes of these numbers: who answers here is no gRPC
// server but something in front of one, and 404 means that it knows no such service.
const codeOfHttpStatus: ReadonlyMap<number, Code> = new Map([
  [400, "internal"],
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [404, "unimplemented"],
  [429, "unavailable"],
  [502, "unavailable"],
  [503, "unavailable"],
  [504, "unavailable"],
]);

/** The code of an HTTP status that came without a gRPC status. */
export function codeOfHttp(status: number): Code {
  return codeOfHttpStatus.get(status) ?? "unknown";
}
