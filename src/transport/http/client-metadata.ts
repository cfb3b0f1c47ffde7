/**
 * What every request carries beside its message: the time left, ids, the trace, and the caller's metadata.
 *
 * @module
 */
import type { ActiveCall, Context, Metadata } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import { injectTrace } from "../../trace/index.ts";
import { ATTEMPT, REQUEST_ID, TIMEOUT } from "../names.ts";
import { isOwnHeader, setHeader } from "./client-draft.ts";

/** Adds the headers of a call to a request. */
export function addCallHeaders(headers: string[], call: ActiveCall, remainingMs: number): void {
  addContextHeaders(headers, call.context, remainingMs);
  if (call.attempt > 1) headers.push(ATTEMPT, String(call.attempt));
  if (call.outgoingIfAny !== undefined) addMetadata(headers, call.outgoingIfAny);
}

/** Adds what a context carries to a request. */
export function addContextHeaders(headers: string[], context: Context, remainingMs: number): void {
  // Rounded down: the peer never believes to have longer than we wait.
  if (remainingMs < Infinity) headers.push(TIMEOUT, String(Math.max(1, Math.floor(remainingMs))));
  headers.push(REQUEST_ID, context.requestId);
  injectTrace(context, (name, value) => void headers.push(name, value));
}

// Metadata replaces what stands there under the same name, but for the message's own type and its time.
function addMetadata(headers: string[], metadata: Metadata): void {
  for (const [name, value] of metadata) {
    if (isOwnHeader(name) || name === "content-type" || name === TIMEOUT) {
      throw policyError("invalid_request", { message: `metadata "${name}" is HTTP's own and cannot be set` });
    }
    setHeader(headers, name, value);
  }
}
