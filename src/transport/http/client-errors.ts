/**
 * What became of a connection, as an error. Two reasons tell apart what a retry must know: `unreachable` means that not
 * a byte of the request was sent, so any method may be tried again; `connection_lost` means that the peer may have got
 * it, so only an idempotent one may.
 *
 * @module
 */
import { policyError, ServiceError } from "../../errors/index.ts";

/** How far an exchange had come when its connection failed. */
export type Progress = "unsent" | "sent" | "answering";

/** The error for what node:http, TLS, DNS or the socket reported. */
export function connectionError(error: Error, progress: Progress): ServiceError {
  if (ServiceError.is(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "HPE_HEADER_OVERFLOW") return policyError("too_many_headers", { cause: error });
  if (code.startsWith("HPE_")) {
    return policyError("invalid_response", { message: "the peer's answer is not HTTP", cause: error });
  }
  return policyError(progress === "unsent" ? "unreachable" : "connection_lost", { cause: error });
}

/** Whether a failure is what a pooled connection shows that the peer closed while it was idle. */
export function isStale(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}
