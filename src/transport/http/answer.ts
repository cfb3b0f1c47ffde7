/**
 * Answers that are no call's: probes, OPTIONS, the pages of the debug port.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { discardBody, isUnread } from "./body.ts";
import type { PlainAnswer } from "./page.ts";

/** A request, and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Whether it is shutting down: then connections are closed after their answer. */
  readonly server: { readonly draining: boolean };
}

/** Writes an answer without looking at the request's body, which is not read beyond a bound. */
export function answerPlainly({ request, response, server }: Exchange, answer: PlainAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const { status, body = "" } = answer;
  const headers = [...answer.headers];
  if (status !== 204 && status !== 304)
    headers.push("content-length", String(typeof body === "string" ? Buffer.byteLength(body) : body.length));
  const unread = isUnread(request);
  if (unread || server.draining) headers.push("connection", "close");
  response.writeHead(status, headers);
  response.end(body);
  if (unread) discardBody(request);
}
