/**
 * A request that came as a stream of HTTP/2, on its way through the server. On node's streams themselves: the layer that
 * makes them look like HTTP/1.1 costs a tenth more.
 *
 * @module
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import type { Timer } from "../../time/index.ts";
import type { ByteStream } from "../codec.ts";
import { isTooLong, readBody, textOf, type BodyReader } from "./body.ts";
import { HttpCall } from "./call.ts";
import type { Packer } from "./compression.ts";
import { IncomingBody } from "./incoming-body.ts";
import type { HttpHeaders } from "./message.ts";
import { CANCEL, endIncoming, type Http2Connection } from "./http2-connection.ts";
import type { OneWays } from "../one-way.ts";
import { BodyChunks } from "./node-chunks.ts";
import { nodePacker } from "./node-packer.ts";
import { pour } from "./node-pour.ts";
import type { PlainAnswer } from "./page.ts";
import type { Plan } from "./plan.ts";
import { startOf } from "./start.ts";

/** What came in: a stream, its headers, and the values of the path's parameters. */
export interface Http2Incoming {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly headerCount: number;
  readonly values: readonly string[];
  readonly connection: Http2Connection;
  /** How long a peer may take to read an answer, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** How long a peer may take over a body, or leave one that is read as it comes without a byte, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Knows the one-way calls that were acknowledged. */
  readonly oneWays: OneWays;
}

/** Drives one stream, and writes the answer to it. */
export class Http2Call extends HttpCall implements BodyReader {
  readonly from: Http2Incoming;
  #body: IncomingBody | undefined = undefined;
  #late: Timer | undefined = undefined;
  #slow: Timer | undefined = undefined;
  #hasArrived = false;
  /** Knows the call when the peer has been told that it is accepted. */
  #holder: OneWays | undefined = undefined;

  constructor(plan: Plan, from: Http2Incoming, startMs: number) {
    super(plan, from.connection.start(startOf(plan, from.headers as HttpHeaders, startMs)));
    this.from = from;
    this.peer = from.connection.peer;
    this.target = this.url;
    from.stream.on("error", ignore);
    from.stream.once("close", () => this.#closed());
    // A stream whose end nobody has read does not close when the peer resets it without an error.
    if (from.stream.endAfterHeaders) from.stream.resume();
  }

  get verb(): string {
    return this.from.headers[":method"] ?? "GET";
  }

  get url(): string {
    return this.from.headers[":path"] ?? "/";
  }

  get headers(): HttpHeaders {
    return this.from.headers as HttpHeaders;
  }

  get headerCount(): number {
    return this.from.headerCount;
  }

  get values(): readonly string[] {
    return this.from.values;
  }

  protected get isGone(): boolean {
    const { stream } = this.from;
    return stream.headersSent || stream.destroyed || stream.closed;
  }

  protected read(): void {
    const { stream, headers } = this.from;
    if (stream.endAfterHeaders) return this.arrived(undefined);
    const { maxBodyBytes } = this.plan.limits;
    if (headers.expect !== undefined && !isTooLong({ headers }, maxBodyBytes)) invite(this.from);
    readBody({ headers, on: stream.on.bind(stream) }, maxBodyBytes, this);
    if (this.outcome === undefined) this.from.connection.nextTurn(this);
  }

  /** A turn after its head: most bodies have come by now, and need no timer. */
  look(): void {
    if (this.outcome !== undefined || this.#hasArrived) return;
    const expire = (): void => this.fail(policyError("request_timeout"));
    this.#slow = this.bound.around.clock.expire(this.from.requestTimeoutMs, { expire });
  }

  override arrived(body: Uint8Array | undefined): void {
    this.#hasArrived = true;
    this.#slow?.cancel();
    // A reset without an error ends a body as if that were all of it. The stream's end ends the call.
    if (!this.from.stream.aborted) super.arrived(body);
  }

  protected override get packer(): Packer {
    return nodePacker;
  }

  protected override stream(): ByteStream {
    const { stream, headers, requestTimeoutMs } = this.from;
    const { "content-length": length, "content-type": contentType } = headers;
    const patience = { clock: this.bound.around.clock, idleMs: requestTimeoutMs };
    return (this.#body = new IncomingBody({
      contentType,
      byteLength: length === undefined ? undefined : Number(length),
      open: () => {
        invite(this.from);
        return new BodyChunks(stream, patience);
      },
      arrived: (bytes) => void (this.requestBytes += bytes),
    }));
  }

  protected textOf(body: Uint8Array): string {
    return textOf(body as Buffer);
  }

  #closed(): void {
    this.#late?.cancel();
    if (this.outcome === undefined && this.#holder === undefined) this.abandon(policyError("canceled"));
  }

  protected leavePeer(): void {
    this.#holder = this.from.oneWays;
    this.#holder.add(this);
  }

  protected send(status: number, headers: string[], body: string | Uint8Array): void {
    const { stream } = this.from;
    this.responseBytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    respond(stream, { status, headers, body });
    if (stream.writableLength > 0) this.watchReader();
  }

  protected override pour(status: number, headers: string[], body: ByteStream): void {
    const { stream, writeTimeoutMs } = this.from;
    const pieces = body[Symbol.asyncIterator]();
    const leave = (): void => void pieces.return?.().then(undefined, (error: unknown) => this.report(error));
    const { byteLength } = body;
    if (byteLength !== undefined) headers.push("content-length", String(byteLength));
    const begin = (): void => stream.respond(fieldsOf(status, headers), { endStream: this.verb === "HEAD" });
    if (this.verb === "HEAD") {
      begin();
      leave();
      return this.finish("ok");
    }
    const stop = this.onCancel(leave);
    const ended = (): void => {
      stop.cancel();
      if (this.outcome !== undefined) return;
      stream.end();
      if (this.#body !== undefined) endIncoming(stream);
      if (stream.writableLength > 0) this.watchReader();
      this.finish("ok");
    };
    const broken = (error: unknown): void => {
      stop.cancel();
      const isHalf = stream.headersSent;
      this.fail(error);
      if (isHalf) stream.close(INTERNAL_ERROR);
    };
    const { clock } = this.bound.around;
    const wrote = (bytes: number): void => void (this.responseBytes += bytes);
    const isOver = (): boolean => this.outcome !== undefined;
    pour({ body: pieces, to: stream, clock, writeTimeoutMs, byteLength, begin, wrote, isOver }).then(ended, broken);
  }

  /** The peer has not taken all of it: one that stops reading would hold its answer in memory for ever. */
  protected watchReader(): void {
    const { stream, writeTimeoutMs } = this.from;
    this.#late ??= this.bound.around.clock.expire(writeTimeoutMs, { expire: () => stream.close(CANCEL) });
  }

  /** It reads again. */
  protected unwatchReader(): void {
    this.#late?.cancel();
    this.#late = undefined;
  }

  protected override finish(outcome: Outcome): void {
    this.#slow?.cancel();
    this.#holder?.remove(this);
    this.#body?.stop(this.error ?? policyError("canceled"));
    super.finish(outcome);
  }

  /** The call was called off: what is half written is cut, so that nobody takes it for all. */
  override abandon(reason: ServiceError): void {
    super.abandon(reason);
    const { stream } = this.from;
    if (stream.headersSent && !stream.writableEnded) stream.close(CANCEL);
  }
}

/** RFC 9113 §7: this side has failed. */
const INTERNAL_ERROR = 2;

/** Writes an answer in one piece. */
export function respond(stream: ServerHttp2Stream, { status, headers, body = "" }: PlainAnswer): void {
  if (stream.headersSent || stream.destroyed || stream.closed) return;
  const isHead = (stream as { readonly headRequest?: boolean }).headRequest === true;
  const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  const fields = fieldsOf(status, headers);
  if (status !== 204 && status !== 304) fields["content-length"] = String(bytes);
  const isEmpty = isHead || bytes === 0;
  stream.respond(fields, { endStream: isEmpty });
  if (!isEmpty) stream.end(body);
  endIncoming(stream);
}

/** Asks for the body of a request that waits to be asked (RFC 9110 §10.1.1). */
export function invite({ stream, headers }: Pick<Http2Incoming, "stream" | "headers">): void {
  const waits = headers.expect?.toLowerCase() === "100-continue";
  if (waits && !stream.headersSent && !stream.destroyed && !stream.closed) stream.additionalHeaders({ ":status": 100 });
}

type Fields = Record<string, number | string | string[]>;

/** Headers as node's HTTP/2 wants them, from names and values in turn. */
export function fieldsOf(status: number, headers: readonly string[]): Fields {
  const fields: Fields = { ":status": status };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const known = fields[name];
    // Several cookies are several fields; of anything else each name is written once.
    fields[name] = known === undefined ? headers[i + 1]! : [known as string, headers[i + 1]!].flat();
  }
  return fields;
}

function ignore(): void {}
