/**
 * A request that node:http has parsed, on its way through the server.
 *
 * @module
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Outcome } from "../../errors/index.ts";
import { discardBody, isTooLong, isUnread, readBody, takeBody, textOf, type BodyReader } from "./body.ts";
import { HttpCall, startOf } from "./call.ts";
import { connectionOf, type Connection } from "./connection.ts";
import type { Plan } from "./plan.ts";

/** What came in: node's own messages and the values of the path's parameters. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly values: readonly string[];
  readonly server: ServerState;
}

/** What calls ask of the server they came through. */
export interface ServerState {
  /** Whether the connections are the transport's own, rather than a framework's that it is mounted in. */
  readonly isOurs: boolean;
  /** Whether it is shutting down: then connections are closed after their answer. */
  readonly draining: boolean;
  /** How long a peer may take to read an answer, in milliseconds. */
  readonly writeTimeoutMs: number;
}

const ALREADY_READ = "the body was read before it came here: mount the handler first, or leave it in `request.body`";

/** Drives one of node's requests, and writes the answer to it. */
export class NodeCall extends HttpCall implements BodyReader {
  readonly from: Incoming;
  readonly connection: Connection;

  constructor(plan: Plan, from: Incoming, startMs: number) {
    super(plan, startOf(plan, from.request.headers, startMs));
    this.from = from;
    this.connection = connectionOf(from.request.socket);
    this.peer = this.connection.peer;
    this.target = from.request.url ?? "";
    this.connection.add(this);
  }

  get verb(): string {
    return this.from.request.method ?? "GET";
  }

  get url(): string {
    return this.from.request.url ?? "/";
  }

  get headers(): IncomingHttpHeaders {
    return this.from.request.headers;
  }

  get headerCount(): number {
    return this.from.request.rawHeaders.length / 2;
  }

  get values(): readonly string[] {
    return this.from.values;
  }

  get isReceived(): boolean {
    return this.from.request.complete;
  }

  protected get isGone(): boolean {
    return this.from.response.headersSent || this.from.request.socket.destroyed;
  }

  protected read(): void {
    const { request, response, server } = this.from;
    // Mounted behind a framework that has read the body already.
    if (request.readableEnded) return this.#given((request as { body?: unknown }).body);
    const { maxBodyBytes } = this.plan.limits;
    if (request.headers.expect !== undefined && !isTooLong(request, maxBodyBytes)) invite(request, response);
    const read = server.isOurs ? takeBody : readBody;
    read(request, maxBodyBytes, this);
  }

  #given(body: unknown): void {
    if (typeof body === "string" || Buffer.isBuffer(body)) this.arrived(Buffer.from(body as string));
    else if (body === undefined) this.fail(new TypeError(ALREADY_READ));
    else this.given(body);
  }

  protected textOf(body: Uint8Array): string {
    return textOf(body as Buffer);
  }

  protected send(status: number, headers: string[], body: string | Uint8Array): void {
    const { request, response, server } = this.from;
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    if (status !== 204) headers.push("content-length", String(bytes));
    const unread = isUnread(request);
    if (unread || server.draining || this.connection.isBroken) headers.push("connection", "close");
    this.responseBytes = bytes;
    response.writeHead(status, headers);
    response.end(body);
    if (unread) discardBody(request);
    if (response.writableLength > 0) this.#watchReader();
  }

  // The peer has not taken all of it: one that stops reading would hold its answer in memory for ever.
  #watchReader(): void {
    const { response, server } = this.from;
    // It waits for an answer before it on the connection, and its time begins after that one.
    if (response.socket === null) return void response.once("socket", () => this.#watchReader());
    const timer = this.bound.around.clock.expire(server.writeTimeoutMs, { expire: () => response.destroy() });
    response.once("close", () => timer.cancel());
  }

  protected override finish(outcome: Outcome): void {
    this.connection.remove(this);
    super.finish(outcome);
  }
}

// RFC 9110 §10.1.1: not for HTTP/1.0, and once: node does it by itself where nobody listens to "checkContinue".
function invite({ headers, httpVersionMinor }: IncomingMessage, response: ServerResponse): void {
  const wasInvited = (response as { readonly _sent100?: boolean })._sent100 === true;
  const waits = httpVersionMinor > 0 && headers.expect!.toLowerCase() === "100-continue";
  if (waits && !wasInvited && !response.headersSent) response.writeContinue();
}
