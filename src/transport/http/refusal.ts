/**
 * What errors say in their answers: the body, and the headers.
 *
 * @module
 */
import { bareError, policyError, type ServiceError } from "../../errors/index.ts";
import type { Coding } from "./compression.ts";
import { ReplyDraft } from "./message.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";

/** The error for a coding that is not read; it says which would have been (RFC 9110 §15.5.16). */
export function unsupportedCoding(readable: readonly Coding[]): ServiceError {
  const acceptEncoding = readable.length === 0 ? ["identity"] : readable;
  return policyError("unsupported_media_type", {
    message: "the content encoding is not supported",
    details: { acceptEncoding },
  });
}

/** An error's answer; `report` hears of details that cannot be written. */
export function problemDraft(error: ServiceError, status: number, report: (thrown: unknown) => void): ReplyDraft {
  const draft =
    status === 304
      ? new ReplyDraft(status, undefined, "")
      : new ReplyDraft(status, PROBLEM, problemText(error, status, report));
  addErrorHeaders(draft, error);
  return draft;
}

/** What an error says in headers: when to come again, which verbs there are. */
function addErrorHeaders(draft: ReplyDraft, error: ServiceError): void {
  const { retryAfterMs } = error;
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs))
    draft.header("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  // Not of a peer's error that a handler passes on: what it holds may be no header.
  if (error.origin !== "policy") return;
  const { allow, acceptEncoding } = (error.details ?? {}) as { readonly [name: string]: unknown };
  if (error.reason === "wrong_verb" && Array.isArray(allow)) draft.header("allow", allow.join(", "));
  if (error.reason === "unsupported_media_type" && Array.isArray(acceptEncoding))
    draft.header("accept-encoding", acceptEncoding.join(", "));
}

// Without its details where those cannot be written.
function problemText(error: ServiceError, status: number, report: (thrown: unknown) => void): string {
  try {
    return encodeProblem(error, status);
  } catch (thrown) {
    // A BigInt, a cycle.
    report(thrown);
    const { message, code, reason, retryAfterMs } = error;
    return encodeProblem(bareError(message, { code, reason, retryAfterMs }), status);
  }
}

/** The refusal of a content type: says which there are. */
export function unsupportedType(codecs: readonly { readonly mediaType: string }[]): ServiceError {
  const types = [...new Set(codecs.map(({ mediaType }) => mediaType))].join(" or ");
  return policyError("unsupported_media_type", { message: `the content type should be ${types}` });
}
