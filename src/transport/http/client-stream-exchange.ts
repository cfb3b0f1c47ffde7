/**
 * One streaming request and its answer on a connection: the head, then message by message as somebody asks.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { connectionOf } from "./client-connection.ts";
import type { RequestDraft } from "./client-draft.ts";
import { connectionError, isStale } from "./client-errors.ts";
import { isMediaType, refusalOf } from "./client-response.ts";
import { Upload } from "./client-upload.ts";
import type { Sender, Way } from "./client-way.ts";
import { ndjson, sse, type FrameReader } from "./frames.ts";
import { BodyChunks } from "./node-chunks.ts";

/** What is sent, and how. */
export interface StreamRequest {
  readonly call: ActiveCall;
  readonly isRepeatable: boolean;
  /** Makes the head, and the body where it is one piece; again when it is sent again. */
  draft(): RequestDraft;
  /** Many messages to be sent; undefined where the draft has the body. */
  readonly messages: AsyncIterable<unknown> | undefined;
  write(message: unknown): string;
}

/** An answer whose messages are read one at a time. */
export interface Answering {
  readonly response: IncomingMessage;
  readonly frames: FrameReader;
  readonly chunks: BodyChunks;
}

/** One request in flight. */
export class StreamExchange implements Sender {
  readonly #way: Way;
  readonly #from: StreamRequest;
  #request: ClientRequest | undefined = undefined;
  #response: IncomingMessage | undefined = undefined;
  #chunks: BodyChunks | undefined = undefined;
  #upload: Upload | undefined = undefined;
  #waiting: { resolve(response: IncomingMessage): void; reject(error: ServiceError): void } | undefined = undefined;
  #abortedBy: ServiceError | undefined = undefined;
  #isRepeated = false;
  #isClosed = false;

  constructor(way: Way, from: StreamRequest) {
    this.#way = way;
    this.#from = from;
  }

  /** Sends the request; resolves with an answer that is a stream, undefined when it is none and empty (204). */
  async open(): Promise<Answering | undefined> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#way.enter(this)) this.resume();
    });
    const { limits, clock } = this.#way;
    const chunks = (this.#chunks = new BodyChunks(response, undefined));
    if (this.#abortedBy !== undefined) throw this.#abortedBy;
    if (response.rawHeaders.length > limits.maxHeaders * 2) throw policyError("too_many_headers");
    const status = response.statusCode!;
    if (status < 200 || status > 299)
      throw refusalOf(response, await this.#rest(chunks), { limits, dateMs: clock.date() });
    if (status === 204) return undefined;
    const coding = response.headers["content-encoding"];
    const type = response.headers["content-type"];
    const framing = [ndjson, sse].find(({ mediaType }) => isMediaType(type, mediaType));
    if (framing === undefined || (coding !== undefined && coding !== "identity"))
      throw policyError("invalid_response", { message: `the answer should be ${ndjson.mediaType}` });
    return { response, frames: framing.reader(limits.maxBodyBytes), chunks };
  }

  // The status of a refusal says enough: that its text is too long or was cut must not hide it.
  async #rest(chunks: BodyChunks): Promise<Buffer | undefined> {
    const all: Uint8Array[] = [];
    let bytes = 0;
    try {
      for (let chunk = await chunks.read(); chunk !== undefined; chunk = await chunks.read()) {
        bytes += chunk.length;
        if (bytes > this.#way.limits.maxBodyBytes) return undefined;
        all.push(chunk);
      }
    } catch {
      if (this.#abortedBy !== undefined) throw this.#abortedBy;
      return undefined;
    }
    return bytes === 0 ? undefined : Buffer.concat(all, bytes);
  }

  /** Opens the request; once more when it is repeated. */
  resume(): void {
    if (this.#isClosed) return;
    const { call, messages } = this.#from;
    let request: ClientRequest;
    let body: string | Uint8Array;
    try {
      const draft = this.#from.draft();
      body = draft.body;
      request = this.#way.request(draft);
    } catch (error) {
      return this.abort(toServiceError(error));
    }
    this.#request = request;
    request.on("response", (response) => {
      this.#response = response;
      this.#way.heed(response);
      // From now on the pieces' own listeners hear of the end; this one is for the moment between.
      response.on("error", () => undefined);
      this.#waiting?.resolve(response);
    });
    request.on("error", (error) => this.#broken(request, error));
    if (messages !== undefined) {
      this.#upload = new Upload(request, {
        messages,
        write: (message) => this.#from.write(message),
        sent: (bytes) => void (call.requestBytes += bytes),
        failed: (error) => this.abort(error),
      });
    } else if (body.length === 0) request.end();
    else request.end(body);
  }

  #broken(request: ClientRequest, error: Error): void {
    if (this.#isClosed || request !== this.#request || this.#response !== undefined) return;
    const { isRepeatable, messages } = this.#from;
    // The peer closed an idle connection while the request was on its way there (RFC 9112 §9.3.1, §9.5).
    if (request.reusedSocket && isStale(error) && isRepeatable && messages === undefined && !this.#isRepeated) {
      this.#isRepeated = true;
      this.#way.refresh();
      return this.resume();
    }
    this.abort(connectionError(error, connectionOf(request.socket)?.isReady === true ? "sent" : "unsent"));
  }

  /** Whoever waits for the answer, or for more of it, hears of `reason`. */
  abort(reason: ServiceError): void {
    this.#abortedBy ??= reason;
    this.#waiting?.reject(reason);
    this.#chunks?.stop(reason);
    this.close();
  }

  /** It is over; the connection goes on when both sides have said all, and is closed otherwise. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const isRead = this.#response?.readableEnded === true;
    const isSent = this.#upload === undefined || this.#upload.isComplete;
    this.#upload?.stop();
    if (!isRead || !isSent) this.#request?.destroy();
    this.#way.leave(this);
  }
}

/** What a stream failed with, as the caller hears of it. */
export function streamError(thrown: unknown): ServiceError {
  const error = toServiceError(thrown);
  if (error.reason !== "connection_lost" || !(error.cause instanceof Error)) return error;
  return connectionError(error.cause, "answering");
}
