/**
 * A request that node:http has parsed, on its way through the server.
 *
 * @module
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { policyError, type Outcome } from "../../errors/index.ts";
import {
  discardBody,
  dropRest,
  isTooLong,
  isUnread,
  leaveRest,
  readBody,
  takeBody,
  textOf,
  type BodyReader,
} from "./body.ts";
import { HttpCall } from "./call.ts";
import type { ByteStream } from "../codec.ts";
import type { OneWays } from "../one-way.ts";
import type { Packer } from "./compression.ts";
import { connectionOf, type Connection } from "./connection.ts";
import { IncomingBody } from "./incoming-body.ts";
import { BodyChunks } from "./node-chunks.ts";
import { nodePacker } from "./node-packer.ts";
import { pour } from "./node-pour.ts";
import type { Plan } from "./plan.ts";
import { startOf } from "./start.ts";

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
  /** How long a peer may leave a stream of requests without a byte, in milliseconds. Default: 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** Knows the one-way calls that were acknowledged. */
  readonly oneWays: OneWays;
}

/** How long a mounted server waits for the next piece of a body. */
const IDLE_MS = 30_000;

const ALREADY_READ = "the body was read before it came here: mount the handler first, or leave it in `request.body`";

/** Drives one of node's requests, and writes the answer to it. */
export class NodeCall extends HttpCall implements BodyReader {
  readonly from: Incoming;
  readonly connection: Connection;
  /** Kept: they are asked for several times, and node's own is a getter. */
  readonly headers: IncomingHttpHeaders;
  /** Whether it may take longer to arrive than a whole request: its body is read as it comes, and minds the time itself. */
  isPatient = false;
  #body: IncomingBody | undefined = undefined;
  /** Knows the call while it runs. */
  #holder: { remove(call: NodeCall): void };

  constructor(plan: Plan, from: Incoming, startMs: number) {
    const connection = connectionOf(from.request.socket);
    const { headers } = from.request;
    super(plan, connection.start(startOf(plan, headers, startMs)));
    this.from = from;
    this.headers = headers;
    this.connection = this.#holder = connection;
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

  protected override get packer(): Packer {
    return nodePacker;
  }

  protected override stream(): ByteStream {
    const { request, response, server } = this.from;
    if (request.readableEnded) throw new TypeError(ALREADY_READ);
    const { "content-length": length, "content-type": contentType, expect } = request.headers;
    const patience = { clock: this.bound.around.clock, idleMs: server.requestTimeoutMs ?? IDLE_MS };
    this.isPatient = true;
    return (this.#body = new IncomingBody({
      contentType,
      byteLength: length === undefined ? undefined : Number(length),
      open() {
        if (expect !== undefined) invite(request, response);
        return new BodyChunks(request, patience);
      },
      arrived: (bytes) => void (this.requestBytes += bytes),
    }));
  }

  protected textOf(body: Uint8Array): string {
    return textOf(body as Buffer);
  }

  protected send(status: number, headers: string[], body: string | Uint8Array): void {
    const { request, response, server } = this.from;
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    if (status !== 204 && status !== 304) headers.push("content-length", String(bytes));
    const unread = isUnread(request);
    if (unread || server.draining || this.connection.isBroken) headers.push("connection", "close");
    this.responseBytes = bytes;
    response.writeHead(status, headers);
    response.end(body);
    if (unread) discardBody(request);
    else if (this.#body !== undefined) dropRest(request);
    if (response.writableLength > 0) this.#watchReader();
  }

  protected override pour(status: number, headers: string[], body: ByteStream): void {
    const { request, response, server } = this.from;
    const pieces = body[Symbol.asyncIterator]();
    const { byteLength } = body;
    const stop = this.onCancel(() => {
      if (response.headersSent) response.destroy();
      pieces.return?.().then(undefined, (error: unknown) => this.report(error));
    });
    const begin = (): void => {
      // A handler that answers while it reads has not left anything unread yet.
      const unread = this.#body === undefined && isUnread(request);
      if (byteLength !== undefined) headers.push("content-length", String(byteLength));
      if (unread || server.draining || this.connection.isBroken) headers.push("connection", "close");
      response.writeHead(status, headers);
      if (unread) discardBody(request);
    };
    const ended = (): void => {
      stop.cancel();
      if (this.outcome !== undefined) return void (response.writableEnded || response.destroy());
      response.end();
      if (this.#body !== undefined) leaveRest(request, response);
      if (response.writableLength > 0) this.#watchReader();
      this.finish("ok");
    };
    const broken = (error: unknown): void => {
      stop.cancel();
      const isHalf = response.headersSent;
      this.fail(error);
      if (isHalf) response.destroy();
    };
    if (this.verb === "HEAD") {
      begin();
      pieces.return?.().then(undefined, (error: unknown) => this.report(error));
      return ended();
    }
    const { clock } = this.bound.around;
    const { writeTimeoutMs } = server;
    const wrote = (bytes: number): void => void (this.responseBytes += bytes);
    const isOver = (): boolean => this.outcome !== undefined;
    pour({ body: pieces, to: response, clock, writeTimeoutMs, byteLength, begin, wrote, isOver }).then(ended, broken);
  }

  // The peer has not taken all of it: one that stops reading would hold its answer in memory for ever.
  #watchReader(): void {
    const { response, server } = this.from;
    // It waits for an answer before it on the connection, and its time begins after that one.
    if (response.socket === null) return void response.once("socket", () => this.#watchReader());
    const timer = this.bound.around.clock.expire(server.writeTimeoutMs, { expire: () => response.destroy() });
    response.once("close", () => timer.cancel());
  }

  protected leavePeer(): void {
    this.connection.remove(this);
    const { oneWays } = this.from.server;
    oneWays.add(this);
    this.#holder = oneWays;
  }

  protected override finish(outcome: Outcome): void {
    this.#holder.remove(this);
    if (this.#body !== undefined) this.#body.stop(this.error ?? policyError("canceled"));
    super.finish(outcome);
  }
}

/**
 * Asks for the body of a request that waits to be asked. RFC 9110 §10.1.1: not for HTTP/1.0, and once: node does it by
 * itself where nobody listens to "checkContinue".
 */
export function invite({ headers, httpVersionMinor }: IncomingMessage, response: ServerResponse): void {
  const wasInvited = (response as { readonly _sent100?: boolean })._sent100 === true;
  const waits = httpVersionMinor > 0 && headers.expect!.toLowerCase() === "100-continue";
  if (waits && !wasInvited && !response.headersSent) response.writeContinue();
}
