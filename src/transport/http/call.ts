/**
 * One HTTP request on its way through the server.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { bareError, policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import type { Carrier } from "../../endpoint/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { discardBody, isTooLong, isUnread, readBody, takeBody, textOf, type BodyReader } from "./body.ts";
import { connectionOf, type Connection } from "./connection.ts";
import { ReplyDraft, RequestView, RESERVED, type HttpReply, type HttpRequest } from "./message.ts";
import { accepted, codecFor } from "./negotiate.ts";
import type { AssembleSource, Encode, MethodCodec, Plan } from "./plan.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { statusOf } from "./status.ts";

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

class Headers implements Carrier {
  readonly #headers: IncomingMessage["headers"];

  constructor(headers: IncomingMessage["headers"]) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    const value = this.#headers[name] ?? this.#headers[name.toLowerCase()];
    return typeof value === "string" ? value : undefined;
  }
}

/** Metadata as node's headers hold it. */
export function headersOf(headers: IncomingMessage["headers"]): Carrier {
  return new Headers(headers);
}

const EMPTY = Buffer.alloc(0);

const ALREADY_READ = "the body was read before it came here: mount the handler first, or leave it in `request.body`";

/** Drives one request through its method's pipeline and writes the answer. */
export class HttpCall extends ServerCall<HttpRequest, HttpReply> implements BodyReader, AssembleSource {
  readonly plan: Plan;
  readonly from: Incoming;
  readonly connection: Connection;
  reads: MethodCodec;
  writes: MethodCodec;
  view: RequestView | undefined = undefined;

  constructor(plan: Plan, from: Incoming, startMs: number) {
    const { headers } = from.request;
    const { bound } = plan;
    const timeoutMs = timeoutOf(headers[TIMEOUT], bound.info.timeoutMs);
    super(
      bound,
      { startMs, timeoutMs, transport: "http", incoming: new Headers(headers), values: bound.around.values },
      plan.hooks,
    );
    this.plan = plan;
    this.from = from;
    this.connection = connectionOf(from.request.socket);
    this.peer = this.connection.peer;
    this.target = from.request.url ?? "";
    this.reads = this.writes = plan.codecs[0]!;
    this.connection.add(this);
  }

  get isReceived(): boolean {
    return this.from.request.complete;
  }

  get values(): readonly string[] {
    return this.from.values;
  }

  /** The request as hooks see it; made at the first read. */
  get request(): HttpRequest {
    return (this.view ??= new RequestView(this.from.request));
  }

  /** Takes the request through the pipeline; `refusal` is an error that was plain from its first line. */
  run(refusal?: ServiceError): void {
    this.begin();
    const refused = refusal ?? this.#unfit();
    if (refused !== undefined) return this.fail(refused);
    const admitted = this.admit();
    if (admitted === true) this.#read();
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.#read() : undefined));
  }

  #unfit(): ServiceError | undefined {
    const { headers, rawHeaders } = this.from.request;
    if (rawHeaders.length > this.plan.limits.maxHeaders * 2) return policyError("too_many_headers");
    const { codecs, encode, takesBody } = this.plan;
    if (encode !== undefined) return undefined;
    if (takesBody) {
      const reads = codecFor(codecs, headers["content-type"]);
      if (reads === undefined) return policyError("unsupported_media_type");
      if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
        return policyError("unsupported_media_type", { message: "the content encoding is not supported" });
      }
      this.reads = reads;
    }
    const writes = accepted(codecs, headers.accept, this.reads);
    if (writes === undefined) return policyError("not_acceptable");
    this.writes = writes;
    return undefined;
  }

  #read(): void {
    const { request, response } = this.from;
    if (!this.plan.takesBody) return this.arrived(undefined);
    // Mounted behind a framework that has read the body already.
    const given = (request as { body?: unknown }).body;
    if (request.readableEnded) return this.#given(given);
    const { maxBodyBytes } = this.plan.limits;
    if (request.headers.expect !== undefined && !isTooLong(request, maxBodyBytes)) invite(request, response);
    const read = this.from.server.isOurs ? takeBody : readBody;
    read(request, maxBodyBytes, this);
  }

  arrived(body: Buffer | undefined): void {
    if (this.outcome !== undefined) return;
    const { reads, plan } = this;
    let wire: unknown;
    try {
      if (body !== undefined) this.requestBytes = body.length;
      if (plan.takesBody)
        wire = reads.read(reads.form === "text" ? (body === undefined ? "" : textOf(body)) : (body ?? EMPTY));
      if (plan.assemble !== undefined) wire = plan.assemble(this, wire);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  refused(error: ServiceError): void {
    this.fail(error);
  }

  #given(body: unknown): void {
    if (typeof body === "string" || Buffer.isBuffer(body)) return this.arrived(Buffer.from(body as string));
    try {
      if (body === undefined) throw new TypeError(ALREADY_READ);
      this.dispatch(this.plan.assemble === undefined ? body : this.plan.assemble(this, body));
    } catch (error) {
      this.fail(error);
    }
  }

  protected succeed(response: unknown): void {
    const { plan, writes } = this;
    if (plan.encode !== undefined) return this.#encoded(response, plan.encode);
    const body = plan.status === 204 ? "" : writes.write(response);
    const contentType = plan.status === 204 ? undefined : writes.contentType;
    if (this.hooks.after === undefined) {
      this.#write(plan.status, contentType, body);
      this.finish("ok");
    } else this.#drafted(new ReplyDraft(plan.status, contentType, body));
  }

  #encoded(response: unknown, encode: Encode): void {
    const draft = new ReplyDraft(this.plan.status, undefined, "");
    const later = encode(response, draft, this.context);
    if (!isPromise(later)) return this.#drafted(draft);
    this.arm();
    later.then(
      () => this.#encodedLate(draft),
      (error: unknown) => this.fail(error),
    );
  }

  #encodedLate(draft: ReplyDraft): void {
    if (this.outcome !== undefined) return;
    try {
      this.#drafted(draft);
    } catch (error) {
      this.fail(error);
    }
  }

  #drafted(draft: ReplyDraft): void {
    this.after(draft);
    this.#writeDraft(draft);
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    if (this.from.response.headersSent || this.from.request.socket.destroyed) this.status = statusOf(error);
    else if (this.hooks.errorEncoder === undefined || !this.#refusedBy(error)) this.#writeProblem(error);
    this.finish(error.code);
  }

  /** Whether the user's encoder has answered. */
  #refusedBy(error: ServiceError): boolean {
    const draft = new ReplyDraft(statusOf(error), undefined, "");
    return this.encodeError(error, draft) && this.guarded(() => this.#writeDraft(draft));
  }

  #writeProblem(error: ServiceError): void {
    const status = statusOf(error);
    const draft = new ReplyDraft(status, PROBLEM, this.#problem(error, status));
    const { retryAfterMs } = error;
    if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs))
      draft.header("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    if (error.reason === "wrong_verb" && error.origin === "policy")
      draft.header("allow", (error.details as { allow: readonly string[] }).allow.join(", "));
    this.#writeDraft(draft);
  }

  #problem(error: ServiceError, status: number): string {
    try {
      return encodeProblem(error, status);
    } catch (thrown) {
      // Its details cannot be written: a BigInt, a cycle.
      this.report(thrown);
      const { message, code, reason } = error;
      return encodeProblem(bareError(message, { code, reason }), status);
    }
  }

  #writeDraft(draft: ReplyDraft): void {
    draft.check();
    const { headers } = draft;
    const contentType = headers.get("content-type");
    headers.delete("content-type");
    this.#write(draft.status, contentType, draft.body, headers);
  }

  // oxlint-disable-next-line max-params -- an object for each answer would cost more than it says
  #write(
    status: number,
    contentType: string | undefined,
    body: string | Uint8Array,
    more?: ReadonlyMap<string, string>,
  ): void {
    const { request, response, server } = this.from;
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const headers: string[] = [];
    if (contentType !== undefined) headers.push("content-type", contentType);
    if (status !== 204) headers.push("content-length", String(bytes));
    // To those who sent one, and to those who will want to ask what went wrong; for all others it is in the log.
    const tellsId = status >= 400 || request.headers[REQUEST_ID] !== undefined;
    if (tellsId && more?.has(REQUEST_ID) !== true) headers.push(REQUEST_ID, this.requestId);
    if (more !== undefined) for (const [name, value] of more) headers.push(name, value);
    if (this.outgoingIfAny !== undefined) {
      for (const [name, value] of this.outgoingIfAny) {
        if (!RESERVED.has(name) && more?.has(name) !== true) headers.push(name, value);
      }
    }
    const unread = isUnread(request);
    if (unread || server.draining || this.connection.isBroken) headers.push("connection", "close");
    this.status = status;
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

/** What is left of the caller's deadline, at most the method's own time. */
export function timeoutOf(header: string | string[] | undefined, ownMs: number): number {
  if (typeof header !== "string" || !/^\d{1,9}$/.test(header)) return ownMs;
  return Math.min(Number(header), ownMs);
}
