/**
 * An error as JSON, for protocols that have no form of their own for one.
 *
 * @module
 */
import { bareError, isCode, type ServiceError } from "../errors/index.ts";

const REASON = /^[a-z][a-z0-9_]{0,63}$/;

/** The JSON text of an error; `report` is told when its details cannot be written, which then are left out. */
export function writeFailure(error: ServiceError, report: (thrown: unknown) => void): string {
  const { code, reason, message, details, retryAfterMs } = error;
  const waitMs =
    retryAfterMs === undefined || !Number.isFinite(retryAfterMs) ? undefined : Math.max(0, Math.ceil(retryAfterMs));
  try {
    return JSON.stringify({ code, reason, message, details, retryAfterMs: waitMs });
  } catch (thrown) {
    report(thrown);
    return JSON.stringify({ code, reason, message, retryAfterMs: waitMs });
  }
}

/** What a peer said of its error, read without trust: any value will do. */
export function readFailure(value: unknown): ServiceError {
  const failure = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const { code, reason, message, details, retryAfterMs } = failure;
  const known = isCode(code) ? code : "unknown";
  const isTime = typeof retryAfterMs === "number" && retryAfterMs >= 0 && retryAfterMs < 1e12;
  return bareError(typeof message === "string" ? message.slice(0, 4096) : "the peer failed", {
    code: known,
    reason: typeof reason === "string" && REASON.test(reason) ? reason : known,
    details,
    origin: "peer",
    retryAfterMs: isTime ? retryAfterMs : undefined,
  });
}
