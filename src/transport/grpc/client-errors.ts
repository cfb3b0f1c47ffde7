/**
 * How a call ended that got no status: by HTTP, by a reset, by a connection that is gone, or by an answer that is none.
 *
 * @module
 */
import { constants } from "node:http2";
import { bareError, policyError, type Code, type ServiceError } from "../../errors/index.ts";
import { codeOfHttp } from "./status.ts";

/** The names of RFC 9113 §7 by their numbers, for the texts. */
const NAMES: readonly string[] = [
  ...["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"],
  ...["FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"],
  ...["INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"],
];

// gRPC over HTTP/2, "Errors": what is not here is internal.
const codeOfReset: ReadonlyMap<number, Code> = new Map([
  [constants.NGHTTP2_REFUSED_STREAM, "unavailable"],
  [constants.NGHTTP2_CANCEL, "canceled"],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, "resource_exhausted"],
  [constants.NGHTTP2_INADEQUATE_SECURITY, "permission_denied"],
]);

/** The peer reset the call. */
export function resetError(rstCode: number): ServiceError {
  const code = codeOfReset.get(rstCode) ?? "internal";
  return bareError(`the peer reset the call (${NAMES[rstCode] ?? rstCode})`, { code, origin: "peer" });
}

/** An answer in HTTP without a gRPC status. */
export function httpError(status: number): ServiceError {
  if (status >= 300 && status < 400)
    return policyError("invalid_response", {
      message: `the peer answered ${status}, a redirect, which is not followed`,
    });
  return bareError(`the peer answered HTTP ${status} instead of gRPC`, { code: codeOfHttp(status), origin: "peer" });
}

/** An answer that does not keep to the protocol. */
export function invalidAnswer(message: string, cause?: unknown): ServiceError {
  return policyError("invalid_response", { message, cause });
}

/** What cannot be read is this side's finding, and the peer's fault; what is too large stays that. */
export function unreadable(error: ServiceError): ServiceError {
  if (error.origin !== "policy" || (error.reason !== "malformed_message" && error.reason !== "invalid_request"))
    return error;
  return invalidAnswer("the answer cannot be read", error);
}
