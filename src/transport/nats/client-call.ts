/**
 * One request and its one answer, from the client's side.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { finalize } from "../client-hooks.ts";
import type { PendingCall, Waiting } from "../pending.ts";
import { checkPayload, requestDraft, type ClientPlan } from "./client-plan.ts";
import { failureOf, isFailure, numberIn } from "./failure-message.ts";
import { NO_RESPONDERS, writeHeaders, type NatsHeaders } from "./headers.ts";
import { MessageView, type Draft } from "./message.ts";

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
    const { up } = caller;
    if (up !== undefined) return this.#send(up, data);
    caller.ready(call).then(
      (connection) => (call.canceledBy === undefined ? this.#send(connection, data) : this.reject(call.canceledBy)),
      (error: unknown) => this.reject(toServiceError(error)),
    );
  }

  #send(connection: NatsConnection, data: Uint8Array): void {
    const { call } = this;
    const { caller, subject } = this.#plan;
    if (call.canceledBy !== undefined) return this.reject(call.canceledBy);
    const waiting = caller.pending.add(this);
    call.peer = caller.peer;
    let draft: Draft;
    try {
      draft = requestDraft(this.#plan, call, data);
      checkPayload(draft.bytes.length, connection.info?.max_payload);
    } catch (error) {
      return waiting.reject(toServiceError(error));
    }
    const { bytes } = draft;
    const reply = caller.inbox + waiting.id;
    call.requestBytes = bytes.length;
    try {
      connection.publish(subject, bytes, { reply, headers: writeHeaders(draft.headers, this.#plan.encoding) });
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
      if (hooks.after !== undefined && headers?.status !== NO_RESPONDERS) this.#after(msg, headers);
      if (headers !== undefined) this.#look(headers, data);
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

  #look(headers: NatsHeaders, data: Uint8Array): void {
    if (headers.fault !== undefined) throw headers.fault;
    if (headers.status === NO_RESPONDERS) throw policyError("unreachable", { message: NOBODY });
    const { call } = this;
    call.incoming = headers;
    if (!isFailure(headers)) return;
    call.status = numberIn(headers);
    throw failureOf(headers, data, this.#plan.caller.options.limits);
  }

  resolve(wire: unknown): void {
    this.#finalize(undefined);
    this.#resolve(wire);
  }

  reject(error: ServiceError): void {
    // The server has the deadline itself: it need not be told that it passed.
    if (this.#reply !== "" && (this.call.canceledBy?.code === "canceled" || error.reason === "connection_lost"))
      this.#plan.caller.takeBack(this.#plan.cancelSubject, this.#reply);
    this.#finalize(error);
    this.#reject(error);
  }

  #finalize(error: ServiceError | undefined): void {
    const { finalizer } = this.#plan.hooks;
    if (finalizer === undefined) return;
    finalize(finalizer, { context: this.call.context, status: this.call.status, error });
  }
}

/** Why a request was not even delivered. */
export const NOBODY = "nobody listens at the subject of the method";
