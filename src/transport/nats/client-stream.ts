/**
 * One stream from the client's side.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { finalize } from "../client-hooks.ts";
import { NOBODY } from "./client-call.ts";
import { requestDraft, type ClientPlan } from "./client-plan.ts";
import { failureOf, numberIn } from "./failure-message.ts";
import { readFrame, STREAM, writeFrame, type Frame } from "./frame.ts";
import { checkSize, NO_RESPONDERS, writeHeaders, type NatsHeaders } from "./headers.ts";
import { MessageView } from "./message.ts";
import { StreamEnd, WINDOW, type StreamPort } from "./stream-end.ts";

const NOTHING = new Uint8Array(0);

/** Opens a stream, and carries its messages. */
export class ClientStream implements StreamPort {
  readonly #plan: ClientPlan;
  readonly #call: ActiveCall;
  readonly #connection: NatsConnection;
  readonly #end: StreamEnd;
  readonly #inbox: string;
  readonly #link: Subscription;
  /** Where the server hears of this stream; "" until it has said so. */
  #peer = "";
  #isComplete = false;

  constructor(plan: ClientPlan, call: ActiveCall, connection: NatsConnection) {
    const { caller } = plan;
    this.#plan = plan;
    this.#call = call;
    this.#connection = connection;
    this.#end = new StreamEnd(this, caller.options);
    this.#inbox = caller.add(this);
    this.#link = call.onCancel((reason) => this.lost(reason));
  }

  /**
   * Sends the request; the many of a request go when the server asks for them.
   *
   * @throws {ServiceError} when it cannot be sent.
   */
  open(data: Uint8Array, request: unknown): void {
    const { caller, subject, takesMany } = this.#plan;
    const draft = requestDraft(this.#plan, this.#call, data);
    const { bytes } = draft;
    const headers = writeHeaders([...draft.headers, STREAM, writeFrame({ word: "credit", number: WINDOW })]);
    checkSize(this.#connection, bytes, headers);
    this.#call.peer = caller.peer;
    this.#call.requestBytes = bytes.length;
    this.#end.invited();
    this.#connection.publish(subject, bytes, { reply: this.#inbox, headers });
    this.#end.watch();
    if (takesMany) void this.#pump(request as AsyncIterable<unknown>);
  }

  async #pump(messages: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const message of messages) {
        if (this.#end.isOver) return;
        const data = this.#plan.write(message);
        this.#call.requestBytes += data.length;
        const waits = this.#end.write(data);
        if (waits !== undefined) await waits;
      }
      // Whom to tell is known once the server has asked for the first.
      if (this.#peer === "") await this.#end.room();
      this.#end.finish();
    } catch (error) {
      if (!this.#end.isOver) this.lost(toServiceError(error));
    }
  }

  /** The next answer; undefined when there are no more. */
  read(): Promise<Uint8Array | undefined> {
    return this.#end.read();
  }

  /** A message for this stream. */
  arrived(msg: Msg, headers: NatsHeaders | undefined): void {
    if (headers?.status === NO_RESPONDERS)
      return this.lost(
        this.#peer === "" ? policyError("unreachable", { message: NOBODY }) : policyError("connection_lost"),
      );
    if (headers?.fault !== undefined) return this.lost(headers.fault);
    const frame = readFrame(headers);
    if (frame === undefined)
      return this.lost(policyError("invalid_response", { message: "the answer is no part of a stream" }));
    if (msg.reply) this.#peer = msg.reply;
    if (frame.word === "gone") return this.lost(policyError("connection_lost"));
    const { data } = msg;
    this.#call.responseBytes += data.length;
    if (frame.word === "message" && frame.number === 1) this.#call.incoming = headers!;
    if (frame.word === "message" && this.#plan.hooks.after !== undefined) this.#after(msg, headers);
    if (frame.word === "error") return this.#failed(frame, headers!, data);
    this.#end.take(frame, data);
    if (frame.word === "end") this.#isComplete = true;
  }

  #after(msg: Msg, headers: NatsHeaders | undefined): void {
    const view = new MessageView(msg, headers);
    for (const after of this.#plan.hooks.after!) {
      try {
        after(this.#call.context, view);
      } catch (error) {
        return this.lost(toServiceError(error));
      }
    }
  }

  // After the messages before it, of which none may be missing.
  #failed({ number }: Frame, headers: NatsHeaders, data: Uint8Array): void {
    this.#isComplete = true;
    this.#call.status = numberIn(headers);
    this.#call.incoming = headers;
    if (this.#end.follows(number)) this.#end.close(failureOf(headers, data, this.#plan.caller.options.limits));
    else this.#end.close(policyError("connection_lost", { message: "messages of the stream were lost" }));
  }

  send(frame: Frame, data: Uint8Array): void {
    if (this.#peer === "") return;
    const headers = writeHeaders([STREAM, writeFrame(frame)]);
    checkSize(this.#connection, data, headers);
    this.#connection.publish(this.#peer, data, { headers, reply: this.#inbox });
  }

  /** It is over, here first. */
  lost(error: ServiceError): void {
    if (this.#end.isOver) return;
    this.#end.close(error);
    this.#takeBack();
  }

  /** Nobody reads any more. */
  leave(error: ServiceError | undefined): void {
    this.#link.cancel();
    this.#plan.caller.remove(this.#inbox);
    if (!this.#isComplete && !this.#end.isOver) this.#takeBack();
    this.#end.close(policyError("canceled"));
    const { finalizer } = this.#plan.hooks;
    if (finalizer === undefined) return;
    finalize(finalizer, { context: this.#call.context, status: this.#call.status, error });
  }

  #takeBack(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    const { caller, cancelSubject } = this.#plan;
    if (this.#peer === "" || caller.up === undefined) return caller.takeBack(cancelSubject, this.#inbox);
    try {
      this.send({ word: "cancel", number: 0 }, NOTHING);
    } catch {
      // Nobody can be told; the deadline ends it there, or the missing signs of life.
    }
  }
}
