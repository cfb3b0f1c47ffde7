/**
 * Answers that are no call's: probes, OPTIONS, the pages of the debug port.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { discardBody, isUnread } from "./body.ts";
import type { Clock } from "../../time/index.ts";
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

/** Closes the connection of a peer that does not read what it was answered within this time. */
export function cutUnread(response: ServerResponse, clock: Clock, writeTimeoutMs: number): void {
  if (response.writableLength === 0) return;
  // It waits for an answer before it on the connection, and its time begins after that one.
  if (response.socket === null) return void response.once("socket", () => cutUnread(response, clock, writeTimeoutMs));
  const timer = clock.expire(writeTimeoutMs, { expire: () => response.destroy() });
  response.once("close", () => timer.cancel());
}
