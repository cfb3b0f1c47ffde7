/**
 * Answers that are no call's: probes, OPTIONS, the pages of the debug port.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { discardBody, isUnread } from "./body.ts";

/** A request, and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Whether it is shutting down: then connections are closed after their answer. */
  readonly server: { readonly draining: boolean };
}

/** What is answered. */
export interface PlainAnswer {
  readonly status: number;
  /** Names and values in turn, without those that frame the message. */
  readonly headers: readonly string[];
  readonly body?: string | undefined;
}

/** Writes an answer without looking at the request's body, which is not read beyond a bound. */
export function answerPlainly({ request, response, server }: Exchange, answer: PlainAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const { status, body = "" } = answer;
  const headers = [...answer.headers];
  if (status !== 204) headers.push("content-length", String(Buffer.byteLength(body)));
  const unread = isUnread(request);
  if (unread || server.draining) headers.push("connection", "close");
  response.writeHead(status, headers);
  response.end(body);
  if (unread) discardBody(request);
}

/** A short text as an answer. */
export function text(status: number, body: string, headers: readonly string[] = []): PlainAnswer {
  return { status, headers: ["content-type", "text/plain; charset=utf-8", ...headers], body };
}
