/**
 * One request and its answer on a connection: bounded, settled once, and taken back from the socket when called off.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { codingOf, decompress } from "./client-body.ts";
import { pourOut } from "./client-pour.ts";
import { connectionError, isStale } from "./client-errors.ts";
import { connectionOf } from "./client-connection.ts";
import { setHeader } from "../outgoing.ts";
import type { RequestDraft } from "./client-draft.ts";
import type { Sender, Way } from "./client-way.ts";
import { nodePacker } from "./node-packer.ts";

/** A request in flight. Whoever extends it says what goes out and what becomes of the answer. */
export abstract class Exchange implements Sender {
  readonly way: Way;
  #request: ClientRequest | undefined = undefined;
  #response: IncomingMessage | undefined = undefined;
  #first: Buffer | undefined = undefined;
  #rest: Buffer[] | undefined = undefined;
  #bytes = 0;
  #isOver = false;
  #isRepeated = false;

  constructor(way: Way) {
    this.way = way;
  }

  /** Whether the request may be sent again after a failure that leaves open whether it arrived. */
  protected abstract get isRepeatable(): boolean;

  /** Makes the request; called again before a repetition, since less time is left then. */
  protected abstract draft(): RequestDraft;

  /** The whole answer is here; the body is undefined when it is empty, or larger than allowed on an error status. */
  protected abstract answered(response: IncomingMessage, body: Buffer | undefined): void;

  /** There is no answer. */
  protected abstract failed(error: ServiceError): void;

  /** Whether it has an outcome. */
  protected get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends the request. */
  protected send(): void {
    if (this.way.enter(this)) this.resume();
  }

  /** Calls it off: the connection is closed, since whatever the peer still says belongs to nobody. */
  protected abort(reason: ServiceError): void {
    this.#fail(reason);
  }

  /** Opens the request; once more when it is repeated. */
  resume(): void {
    let draft: RequestDraft;
    try {
      draft = this.draft();
    } catch (error) {
      return this.#fail(toServiceError(error));
    }
    const { compressBytes } = this.way;
    if (compressBytes === undefined || draft.body.length < compressBytes) this.#open(draft);
    else this.#pack(draft);
  }

  // gzip, which every server that reads anything compressed reads.
  #pack(draft: RequestDraft): void {
    const body = typeof draft.body === "string" ? Buffer.from(draft.body) : draft.body;
    nodePacker.deflate("gzip", body).then(
      (packed) => {
        if (this.#isOver) return;
        draft.body = packed;
        setHeader(draft.headers, "content-length", String(packed.length));
        setHeader(draft.headers, "content-encoding", "gzip");
        this.#open(draft);
      },
      (error: unknown) => this.#fail(toServiceError(error)),
    );
  }

  #open(draft: RequestDraft): void {
    let request: ClientRequest;
    try {
      request = this.way.request(draft);
    } catch (error) {
      return this.#fail(toServiceError(error));
    }
    this.#request = request;
    request.on("response", (response) => this.#begin(response));
    request.on("error", (error) => this.#broken(request, error));
    if (draft.stream === undefined) return this.write(request, draft.body);
    // What it gave is gone: there is no second time.
    this.#isRepeated = true;
    pourOut(draft.stream, request, (error) => this.#fail(toServiceError(error)));
  }

  /** Sends the body. */
  protected write(request: ClientRequest, body: string | Uint8Array): void {
    if (body.length === 0) request.end();
    else request.end(body);
  }

  #begin(response: IncomingMessage): void {
    if (this.#isOver) return;
    this.#response = response;
    this.way.heed(response);
    const { limits } = this.way;
    if (response.rawHeaders.length > limits.maxHeaders * 2) return this.#fail(policyError("too_many_headers"));
    const declared = response.headers["content-length"];
    if (declared !== undefined && Number(declared) > limits.maxBodyBytes) return this.#tooLarge(response);
    response.on("data", (chunk: Buffer) => this.#take(chunk));
    response.on("end", () => this.#end());
    response.on("error", (error) => this.#cut(error));
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.way.limits.maxBodyBytes) this.#tooLarge(this.#response!);
    else if (this.#first === undefined) this.#first = chunk;
    else (this.#rest ??= [this.#first]).push(chunk);
  }

  #end(): void {
    if (this.#isOver) return;
    const response = this.#response!;
    const body = this.#rest === undefined ? this.#first : Buffer.concat(this.#rest, this.#bytes);
    const coding = response.headers["content-encoding"];
    if (body === undefined || coding === undefined || coding === "identity") return this.#complete(response, body);
    const { maxBodyBytes } = this.way.limits;
    decompress(body, { coding: codingOf(coding), maxBytes: maxBodyBytes }, (error, plain) => {
      if (this.#isOver) return;
      if (error === undefined) this.#complete(response, plain);
      else if (isRefusal(response)) this.#complete(response, undefined);
      else this.#fail(error);
    });
  }

  // The status of a refusal says enough; that its text is too long must not hide it.
  #tooLarge(response: IncomingMessage): void {
    if (!isRefusal(response)) return this.#fail(policyError("too_large"));
    this.#complete(response, undefined);
    this.#request?.destroy();
  }

  #cut(error: Error): void {
    if (this.#isOver) return;
    if (isRefusal(this.#response!)) this.#complete(this.#response!, undefined);
    else this.#fail(connectionError(error, "answering"));
  }

  #broken(request: ClientRequest, error: Error): void {
    if (this.#isOver || request !== this.#request) return;
    if (this.#response !== undefined) return this.#cut(error);
    // The peer closed an idle connection while the request was on its way there (RFC 9112 §9.3.1, §9.5). Once only: a
    // new connection that breaks as well is a fault.
    if (request.reusedSocket && isStale(error) && this.isRepeatable && !this.#isRepeated) {
      this.#isRepeated = true;
      this.way.refresh();
      return this.resume();
    }
    this.#fail(connectionError(error, connectionOf(request.socket)?.isReady === true ? "sent" : "unsent"));
  }

  #complete(response: IncomingMessage, body: Buffer | undefined): void {
    this.#isOver = true;
    this.way.leave(this);
    // Answered before it was sent: nobody reads the rest.
    if (this.#request?.writableEnded === false) this.#request.destroy();
    this.answered(response, body);
  }

  #fail(error: ServiceError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.way.leave(this);
    this.#request?.destroy();
    this.failed(error);
  }
}

function isRefusal(response: IncomingMessage): boolean {
  return response.statusCode! >= 400;
}
