/**
 * A streaming call over HTTP: reads the request's messages as the handler asks for them, and asks the handler for as many
 * as the peer takes. Knows no platform: a platform's call hosts it.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { Timer } from "../../time/index.ts";
import type { BoundMethod } from "../bind.ts";
import { invalidRequest } from "../server-call.ts";
import { BEAT, ndjson, sse, type Framing } from "./frames.ts";
import type { HttpHeaders } from "./message.ts";
import { accepted, codecFor } from "./negotiate.ts";
import type { Plan } from "./plan.ts";
import { encodeFailure } from "./stream-failure.ts";
import { messages, type ByteSource } from "./stream-messages.ts";
import { LAST_EVENT_ID, type StreamPlan } from "./stream-plan.ts";

/** The call of a platform that hosts a stream: all that is done to it from here. */
export interface StreamHost extends ActiveCall {
  readonly bound: BoundMethod;
  readonly plan: Plan;
  readonly verb: string;
  readonly headers: HttpHeaders;
  fail(thrown: unknown): void;
  /** Answers once, as a call without a stream. */
  succeed(response: unknown): void;
  finish(outcome: "ok"): void;
  arm(): void;
  /** Tells of an error that is not the call's. */
  report(error: unknown): void;
  /** Writes the head, once, with these headers and those of the call. */
  open(contentType: string, headers: readonly (readonly [name: string, value: string])[]): void;
  /** Writes what belongs together, after the head, and returns its bytes. */
  write(text: string): number;
  /** Whether the peer is behind: then `go` of the stream is called when it is not any more. */
  readonly isBehind: boolean;
  /** Sends the head without waiting for what follows. */
  flush(): void;
  /** Ends the answer. */
  end(text: string): void;
  /** An answer of a head alone. */
  endEmpty(status: number): void;
  /** The request's body. */
  body(): ByteSource;
}

const FRAMINGS: readonly Framing[] = [ndjson, sse];

/** Drives one streaming call. */
export class HttpStream {
  readonly #host: StreamHost;
  readonly #plan: StreamPlan;
  #framing: Framing = ndjson;
  #answers: AsyncIterator<unknown> | undefined = undefined;
  #source: ByteSource | undefined = undefined;
  #isOpen = false;
  #isAsking = false;
  #isQuiet = true;
  /** Whether the handler has said its last. */
  #isDone = false;
  #timer: Timer | undefined = undefined;

  constructor(host: StreamHost, plan: StreamPlan) {
    this.#host = host;
    this.#plan = plan;
  }

  /** Whether the head is on its way, and with it the status. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Chooses the framings by the request's head; an error when none fits. */
  negotiate(): ServiceError | undefined {
    const { headers } = this.#host;
    if (this.#plan.takesMany) {
      if (codecFor(FRAMINGS.slice(0, 1), headers["content-type"]) === undefined)
        return policyError("unsupported_media_type", {
          message: `the content type should be ${ndjson.mediaType}, the requests are a stream`,
        });
      if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity")
        return policyError("unsupported_media_type", { message: "a stream's content encoding is not supported" });
    }
    if (!this.#plan.answersMany) return undefined;
    const framing = accepted(FRAMINGS, headers.accept, ndjson);
    if (framing === undefined) return policyError("not_acceptable");
    this.#framing = framing;
    return undefined;
  }

  /** The request is admitted, and its messages are its body. */
  take(): void {
    const { bound, plan } = this.#host;
    const { method } = bound;
    this.#host.arm();
    const source = (this.#source = this.#host.body());
    const given = messages({
      source,
      frames: ndjson.reader(plan.limits.maxBodyBytes),
      read: this.#plan.read,
      validate: (wire) => method.request.validate(wire),
      arrived: (bytes) => void (this.#host.requestBytes += bytes),
      received: (length) => bound.observer.message(this.#host, "received", length),
      refused: (error) => this.#host.fail(error),
    });
    if (this.#plan.answersMany) this.#answer(given);
    else this.#answerOnce(given);
  }

  /** The request is here, in its wire form. */
  dispatch(wire: unknown): void {
    const host = this.#host;
    if (host.outcome !== undefined) return;
    host.arm();
    // The head is that of a GET, without anybody to stream to (RFC 9110 §9.3.2).
    if (host.verb === "HEAD") return this.#complete();
    try {
      const validated = host.bound.method.request.validate(wire);
      if (!isPromise(validated)) return this.#validated(validated as { readonly value: unknown });
      validated.then(
        (later) => this.#validated(later as { readonly value: unknown }),
        (error: unknown) => host.fail(error),
      );
    } catch (error) {
      host.fail(error);
    }
  }

  #validated(validated: { readonly value: unknown; readonly issues?: Parameters<typeof invalidRequest>[0] }): void {
    if (this.#host.outcome !== undefined) return;
    if (validated.issues !== undefined) this.#host.fail(invalidRequest(validated.issues));
    else this.#answer(validated.value);
  }

  #answerOnce(request: unknown): void {
    const host = this.#host;
    const failed = (error: unknown): void => {
      this.#isDone = true;
      host.fail(error);
    };
    const answered = (response: unknown): void => {
      this.#isDone = true;
      if (host.outcome !== undefined) return;
      try {
        if (ServiceError.is(response)) host.fail(response);
        else host.succeed(response);
      } catch (error) {
        host.fail(error);
      }
    };
    try {
      const response = host.bound.endpoint(request, host.context);
      if (!isPromise(response)) return answered(response);
      response.then(answered, failed);
    } catch (error) {
      failed(error);
    }
  }

  #answer(request: unknown): void {
    const host = this.#host;
    try {
      this.#answers = host.bound.stream(request, host.context)[Symbol.asyncIterator]();
    } catch (error) {
      return host.fail(error);
    }
    this.#timer = host.bound.around.clock.expire(this.#plan.heartbeatMs, this);
    this.go();
  }

  /** Asks the handler for the next message, unless it is asked already or the peer is behind. */
  go(): void {
    if (this.#isAsking || this.#answers === undefined || this.#host.outcome !== undefined) return;
    this.#isAsking = true;
    try {
      this.#answers.next().then(this.#given, this.#failed);
    } catch (error) {
      this.#host.fail(error);
    }
  }

  readonly #given = (step: IteratorResult<unknown, unknown>): void => {
    const host = this.#host;
    this.#isAsking = false;
    if (host.outcome !== undefined) return;
    try {
      if (step.done === true) {
        this.#answers = undefined;
        this.#isDone = true;
        return this.#complete();
      }
      this.#send(step.value);
    } catch (error) {
      return host.fail(error);
    }
    if (!host.isBehind) this.go();
  };

  readonly #failed = (error: unknown): void => {
    this.#answers = undefined;
    this.#isDone = true;
    this.#host.fail(error);
  };

  #send(value: unknown): void {
    const host = this.#host;
    const { write, events } = this.#plan;
    const id = events === undefined || this.#framing !== sse ? "" : idOf(value, events.id);
    const text = this.#framing.frame(write(value), id);
    this.#open();
    this.#isQuiet = false;
    const bytes = host.write(text);
    host.responseBytes += bytes;
    host.bound.observer.message(host, "sent", bytes);
  }

  #open(): void {
    if (this.#isOpen) return;
    const { mediaType, headers } = this.#framing;
    // First: `open` asks whether this is a head.
    this.#isOpen = true;
    try {
      this.#host.open(mediaType, headers);
    } catch (error) {
      this.#isOpen = false;
      throw error;
    }
    const { retryMs } = this.#plan;
    if (this.#framing === sse && retryMs !== undefined) this.#host.write(`retry: ${retryMs}\n\n`);
  }

  #complete(): void {
    const host = this.#host;
    // A browser that came back for more, and there is none: 204 tells it to stay away (WHATWG HTML §9.2.3).
    const cameBack = this.#framing === sse && !this.#isOpen && host.headers[LAST_EVENT_ID] !== undefined;
    if (cameBack) host.endEmpty(204);
    else {
      this.#open();
      host.end(host.verb === "HEAD" ? "" : this.#framing.end);
    }
    host.finish("ok");
  }

  /** Nothing was said for a while. */
  expire(): void {
    const host = this.#host;
    if (host.outcome !== undefined) return;
    if (this.#isQuiet && !host.isBehind) {
      try {
        this.#open();
        if (this.#framing.beats) host.responseBytes += host.write(BEAT);
        else host.flush();
      } catch (error) {
        return host.fail(error);
      }
    }
    this.#isQuiet = true;
    this.#timer = host.bound.around.clock.expire(this.#plan.heartbeatMs, this);
  }

  /** The call failed after its head: the last thing that is said is why. */
  refuse(error: ServiceError): void {
    this.#host.end(this.#framing.failure(encodeFailure(error, (thrown) => this.#host.report(thrown))));
  }

  /** The call is over, however: nobody is asked for anything any more. */
  close(): void {
    this.#timer?.cancel();
    const host = this.#host;
    // It failed while the handler is at work, which should hear of it.
    if (host.error !== undefined && !this.#isDone) {
      try {
        host.cancel(host.error);
      } catch (error) {
        host.report(error);
      }
    }
    this.#source?.stop(host.canceledBy ?? host.error ?? policyError("canceled"));
    const answers = this.#answers;
    this.#answers = undefined;
    if (answers?.return === undefined) return;
    // Not awaited: a handler that is stuck must not hold the call.
    try {
      answers.return().then(undefined, (error: unknown) => host.report(error));
    } catch (error) {
      host.report(error);
    }
  }
}

// What ends a line would end the field, and say more than an id (WHATWG HTML §9.2.6).
const UNFIT = /[\r\n\0]/;

function idOf(value: unknown, field: string): string {
  const id = (value as Readonly<Record<string, unknown>>)[field];
  if (id === undefined || id === null) return "";
  const text = String(id as string);
  if (!UNFIT.test(text)) return text;
  throw policyError("invalid_response", { cause: new RangeError(`an event's id should have no line end`) });
}
