/**
 * An error as JSON, for protocols that have no form of their own for one.
 *
 * @module
 */
import { bareError, isCode, type Code, type ServiceError } from "../errors/index.ts";
import { parseJson } from "./json/parse.ts";
import type { Limits } from "./limits.ts";
import { decodePushBack, encodePushBack } from "./push-back.ts";
import { textOf } from "./text.ts";

const REASON = /^[a-z][a-z0-9_]{0,63}$/;

/** The JSON text of an error; `report` is told when its details cannot be written, which then are left out. */
export function writeFailure(error: ServiceError, report: (thrown: unknown) => void): string {
  const { code, reason, message, details } = error;
  const retryAfterMs = encodePushBack(error.retryAfterMs);
  try {
    return JSON.stringify({ code, reason, message, details, retryAfterMs });
  } catch (thrown) {
    report(thrown);
    return JSON.stringify({ code, reason, message, retryAfterMs });
  }
}

/** What a peer said of its error, read without trust: any value will do. */
export function readFailure(value: unknown): ServiceError {
  const failure = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const { code, reason, message, details, retryAfterMs } = failure;
  const known = isCode(code) ? code : "unknown";
  return bareError(typeof message === "string" ? message.slice(0, 4096) : "the peer failed", {
    code: known,
    reason: typeof reason === "string" && REASON.test(reason) ? reason : known,
    details,
    origin: "peer",
    retryAfterMs: decodePushBack(retryAfterMs),
  });
}

/** What a protocol itself says of an error, beside its body. */
export interface Said {
  readonly code: Code;
  readonly message?: string | undefined;
}

/**
 * The error that a body is, read without trust. Somebody else's says no code: then it is what the protocol says, and the body
 * is its details.
 */
export function failureIn(body: Uint8Array, limits: Limits, { code, message = "" }: Said): ServiceError {
  let said: unknown;
  try {
    if (body.length > 0 && body.length <= limits.maxBodyBytes) said = parseJson(textOf(body), limits);
  } catch {
    // No JSON: the protocol says what it is.
  }
  if (isCode((said as { readonly code?: unknown } | null | undefined)?.code)) return readFailure(said);
  const text = message === "" ? readFailure(said).message : message.slice(0, 4096);
  return bareError(text, { code, reason: code, details: said, origin: "peer" });
}

/** The same error cut down to what every protocol takes, for when it is too large as it is. */
export function bareFailure({ code, reason, message }: ServiceError): ServiceError {
  return bareError(message.slice(0, 512), { code, reason });
}
