/**
 * Errors as problem details (RFC 9457). `type` is left out, which means "about:blank": then `title` is the status phrase,
 * and what happened stands in `code`, `reason`, `detail` and `details`.
 *
 * @module
 */
import { bareError, isCode, type ServiceError } from "../../errors/index.ts";
import { decodePushBack, encodePushBack } from "../push-back.ts";
import { codeOf } from "./status.ts";
import { phraseOf } from "./status-phrase.ts";

/** The media type of problem details. */
export const PROBLEM = "application/problem+json";

/** The body of an error answer. */
export function encodeProblem(error: ServiceError, status: number): string {
  return JSON.stringify({
    title: phraseOf(status),
    status,
    detail: error.message,
    code: error.code,
    reason: error.reason,
    details: error.details,
    // `Retry-After` knows whole seconds only, and no word for "do not".
    retryAfterMs: encodePushBack(error.retryAfterMs),
  });
}

/** What an error answer said, read without trust: any body will do, ours gives more. The header's hint counts where there is no other. */
export function decodeProblem(status: number, body: unknown, headerMs?: number): ServiceError {
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const { code, reason, detail, details, retryAfterMs } = problem;
  const known = isCode(code) ? code : codeOf(status);
  return bareError(typeof detail === "string" ? detail.slice(0, 4096) : `the peer answered ${status}`, {
    code: known,
    reason: typeof reason === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(reason) ? reason : known,
    details,
    origin: "peer",
    retryAfterMs: decodePushBack(retryAfterMs) ?? headerMs,
  });
}

/** Reads `Retry-After` (RFC 9110 §10.2.3): seconds or a date; undefined when it is neither. */
export function retryAfterOf(header: string | undefined, dateMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - dateMs);
}
