/**
 * The headers of an answer, in the order they are sent: what the body is, ids, the user's, metadata, what caches and pages of
 * other origins are told.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { REQUEST_ID } from "../names.ts";
import { addVary } from "./compression.ts";
import { RESERVED, type HttpHeaders, type ReplyDraft } from "./message.ts";
import type { Plan } from "./plan.ts";

/** A call as far as its answer's headers go. */
export interface Answered extends Pick<ActiveCall, "requestId" | "outgoingIfAny"> {
  readonly plan: Plan;
  readonly verb: string;
  readonly headers: HttpHeaders;
}

/** Names and values in turn; `draft` is what hooks and routes have set, if there are any. */
export function answerHeaders(call: Answered, contentType: string | undefined, draft?: ReplyDraft): string[] {
  const headers: string[] = [];
  const status = draft?.status ?? call.plan.status;
  const more = draft?.headers;
  if (contentType !== undefined) headers.push("content-type", contentType);
  // To those who sent one, and to those who will want to ask what went wrong; for all others it is in the log.
  const tellsId = status >= 400 || call.headers[REQUEST_ID] !== undefined;
  if (tellsId && more?.has(REQUEST_ID) !== true) headers.push(REQUEST_ID, call.requestId);
  if (more !== undefined) for (const [name, value] of more) headers.push(name, value);
  if (draft?.cookies !== undefined) for (const cookie of draft.cookies) headers.push("set-cookie", cookie);
  if (call.outgoingIfAny !== undefined) {
    for (const [name, value] of call.outgoingIfAny) {
      if (!RESERVED.has(name) && more?.has(name) !== true) headers.push(name, value);
    }
  }
  // Else a cache would give one peer's format to another.
  if (call.plan.answers.length > 1 && (call.verb === "GET" || call.verb === "HEAD")) addVary(headers, "accept");
  if (call.plan.cors !== undefined) call.plan.cors.add(headers, call.headers["origin"]);
  return headers;
}
