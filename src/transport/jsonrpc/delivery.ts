/**
 * One HTTP request that brings JSON-RPC messages, and the one answer to it.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Carrier, Metadata } from "../../endpoint/index.ts";
import { isRequestId, newRequestId } from "../../internal/ids.ts";
import type { Clock } from "../../time/index.ts";
import { discardBody, isUnread } from "../http/body.ts";
import { headersOf } from "../http/start.ts";
import type { ServerState } from "../http/node-call.ts";
import { connectionOf, type Connection } from "../http/connection.ts";
import { RESERVED } from "../http/message.ts";
import { REQUEST_ID } from "../names.ts";

/** Answers longer than this may meet a reader too slow to take them. */
const LONG_ANSWER = 65_536;

const JSON_TYPE = "application/json; charset=utf-8";

/** Node's own messages, and the server they came through. */
export interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: ServerState;
  readonly clock: Clock;
}

/** What is answered. */
export interface Reply {
  readonly status: number;
  /** Default: JSON. */
  readonly contentType?: string | undefined;
  /** "" for none. */
  readonly body: string;
}

/** One delivery. What its messages have in common is made once. */
export class Delivery {
  readonly request: IncomingMessage;
  readonly connection: Connection;
  readonly incoming: Carrier;
  readonly #from: Arrival;
  #requestId: string | undefined = undefined;
  #metadata: Map<string, string> | undefined = undefined;

  constructor(from: Arrival) {
    this.#from = from;
    this.request = from.request;
    this.connection = connectionOf(from.request.socket);
    this.incoming = headersOf(from.request.headers);
  }

  /** The id of the HTTP request, which is that of all its messages. */
  get requestId(): string {
    return (this.#requestId ??= this.#givenId() ?? newRequestId());
  }

  #givenId(): string | undefined {
    const given = this.incoming.get(REQUEST_ID);
    return isRequestId(given) ? given : undefined;
  }

  /** Adds metadata to the answer; of several calls that set the same name the last one wins. */
  add(metadata: Metadata): void {
    for (const [name, value] of metadata) if (!RESERVED.has(name)) (this.#metadata ??= new Map()).set(name, value);
  }

  /** Answers, unless nobody is there any more. */
  answer({ status, contentType = JSON_TYPE, body }: Reply): void {
    const { request, response, server, clock } = this.#from;
    if (response.headersSent || request.socket.destroyed) return;
    const bytes = Buffer.byteLength(body);
    const headers = [REQUEST_ID, this.requestId];
    if (status !== 204) headers.push("content-type", contentType, "content-length", String(bytes));
    if (status === 405) headers.push("allow", "POST");
    for (const [name, value] of this.#metadata ?? []) headers.push(name, value);
    const unread = isUnread(request);
    if (unread || server.draining || this.connection.isBroken) headers.push("connection", "close");
    response.writeHead(status, headers);
    response.end(body);
    if (unread) discardBody(request);
    if (bytes > LONG_ANSWER || request.socket.writableNeedDrain) watchReader(response, server, clock);
  }
}

// A peer that stops reading would hold its answer in memory for ever.
function watchReader(response: ServerResponse, server: ServerState, clock: Clock): void {
  const timer = clock.expire(server.writeTimeoutMs, { expire: () => response.destroy() });
  response.once("close", () => timer.cancel());
}
