/**
 * One request and its one answer, from the client's side.
 *
 * @module
 */
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { finalize } from "../client-hooks.ts";
import type { PendingCall, Waiting } from "../pending.ts";
import { requestDraft, type ClientPlan } from "./client-plan.ts";
import { failureOf, isFailure, numberIn } from "./failure-message.ts";
import { checkSize, NO_RESPONDERS, writeHeaders, type NatsHeaders } from "./headers.ts";
import { MessageView } from "./message.ts";

/** Sends one request, and waits for its answer. */
export class NatsExchange implements Waiting {
  readonly call: ActiveCall;
  readonly #plan: ClientPlan;
  readonly #resolve: (wire: unknown) => void;
  readonly #reject: (error: ServiceError) => void;
  /** Where the answer goes; "" until the request is sent. */
  #reply = "";

  constructor(plan: ClientPlan, call: ActiveCall, settle: [(wire: unknown) => void, (error: ServiceError) => void]) {
    this.#plan = plan;
    this.call = call;
    [this.#resolve, this.#reject] = settle;
  }

  start(request: unknown): void {
    const { call } = this;
    const { caller } = this.#plan;
    let data: Uint8Array;
    try {
      data = this.#plan.write(request);
    } catch (error) {
      return this.reject(toServiceError(error));
    }
    if (call.canceledBy !== undefined) return this.reject(call.canceledBy);
    const waiting = caller.pending.add(this);
    const { up } = caller;
    if (up !== undefined) return this.#send(up, data, waiting);
    caller.ready(call).then(
      // Whoever was called off meanwhile has been told.
      (connection) => (call.canceledBy === undefined ? this.#send(connection, data, waiting) : undefined),
      (error: unknown) => waiting.reject(toServiceError(error)),
    );
  }

  #send(connection: NatsConnection, data: Uint8Array, waiting: PendingCall<NatsExchange>): void {
    const { call } = this;
    const { caller, subject } = this.#plan;
    call.peer = caller.peer;
    let bytes: Uint8Array;
    let headers: MsgHdrs;
    try {
      const draft = requestDraft(this.#plan, call, data);
      bytes = draft.bytes;
      headers = writeHeaders(draft.headers, this.#plan.encoding);
      checkSize(connection, bytes, headers);
    } catch (error) {
      return waiting.reject(toServiceError(error));
    }
    const reply = caller.inbox + waiting.id;
    call.requestBytes = bytes.length;
    try {
      connection.publish(subject, bytes, { reply, headers });
      this.#reply = reply;
    } catch (cause) {
      waiting.reject(policyError("unreachable", { cause }));
    }
  }

  /** The answer is there. */
  answered(waiting: PendingCall<NatsExchange>, msg: Msg, headers: NatsHeaders | undefined): void {
    const { call } = this;
    const { hooks, read } = this.#plan;
    const { data } = msg;
    call.responseBytes = data.length;
    let wire: unknown;
    try {
      if (headers !== undefined) this.#take(headers);
      if (hooks.after !== undefined) this.#after(msg, headers);
      if (headers !== undefined && isFailure(headers)) throw failureOf(headers, data, this.#plan.caller.options.limits);
      wire = read(data);
    } catch (error) {
      return waiting.reject(toServiceError(error));
    }
    waiting.resolve(wire);
  }

  #after(msg: Msg, headers: NatsHeaders | undefined): void {
    const view = new MessageView(msg, headers);
    for (const after of this.#plan.hooks.after!) after(this.call.context, view);
  }

  #take(headers: NatsHeaders): void {
    if (headers.fault !== undefined) throw headers.fault;
    if (headers.status === NO_RESPONDERS) throw policyError("unreachable", { message: NOBODY });
    this.call.incoming = headers;
    this.call.status = numberIn(headers);
  }

  resolve(wire: unknown): void {
    this.#finalize(undefined);
    this.#resolve(wire);
  }

  reject(error: ServiceError): void {
    if (this.#reply !== "" && (this.#isCalledOff() || error.reason === "connection_lost"))
      this.#plan.caller.takeBack(this.#plan.cancelSubject, this.#reply);
    this.#finalize(error);
    this.#reject(error);
  }

  // The server has the deadline itself: it need not be told that it passed. A signal of the caller's own may be earlier.
  #isCalledOff(): boolean {
    const { call } = this;
    return call.canceledBy !== undefined && this.#plan.caller.options.clock.now() < call.context.deadlineMs;
  }

  #finalize(error: ServiceError | undefined): void {
    const { finalizer } = this.#plan.hooks;
    if (finalizer === undefined) return;
    finalize(finalizer, { context: this.call.context, status: this.call.status, error });
  }
}

/** Why a request was not even delivered. */
export const NOBODY = "nobody listens at the subject of the method";
