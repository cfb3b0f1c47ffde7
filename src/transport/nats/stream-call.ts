/**
 * One streaming call on its way through the server.
 *
 * @module
 */
import { noMetadata } from "../../endpoint/index.ts";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import type { Hooks } from "../hooks.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import { ServerStream } from "../server-stream.ts";
import { timeoutOf } from "../timeout.ts";
import { numberOf } from "./code.ts";
import { bareDraft, failureDraft } from "./failure-message.ts";
import { isOwnHeader, readFrame, STREAM, writeFrame, type Frame } from "./frame.ts";
import { Draft, MessageView, type NatsDraft, type NatsMessage } from "./message.ts";
import type { NatsPlan } from "./plan.ts";
import { StreamEnd, type StreamPort } from "./stream-end.ts";
import type { NatsIncoming } from "./call.ts";
import { NO_RESPONDERS, type NatsHeaders } from "./headers.ts";
import type { Clock } from "../../time/index.ts";

/** How many messages go to a peer that gives no leave before the server is asked whether it has them. */
const BATCH = 32;

/** What streams need of their server. */
export interface StreamHost {
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** Publishes under the inbox of this stream, where its peer answers. */
  send(reply: string, data: Uint8Array, message: { readonly headers: readonly string[]; readonly inbox: string }): void;
  /** Resolves when what was published is with NATS. */
  flushed(): Promise<void>;
  /** The stream is over. */
  forget(call: NatsStreamCall): void;
}

/** Drives one stream. */
export class NatsStreamCall extends ServerStream implements StreamPort {
  override readonly request: NatsMessage;
  /** Where the peer reaches this stream. */
  readonly inbox: string;
  readonly reply: string;
  readonly #plan: NatsPlan;
  readonly #from: NatsIncoming;
  readonly #host: StreamHost;
  readonly #end: StreamEnd;
  /** Whether the peer knows of streams, or is told message by message as fast as NATS takes them. */
  readonly #isKnowing: boolean;
  #sinceFlush = 0;
  #isTold = false;

  constructor(plan: NatsPlan, from: NatsIncoming, at: { readonly host: StreamHost; readonly inbox: string }) {
    const { info, around } = plan.bound;
    const { headers, startMs, msg, reply } = from;
    const timeoutMs = headers === undefined ? info.timeoutMs : timeoutOf(headers.get(TIMEOUT), info.timeoutMs);
    const start = { startMs, timeoutMs, transport: "nats", incoming: headers ?? noMetadata, values: around.values };
    super(plan.bound, start, plan.hooks as Hooks<unknown, unknown>);
    this.#plan = plan;
    this.#from = from;
    this.#host = at.host;
    this.inbox = at.inbox;
    this.reply = reply;
    this.request = new MessageView(msg, headers);
    this.target = plan.subject;
    this.#end = new StreamEnd(this, at.host);
    const frame = readFrame(headers);
    this.#isKnowing = frame?.word === "credit";
    if (frame !== undefined) this.#end.take(frame, msg.data);
  }

  /** Runs the stream; resolves when its last message is published. */
  async run(refusal: ServiceError | undefined): Promise<void> {
    if (refusal !== undefined) {
      this.begin();
      return this.fail(refusal);
    }
    if (this.#isKnowing) this.#end.watch();
    const incoming = this.#plan.takesMany ? this.#requests() : () => this.#one();
    try {
      for await (const data of this.answers(incoming, (value) => this.#written(value))) {
        const waits = this.#send(data as Uint8Array);
        if (waits !== undefined) await waits;
      }
      this.#finish();
    } catch (error) {
      // `refuse` has told the peer. What is left is an end that could not be published.
      if (this.outcome === "ok") this.report(error);
    }
  }

  // What cannot be sent is what the call fails with: else it would look as if the peer had left.
  #send(data: Uint8Array): Promise<void> | undefined {
    try {
      const waits = this.#isKnowing ? this.#end.write(data) : this.#pour(data);
      return waits?.catch((error: unknown) => this.#unsent(error));
    } catch (error) {
      this.#unsent(error);
    }
  }

  #unsent(error: unknown): never {
    this.fail(error);
    throw error;
  }

  #finish(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#publish({ word: "end", number: this.#end.sent + this.#poured + 1 }, [], new Uint8Array(0));
  }

  #poured = 0;

  async #pour(data: Uint8Array): Promise<void> {
    this.send({ word: "message", number: ++this.#poured }, data);
    if (++this.#sinceFlush < BATCH) return;
    this.#sinceFlush = 0;
    await this.#host.flushed();
  }

  #written(value: unknown): Uint8Array {
    const data = this.#plan.write(value);
    if (this.#plan.answersMany || this.hooks.after === undefined) return data;
    const draft = new Draft(data, []);
    this.after(draft);
    return draft.bytes;
  }

  async #one(): Promise<unknown> {
    return this.#read(this.#from.msg.data);
  }

  async *#requests(): AsyncGenerator<unknown, void, undefined> {
    if (!this.#isKnowing)
      throw policyError("malformed_message", { message: `the header "${STREAM}: credit <number>" is missing` });
    this.#end.invite();
    for (;;) {
      const data = await this.#end.read();
      if (data === undefined) return;
      yield this.#read(data);
    }
  }

  #read(data: Uint8Array): unknown {
    this.requestBytes += data.length;
    if (data.length > this.#plan.limits.maxBodyBytes) throw policyError("too_large");
    return this.#plan.read(data);
  }

  /** A message for this stream. */
  arrived(headers: NatsHeaders | undefined, data: Uint8Array): void {
    const frame = readFrame(headers);
    // Nobody is there to be told anything.
    if (headers?.status === NO_RESPONDERS || frame?.word === "cancel" || frame?.word === "gone") return this.takeBack();
    if (frame === undefined || frame.word === "error")
      return this.lost(headers?.fault ?? policyError("malformed_message", { message: "it is no part of the stream" }));
    this.#end.take(frame, data);
  }

  /** The caller is gone, or wants no more. */
  takeBack(): void {
    this.#isTold = true;
    this.abandon(policyError("canceled"));
  }

  lost(error: ServiceError): void {
    this.abandon(error);
  }

  send(frame: Frame, data: Uint8Array): void {
    this.#publish(frame, frame.word === "message" ? this.#metadata(frame.number) : [], data);
  }

  // What a handler sets before its first message goes with that.
  #metadata(number: number): readonly string[] {
    if (number > 1 || this.outgoingIfAny === undefined) return [];
    return [...this.outgoingIfAny].filter(([name]) => !isOwnHeader(name)).flat();
  }

  #publish(frame: Frame, more: readonly string[], data: Uint8Array): void {
    this.responseBytes += data.length;
    const headers = [STREAM, writeFrame(frame), ...more];
    this.#host.send(this.reply, data, { headers, inbox: this.inbox });
  }

  protected override refuse(error: ServiceError): void {
    this.status = numberOf(error.code);
    if (!this.#isTold) {
      this.#isTold = true;
      this.#tell(error);
    }
    super.refuse(error);
  }

  #tell(error: ServiceError): void {
    let draft = this.#failure(error);
    if (this.hooks.errorEncoder !== undefined) {
      const isDone = this.encodeError(error, draft) && this.guarded(() => void draft.bytes);
      if (!isDone) draft = this.#failure(error);
    }
    const frame: Frame = { word: "error", number: this.#end.sent + this.#poured + 1 };
    try {
      this.#publish(frame, draft.headers, draft.bytes);
    } catch (thrown) {
      this.report(thrown);
      const bare = bareDraft(error);
      this.#publish(frame, bare.headers, bare.bytes);
    }
  }

  #failure(error: ServiceError): Draft & NatsDraft {
    const draft = failureDraft(error, (thrown) => this.report(thrown));
    draft.headers.push(REQUEST_ID, this.requestId);
    return draft;
  }

  protected override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.#plan.stats?.count(this.durationMs, this.error);
    this.#end.close(this.error ?? policyError("canceled"));
    this.#host.forget(this);
  }
}
