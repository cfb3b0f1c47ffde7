/**
 * One HTTP request on its way through a server, whoever reads it and writes the answer: what the rules of HTTP and the
 * method's plan say, and nothing of a platform.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { bareError, policyError, type ServiceError } from "../../errors/index.ts";
import type { CallStart, Carrier } from "../../endpoint/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { ReplyDraft, RequestView, RESERVED, type HttpReply, type HttpRequest } from "./message.ts";
import { accepted, codecFor } from "./negotiate.ts";
import type { AssembleSource, Encode, MethodCodec, Plan } from "./plan.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { statusOf } from "./status.ts";

class Headers implements Carrier {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    const value = this.#headers[name] ?? this.#headers[name.toLowerCase()];
    return typeof value === "string" ? value : undefined;
  }
}

/** Metadata as node's headers hold it. */
export function headersOf(headers: IncomingHttpHeaders): Carrier {
  return new Headers(headers);
}

/** What a call over HTTP begins with. */
export function startOf(plan: Plan, headers: IncomingHttpHeaders, startMs: number): CallStart {
  const { info, around } = plan.bound;
  const timeoutMs = timeoutOf(headers[TIMEOUT], info.timeoutMs);
  return { startMs, timeoutMs, transport: "http", incoming: new Headers(headers), values: around.values };
}

/** Drives one request through its method's pipeline; platforms add how a body is read and an answer written. */
export abstract class HttpCall extends ServerCall<HttpRequest, HttpReply> implements AssembleSource {
  readonly plan: Plan;
  reads: MethodCodec;
  writes: MethodCodec;
  #view: RequestView | undefined = undefined;

  constructor(plan: Plan, start: CallStart) {
    super(plan.bound, start, plan.hooks);
    this.plan = plan;
    this.reads = this.writes = plan.codecs[0]!;
  }

  abstract readonly verb: string;
  /** As in the request's first line. */
  abstract readonly url: string;
  /** Names in lower case. */
  abstract readonly headers: IncomingHttpHeaders;
  /** How many there were before repeated ones were joined. */
  abstract readonly headerCount: number;
  abstract readonly values: readonly string[];

  /** Reads the body within the limits, then calls `arrived`, `given` or `fail`. */
  protected abstract read(): void;

  /** Whether nobody can be answered any more. */
  protected abstract readonly isGone: boolean;

  /** Writes the answer; `headers` are names and values in turn. */
  protected abstract send(status: number, headers: string[], body: string | Uint8Array): void;

  /** The request as hooks see it; made at the first read. */
  get request(): HttpRequest {
    return (this.#view ??= new RequestView(this));
  }

  /** Takes the request through the pipeline; `refusal` is an error that was plain from its first line. */
  run(refusal?: ServiceError): void {
    this.begin();
    const refused = refusal ?? this.#unfit();
    if (refused !== undefined) return this.fail(refused);
    const admitted = this.admit();
    if (admitted === true) this.#take();
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.#take() : undefined));
  }

  #unfit(): ServiceError | undefined {
    const { headers } = this;
    if (this.headerCount > this.plan.limits.maxHeaders) return policyError("too_many_headers");
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

  #take(): void {
    if (this.plan.takesBody) this.read();
    else this.arrived(undefined);
  }

  /** The whole body is here; undefined when it is empty. */
  arrived(body: Uint8Array | undefined): void {
    if (this.outcome !== undefined) return;
    const { reads, plan } = this;
    let wire: unknown;
    try {
      if (body !== undefined) this.requestBytes = body.length;
      if (plan.takesBody)
        wire = reads.read(reads.form === "text" ? (body === undefined ? "" : this.textOf(body)) : (body ?? EMPTY));
      if (plan.assemble !== undefined) wire = plan.assemble(this, wire);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  /** The body as text; throws when it is not UTF-8. */
  protected abstract textOf(body: Uint8Array): string;

  /** A body that somebody has read and parsed before. */
  protected given(body: unknown): void {
    try {
      this.dispatch(this.plan.assemble === undefined ? body : this.plan.assemble(this, body));
    } catch (error) {
      this.fail(error);
    }
  }

  refused(error: ServiceError): void {
    this.fail(error);
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
    if (this.isGone) this.status = statusOf(error);
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
    addErrorHeaders(draft, error);
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
    const headers: string[] = [];
    if (contentType !== undefined) headers.push("content-type", contentType);
    // To those who sent one, and to those who will want to ask what went wrong; for all others it is in the log.
    const tellsId = status >= 400 || this.headers[REQUEST_ID] !== undefined;
    if (tellsId && more?.has(REQUEST_ID) !== true) headers.push(REQUEST_ID, this.requestId);
    if (more !== undefined) for (const [name, value] of more) headers.push(name, value);
    if (this.outgoingIfAny !== undefined) {
      for (const [name, value] of this.outgoingIfAny) {
        if (!RESERVED.has(name) && more?.has(name) !== true) headers.push(name, value);
      }
    }
    this.status = status;
    this.send(status, headers, body);
  }
}

const EMPTY = new Uint8Array(0);

/** What an error says in headers: when to come again, which verbs there are. */
function addErrorHeaders(draft: ReplyDraft, error: ServiceError): void {
  const { retryAfterMs } = error;
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs))
    draft.header("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  if (error.reason === "wrong_verb" && error.origin === "policy")
    draft.header("allow", (error.details as { allow: readonly string[] }).allow.join(", "));
}

/** What is left of the caller's deadline, at most the method's own time. */
export function timeoutOf(header: string | string[] | undefined, ownMs: number): number {
  if (typeof header !== "string" || !/^\d{1,9}$/.test(header)) return ownMs;
  return Math.min(Number(header), ownMs);
}
