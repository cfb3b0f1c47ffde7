/**
 * A streaming call over HTTP: reads the request's messages as the handler asks for them, and asks the handler for as many
 * as the peer takes. Knows no platform: a platform's call hosts it.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Timer } from "../../time/index.ts";
import type { ByteSource } from "../incoming-messages.ts";
import { StreamDriver, type AnswersOut, type DrivenCall } from "../stream-driver.ts";
import { BEAT, ndjson, sse, type Framing } from "./frames.ts";
import type { HttpHeaders } from "./message.ts";
import { accepted, codecFor } from "./negotiate.ts";
import type { Plan } from "./plan.ts";
import { encodeFailure } from "./stream-failure.ts";
import { LAST_EVENT_ID, type StreamPlan } from "./stream-plan.ts";

/** The call of a platform that hosts a stream: all that is done to it from here. */
export interface StreamHost extends DrivenCall {
  readonly plan: Plan;
  readonly verb: string;
  readonly headers: HttpHeaders;
  finish(outcome: "ok"): void;
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

/** Frames one streaming call. */
export class HttpStream implements AnswersOut {
  readonly #host: StreamHost;
  readonly #plan: StreamPlan;
  #framing: Framing = ndjson;
  readonly #driver: StreamDriver;
  #isOpen = false;
  #isQuiet = true;
  #timer: Timer | undefined = undefined;

  constructor(host: StreamHost, plan: StreamPlan) {
    this.#host = host;
    this.#plan = plan;
    this.#driver = new StreamDriver(host, this);
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
    const host = this.#host;
    host.arm();
    this.#driver.take({
      source: host.body(),
      frames: ndjson.reader(host.plan.limits.maxBodyBytes),
      read: this.#plan.read,
      sizeOf: (text) => text.length,
    });
  }

  /** The request is here, in its wire form. */
  dispatch(wire: unknown): void {
    const host = this.#host;
    if (host.outcome !== undefined) return;
    host.arm();
    // The head is that of a GET, without anybody to stream to (RFC 9110 §9.3.2).
    if (host.verb === "HEAD") this.complete();
    else this.#driver.dispatch(wire);
  }

  get isBehind(): boolean {
    return this.#host.isBehind;
  }

  /** There is room again. */
  go(): void {
    this.#driver.go();
  }

  begun(): void {
    this.#timer = this.#host.bound.around.clock.expire(this.#plan.heartbeatMs, this);
  }

  send(value: unknown): void {
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

  complete(): void {
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
    this.#driver.close();
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
