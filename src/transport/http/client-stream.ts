/**
 * Streaming calls over HTTP from the caller's side, and how one that was cut goes on where it was.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Random } from "../../time/index.ts";
import type { StreamSender } from "../client.ts";
import { RequestDraft, type HttpClientRequest } from "./client-draft.ts";
import { finalize, type ClientHooks } from "../client-hooks.ts";
import { addCallHeaders } from "./client-metadata.ts";
import type { RequestForm } from "./client-request.ts";
import { ResponseHeaders, ResponseView, type HttpClientResponse } from "./client-response.ts";
import { streamError, StreamExchange, type Answering, type StreamRequest } from "./client-stream-exchange.ts";
import type { Way } from "./client-way.ts";
import { ERROR_KEY } from "./frames.ts";
import { decodeFailure } from "./stream-failure.ts";
import { LAST_EVENT_ID, type Events } from "./stream-plan.ts";

/** What is prepared once per streaming method. */
export interface ClientStreamPlan {
  /** How its request is written, or only its head where it is many messages. */
  readonly form: RequestForm;
  readonly headers: readonly string[];
  /** Writes one message of a request that is many; undefined where it is one. */
  readonly writeOne: ((message: unknown) => string) | undefined;
  /** Reads one message of the answer. */
  read(text: string): unknown;
  readonly idempotent: boolean;
  /** Undefined where a stream that is cut is over. */
  readonly events: Events | undefined;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
  /** How often in a row a stream may be taken up again without a message in between. */
  readonly maxResumes: number;
  readonly random: Random;
}

/** Makes the sender of one streaming method. */
export function streamSender(way: Way, plan: ClientStreamPlan): StreamSender {
  return function send(request, call) {
    return answers(new StreamingCall(way, plan, { request, call }));
  };
}

async function* answers(stream: StreamingCall): AsyncGenerator<unknown, void, undefined> {
  const { call, plan } = stream;
  let error: ServiceError | undefined;
  call.peer = stream.way.place.authority;
  try {
    for (;;) {
      const exchange = stream.begin();
      const link = call.onCancel((reason) => exchange.abort(reason));
      try {
        const answering = await exchange.open();
        if (answering === undefined) return;
        stream.began(answering);
        const { frames, chunks } = answering;
        for (let isOver = false; ;) {
          for (let text = frames.take(); text !== undefined; text = frames.take()) {
            if (frames.kind === "end") return;
            const wire = stream.read(text, frames.kind === "error");
            if (stream.isNew(wire)) yield wire;
          }
          if (isOver) return;
          const chunk = await chunks.read();
          if (chunk === undefined) {
            isOver = true;
            frames.end();
          } else {
            call.responseBytes += chunk.length;
            frames.push(chunk);
          }
        }
      } catch (thrown) {
        const failure = fromAnswer(streamError(thrown));
        if (!stream.mayResume(failure)) throw failure;
      } finally {
        link.cancel();
        exchange.close();
      }
      await stream.pause();
    }
  } catch (thrown) {
    error = toServiceError(thrown);
    throw error;
  } finally {
    const { finalizer } = plan.hooks;
    if (finalizer !== undefined) finalize(finalizer, { context: call.context, status: call.status, error });
  }
}

/** The first pause is at most this long, and each further one twice as long, up to the bound. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** What no header can say. */
const UNFIT = /[\0-\x08\x0a-\x1f\x7f]/;

/** One streaming call, over all its exchanges. */
class StreamingCall {
  readonly way: Way;
  readonly plan: ClientStreamPlan;
  readonly call: ActiveCall;
  readonly #request: unknown;
  /** The id of the last message given. */
  #lastId: string | undefined = undefined;
  #hasBegun = false;
  #resumes = 0;
  #lost: ServiceError | undefined = undefined;

  constructor(
    way: Way,
    plan: ClientStreamPlan,
    { request, call }: { readonly request: unknown; readonly call: ActiveCall },
  ) {
    this.way = way;
    this.plan = plan;
    this.call = call;
    this.#request = request;
  }

  /** Makes the next exchange. */
  begin(): StreamExchange {
    if (this.call.canceledBy !== undefined) throw this.call.canceledBy;
    const { plan, call } = this;
    const request: StreamRequest = {
      call,
      isRepeatable: plan.idempotent,
      draft: () => this.#draft(),
      messages: plan.writeOne === undefined ? undefined : (this.#request as AsyncIterable<unknown>),
      write: plan.writeOne ?? JSON.stringify,
    };
    return new StreamExchange(this.way, request);
  }

  #draft(): RequestDraft {
    const { call, plan, way } = this;
    const draft = new RequestDraft(plan.form.verb, plan.form.path, plan.headers);
    plan.form.write(this.#request, draft);
    addCallHeaders(draft.headers, call, call.context.deadlineMs - way.clock.now());
    // As browsers send it: the octets of its UTF-8.
    if (this.#lastId !== undefined) draft.header(LAST_EVENT_ID, Buffer.from(this.#lastId, "utf8").toString("latin1"));
    for (const before of plan.hooks.before ?? []) before(call.context, draft);
    const { body } = draft;
    call.requestBytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    if (plan.form.hasBody || call.requestBytes > 0) draft.headers.push("content-length", String(call.requestBytes));
    return draft;
  }

  /** The head of an answer is here. */
  began({ response }: Answering): void {
    this.#hasBegun = true;
    this.call.status = response.statusCode!;
    this.call.incoming = new ResponseHeaders(response.headers);
    const { after } = this.plan.hooks;
    if (after === undefined) return;
    const view = new ResponseView(response, undefined, this.way.limits);
    for (const one of after) one(this.call.context, view);
  }

  /** The wire value of a message; throws the error that the peer ended the stream with. */
  read(text: string, isFailure: boolean): unknown {
    const wire = this.plan.read(text);
    if (isFailure) throw decodeFailure(wire);
    if (typeof wire !== "object" || wire === null || !Object.hasOwn(wire, ERROR_KEY)) return wire;
    if (Object.keys(wire).length > 1) return wire;
    throw decodeFailure((wire as { readonly [ERROR_KEY]: unknown })[ERROR_KEY]);
  }

  /** Whether a message was not given before; its id is where a further exchange goes on. */
  isNew(wire: unknown): boolean {
    const { events } = this.plan;
    if (events === undefined || typeof wire !== "object" || wire === null) return true;
    const value = (wire as Readonly<Record<string, unknown>>)[events.id];
    const id = value === undefined || value === null ? undefined : String(value as string);
    if (id === undefined) return true;
    const isTwice = this.#resumes > 0 && id === this.#lastId;
    this.#lastId = id;
    this.#resumes = 0;
    return !isTwice;
  }

  /** Whether the stream may be taken up again after this failure. */
  mayResume(error: ServiceError): boolean {
    const { events, idempotent, maxResumes } = this.plan;
    this.#lost = error;
    if (events === undefined || !idempotent || !this.#hasBegun || this.call.canceledBy !== undefined) return false;
    if (this.#lastId !== undefined && UNFIT.test(this.#lastId)) return false;
    const isLost = error.reason === "connection_lost" || error.reason === "unreachable";
    const isSentAway = error.origin === "peer" && error.code === "unavailable";
    return (isLost || isSentAway) && this.#resumes++ < maxResumes;
  }

  /** Waits before the next exchange; rejects when the deadline would come first. */
  async pause(): Promise<void> {
    const { clock } = this.way;
    const mostMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#resumes - 1));
    const delayMs = Math.max(this.plan.random.fraction() * mostMs, this.#lost!.retryAfterMs ?? 0);
    if (clock.now() + delayMs >= this.call.context.deadlineMs) throw this.#lost!;
    await waited(clock, delayMs, this.call);
  }
}

/** Resolves after the delay; rejects when the call is called off. */
function waited(clock: Clock, delayMs: number, call: ActiveCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => {
      link.cancel();
      resolve();
    });
    const link = call.onCancel((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}

// What cannot be read is this side's finding, and the peer's fault.
function fromAnswer(error: ServiceError): ServiceError {
  if (error.origin !== "policy" || (error.reason !== "malformed_message" && error.reason !== "invalid_request"))
    return error;
  return policyError("invalid_response", { message: "the answer cannot be read", cause: error });
}
