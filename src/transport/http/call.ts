/**
 * One HTTP request on its way through a server, whoever reads it and writes the answer: what the rules of HTTP and the
 * method's plan say, and nothing of a platform.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { CallStart } from "../../endpoint/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { ServerCall } from "../server-call.ts";
import type { ByteStream } from "../codec.ts";
import { answerHeaders } from "./answer-headers.ts";
import {
  acceptanceOf,
  addCoding,
  codeAnswer,
  codingNamed,
  plainValidators,
  settingsFor,
  type Coding,
  type Packer,
} from "./compression.ts";
import type { Dressing } from "./dressing.ts";
import { ReplyDraft, RequestView, type HttpHeaders, type HttpReply, type HttpRequest } from "./message.ts";
import { unsupportedType, problemDraft, unsupportedCoding } from "./refusal.ts";
import { accepted, codecFor } from "./negotiate.ts";
import type { AssembleSource, Encode, MethodCodec, Plan } from "./plan.ts";
import { statusOf } from "./status.ts";
import { begun } from "./stream-bound.ts";

/** Drives one request through its method's pipeline; platforms add how a body is read and an answer written. */
export abstract class HttpCall extends ServerCall<HttpRequest, HttpReply> implements AssembleSource {
  readonly plan: Plan;
  reads: MethodCodec;
  writes: MethodCodec;
  /** How the request's body is compressed. */
  #coding: Coding | undefined = undefined;
  /** The validators as the peer sent them, where answers are compressed. */
  #known: string | undefined = undefined;
  #view: RequestView | undefined = undefined;

  constructor(plan: Plan, start: CallStart) {
    super(plan.bound, start, plan.hooks);
    this.plan = plan;
    this.reads = plan.codecs[0]!;
    this.writes = plan.answers[0]!;
  }

  abstract readonly verb: string;
  /** As in the request's first line. */
  abstract readonly url: string;
  /** Names in lower case. */
  abstract readonly headers: HttpHeaders;
  /** How many there were before repeated ones were joined. */
  abstract readonly headerCount: number;
  abstract readonly values: readonly string[];

  /** Reads the body within the limits, then calls `arrived`, `given` or `fail`. */
  protected abstract read(): void;

  /** Whether nobody can be answered any more. */
  protected abstract readonly isGone: boolean;

  /** Writes the answer; `headers` are names and values in turn. */
  protected abstract send(status: number, headers: string[], body: string | Uint8Array): void;

  /** Compresses and decompresses. Default: nothing does, and what comes compressed is refused. */
  protected get packer(): Packer | undefined {
    return undefined;
  }

  /** The body as it arrives. Default: a platform without streams refuses codecs that read them. */
  protected stream(): ByteStream {
    throw policyError("unsupported_media_type");
  }

  /** Writes an answer piece by piece and calls `finish`, or `fail`. Default: a platform without streams cannot. */
  protected pour(_status: number, _headers: string[], _body: ByteStream): void {
    throw new TypeError("answers piece by piece are not written on this platform");
  }

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
    if (admitted === true) this.take();
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.take() : undefined));
  }

  #unfit(): ServiceError | undefined {
    const { headers } = this;
    if (this.headerCount > this.plan.limits.maxHeaders) return policyError("too_many_headers");
    const { codecs, encode, takesBody } = this.plan;
    if (encode !== undefined) return undefined;
    if (takesBody) {
      const reads = codecFor(codecs, headers["content-type"]);
      if (reads === undefined) return unsupportedType(codecs);
      this.reads = reads;
      const coding = headers["content-encoding"];
      if (coding !== undefined && coding !== "identity") {
        const readable = reads.readStream === undefined ? (this.packer?.reads ?? []) : [];
        this.#coding = codingNamed(coding, readable);
        if (this.#coding === undefined) return unsupportedCoding(readable);
      }
    }
    return this.negotiate();
  }

  /** Chooses how the answer is written; an error when the peer accepts nothing there is. */
  protected negotiate(): ServiceError | undefined {
    const { answers, compress } = this.plan;
    const writes = accepted(answers, this.headers.accept, this.reads.answer ?? this.reads);
    if (writes === undefined) return policyError("not_acceptable");
    this.writes = writes;
    if (compress === undefined) return undefined;
    this.#known = plainValidators(this.headers);
    const { codings } = settingsFor(this.packer, compress);
    const { coding, takesPlain } = acceptanceOf(this.headers["accept-encoding"], codings);
    if (coding === undefined && !takesPlain)
      return policyError("not_acceptable", { message: "none of the accepted content encodings is served" });
    return undefined;
  }

  /** It is admitted: takes the request's body, if there is one. */
  protected take(): void {
    if (!this.plan.takesBody) this.arrived(undefined);
    else if (this.reads.readStream === undefined) this.read();
    else this.#takeStream(this.reads.readStream);
  }

  #takeStream(read: (body: ByteStream) => unknown): void {
    try {
      const wire = read(this.stream());
      if (!isPromise(wire)) return this.given(wire);
      this.arm();
      wire.then(
        (later) => this.given(later),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  /** The whole body is here; undefined when it is empty. */
  arrived(body: Uint8Array | undefined): void {
    if (this.outcome !== undefined) return;
    if (body !== undefined) this.requestBytes = body.length;
    // Nobody waits any more for a body that took too long: no timer runs while it is read, which would cost every request.
    if (this.plan.takesBody && this.bound.around.clock.now() >= this.context.deadlineMs) return this.expire();
    if (this.#coding === undefined || body === undefined) this.#read(body);
    else this.#unpack(this.#coding, body);
  }

  #unpack(coding: Coding, body: Uint8Array): void {
    this.arm();
    this.packer!.inflate(coding, body, this.plan.limits.maxBodyBytes).then(
      (plain) => this.#read(plain.length === 0 ? undefined : plain),
      (error: unknown) => this.fail(error),
    );
  }

  #read(body: Uint8Array | undefined): void {
    if (this.outcome !== undefined) return;
    const { reads, plan } = this;
    let wire: unknown;
    try {
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

  /** A body that was read in another way: by somebody before, or as a stream. */
  protected given(body: unknown): void {
    if (this.outcome !== undefined) return;
    try {
      this.dispatch(this.plan.assemble === undefined ? body : this.plan.assemble(this, body));
    } catch (error) {
      this.fail(error);
    }
  }

  refused(error: ServiceError): void {
    this.fail(error);
  }

  /** An answer to a one-way call is out: from now on it hangs on nobody but the server, which waits for it to be done. */
  protected abstract leavePeer(): void;

  // RFC 9110 §15.3.3: accepted, and what becomes of it is not said.
  protected override acknowledge(): void {
    const draft = new ReplyDraft(this.plan.status, undefined, "");
    this.after(draft);
    this.#writeDraft(draft);
    this.leavePeer();
  }

  protected override done(): void {
    this.finish("ok");
  }

  // For those who host a stream, these are public.
  override arm(): void {
    super.arm();
  }

  override report(error: unknown): void {
    super.report(error);
  }

  override succeed(response: unknown): void {
    const { plan, writes } = this;
    if (plan.encode !== undefined) return this.#encoded(response, plan.encode);
    if (writes.writeStream !== undefined) return this.#pour(writes.writeStream(response));
    const body = plan.status === 204 ? "" : writes.write(response);
    const contentType = plan.status === 204 ? undefined : writes.contentType;
    if (plan.dressing !== undefined)
      return this.#dressed(new ReplyDraft(plan.status, contentType, body), response, plan.dressing);
    if (this.hooks.after === undefined) {
      if (this.#write(contentType, body)) this.finish("ok");
    } else this.#drafted(new ReplyDraft(plan.status, contentType, body));
  }

  #dressed(draft: ReplyDraft, response: unknown, dressing: Dressing): void {
    dressing.dress(draft, response, this);
    this.after(draft);
    draft.check();
    dressing.seal(draft, response, this);
    if (this.#writeDraft(draft)) this.finish("ok");
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
    if (this.#writeDraft(draft)) this.finish("ok");
  }

  // What a generator says of its answer it says before its first piece; and what fails before it is answered as always.
  #pour(body: ByteStream): void {
    this.arm();
    begun(body, () => this.outcome !== undefined)
      .then((later) => (this.outcome === undefined ? this.#pourOn(later) : undefined))
      .catch((error: unknown) => this.fail(error));
  }

  #pourOn(body: ByteStream): void {
    const { plan, writes } = this;
    const draft = new ReplyDraft(plan.status, body.contentType ?? writes.contentType, "");
    this.after(draft);
    const all = this.#headOf(draft);
    const { status } = draft;
    this.status = status;
    const coding = plan.compress === undefined ? undefined : this.#codingFor(status, all, body.byteLength);
    if (coding === undefined) return this.pour(status, all, body);
    addCoding(all, coding);
    this.pour(status, all, this.packer!.deflateStream(coding, body));
  }

  /** Writes the head of an answer whose body comes in pieces. */
  open(contentType: string, more: readonly (readonly [name: string, value: string])[]): void {
    const draft = new ReplyDraft(this.plan.status, contentType, "");
    for (const [name, value] of more) draft.header(name, value);
    this.after(draft);
    const all = this.#headOf(draft);
    this.status = draft.status;
    // Not compressed: what is held back until there is more of it is no stream.
    this.send(draft.status, all, "");
  }

  protected refuse(error: ServiceError): void {
    if (this.isGone) this.status = this.method.oneWay === true && this.status > 0 ? this.status : this.#statusOf(error);
    else if (this.hooks.errorEncoder === undefined || !this.#refusedBy(error)) this.#writeProblem(error);
    this.finish(error.code);
  }

  #statusOf(error: ServiceError): number {
    const own = error.origin === "declared" ? this.plan.errors?.get(error.reason) : undefined;
    return own ?? statusOf(error);
  }

  /** Whether the user's encoder has answered. */
  #refusedBy(error: ServiceError): boolean {
    const draft = new ReplyDraft(this.#statusOf(error), undefined, "");
    return this.encodeError(error, draft) && this.guarded(() => void this.#writeDraft(draft));
  }

  #writeProblem(error: ServiceError): void {
    const status = this.#statusOf(error);
    this.#writeDraft(problemDraft(error, status, (thrown) => this.report(thrown)));
  }

  #writeDraft(draft: ReplyDraft): boolean {
    return this.#sendAll(draft.status, this.#headOf(draft), draft.body);
  }

  #headOf(draft: ReplyDraft): string[] {
    draft.check();
    const { headers } = draft;
    const contentType = headers.get("content-type");
    headers.delete("content-type");
    return answerHeaders(this, contentType, draft);
  }

  #write(contentType: string | undefined, body: string | Uint8Array): boolean {
    return this.#sendAll(this.plan.status, answerHeaders(this, contentType), body);
  }

  /** False when it is still to be compressed: that ends the call then. */
  #sendAll(status: number, headers: string[], body: string | Uint8Array): boolean {
    this.status = status;
    if (this.plan.compress !== undefined && this.error === undefined && this.#isPacked(status, headers, body))
      return false;
    this.send(status, headers, body);
    return true;
  }

  #codingFor(status: number, headers: string[], bytes: number | undefined): Coding | undefined {
    const settings = settingsFor(this.packer, this.plan.compress!);
    const answer = { verb: this.verb, status, headers, bytes, known: this.#known };
    return codeAnswer(settings, this.headers["accept-encoding"], answer);
  }

  #isPacked(status: number, headers: string[], body: string | Uint8Array): boolean {
    const bytes = typeof body === "string" ? UTF8.encode(body) : body;
    const coding = this.#codingFor(status, headers, bytes.length);
    if (coding === undefined) return false;
    this.arm();
    const sent = (packed: Uint8Array): void => {
      if (this.outcome !== undefined) return;
      addCoding(headers, coding);
      this.send(status, headers, packed);
      this.finish("ok");
    };
    this.packer!.deflate(coding, bytes)
      .then(sent)
      .catch((error: unknown) => this.fail(error));
    return true;
  }
}

const EMPTY = new Uint8Array(0);
const UTF8 = new TextEncoder();
