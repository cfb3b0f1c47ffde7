/**
 * One JSON-RPC request on its way through the server; several may have come in one batch.
 *
 * @module
 */
import type { Outcome, ServiceError } from "../../errors/index.ts";
import { shown } from "../../internal/check.ts";
import { isPromise } from "../../internal/promise.ts";
import type { Hanging } from "../http/connection.ts";
import type { OneWays } from "../one-way.ts";
import { timeoutOf } from "../timeout.ts";
import { TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { encodeRpcError } from "./code.ts";
import type { Delivery } from "./delivery.ts";
import { isRpcError, writeError, writeResult, type RpcError, type RpcRequest } from "./message.ts";
import type { RpcPlan } from "./plan.ts";

/** A request as a hook sees it. */
export interface JsonrpcRequest extends RpcRequest {
  /** A header of the HTTP request that brought it, name in any case. */
  header(name: string): string | undefined;
}

/** A reply as a hook sees it: `result` as JSON text, or `error`. */
export interface JsonrpcReply {
  result: string;
  error: RpcError | undefined;
}

/** What a call is given besides its plan. */
export interface RpcIncoming {
  readonly request: RpcRequest;
  /** The id as JSON text; undefined for a notification, which is never answered. */
  readonly id: string | undefined;
  readonly delivery: Delivery;
  /** Knows the call while it runs. */
  readonly holder: { add(call: Hanging): void; remove(call: Hanging): void };
  /** Knows it when it is a one-way call that was acknowledged. */
  readonly oneWays: OneWays;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** Why it does not get as far as its method; undefined when it may. */
  readonly refusal?: Refusal | undefined;
  /** Is handed the text of the answer, once. */
  answer(text: string): void;
}

/** Why a request does not get as far as its method. */
export interface Refusal {
  readonly error: ServiceError;
  /** The error's number, where the error alone does not say it. */
  readonly rpcCode?: number | undefined;
}

/** How much of a method's name is shown: it may be as long as a body. */
const TARGET_CHARS = 256;

/** Drives one request through its method's pipeline. */
export class RpcCall extends ServerCall<JsonrpcRequest, JsonrpcReply> {
  readonly #plan: RpcPlan;
  readonly #from: RpcIncoming;
  #holder: RpcIncoming["holder"];
  #isTold = false;

  constructor(plan: RpcPlan, from: RpcIncoming, startMs: number) {
    const { bound } = plan;
    const { incoming, connection, request } = from.delivery;
    const timeoutMs = timeoutOf(request.headers[TIMEOUT], bound.info.timeoutMs);
    super(bound, { startMs, timeoutMs, transport: "jsonrpc", incoming, values: bound.around.values }, plan.hooks);
    this.#plan = plan;
    this.#from = from;
    this.peer = connection.peer;
    this.target = from.request.method.slice(0, TARGET_CHARS);
    this.status = from.status;
    this.#holder = from.holder;
    from.holder.add(this);
  }

  protected override makeRequestId(): string {
    return this.#from.delivery.requestId;
  }

  /** Whether nobody waits for an answer. */
  get isOneWay(): boolean {
    return this.#from.id === undefined;
  }

  /** Takes the request through the pipeline, or refuses it. */
  run(): void {
    const { refusal } = this.#from;
    this.begin();
    if (refusal !== undefined) return this.fail(refusal.error);
    const admitted = this.admit();
    if (isPromise(admitted)) void admitted.then((passes) => (passes ? this.#go() : undefined));
    else if (admitted) this.#go();
  }

  #go(): void {
    let wire: unknown;
    try {
      wire = this.#plan.read(this.#from.request.params);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  get request(): JsonrpcRequest {
    return { ...this.#from.request, header: (name) => this.incoming.get(name) };
  }

  protected succeed(response: unknown): void {
    const { id } = this.#from;
    if (id !== undefined) {
      const result = this.#plan.write(response);
      if (this.hooks.after === undefined) this.#answer(writeResult(result, id));
      else {
        const reply: JsonrpcReply = { result, error: undefined };
        this.after(reply);
        this.#answer(textOf(reply, id, result));
      }
    }
    this.finish("ok");
  }

  // A caller that gave an id waits for an answer, and has one as soon as the request is accepted.
  protected override acknowledge(): void {
    const { id, holder, oneWays } = this.#from;
    if (id === undefined) return;
    const reply: JsonrpcReply = { result: this.#plan.write(undefined), error: undefined };
    const { result } = reply;
    this.after(reply);
    this.#answer(textOf(reply, id, result));
    this.#isTold = true;
    holder.remove(this);
    oneWays.add(this);
    this.#holder = oneWays;
  }

  protected override done(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    const { id } = this.#from;
    if (id !== undefined && !this.#isTold) this.#answer(this.#encoded(error, id) ?? this.#written(error, id));
    this.finish(error.code);
  }

  /** The answer as the user's encoder has it, when there is one and what it says can be sent. */
  #encoded(error: ServiceError, id: string): string | undefined {
    if (this.hooks.errorEncoder === undefined) return undefined;
    const reply: JsonrpcReply = { result: "null", error: this.#rpcError(error) };
    let text: string | undefined;
    const isDone = this.encodeError(error, reply) && this.guarded(() => void (text = textOf(reply, id, "null")));
    return isDone ? text : undefined;
  }

  #written(error: ServiceError, id: string): string {
    const whole = this.#rpcError(error);
    try {
      return writeError(whole, id);
    } catch (thrown) {
      // Its details cannot be written: a BigInt, a cycle.
      this.report(thrown);
      const { code, reason } = error;
      return writeError({ ...whole, data: { code, reason } }, id);
    }
  }

  #rpcError(error: ServiceError): RpcError {
    return encodeRpcError(error, this.#from.refusal?.rpcCode);
  }

  #answer(text: string): void {
    const { delivery, answer } = this.#from;
    this.responseBytes = Buffer.byteLength(text);
    if (this.outgoingIfAny !== undefined) delivery.add(this.outgoingIfAny);
    answer(text);
  }

  protected override finish(outcome: Outcome): void {
    this.#holder.remove(this);
    super.finish(outcome);
  }
}

// What hooks have set may be anything, and one broken answer would break all of its batch.
function textOf({ result, error }: JsonrpcReply, id: string, written: string): string {
  if (error !== undefined) {
    if (isRpcError(error)) return writeError(error, id);
    throw new TypeError(`a reply's error should have an integer code and a message, got ${shown(error)}`);
  }
  if (result !== written) {
    if (typeof result !== "string") throw new TypeError(`a reply's result should be JSON text, got ${shown(result)}`);
    JSON.parse(result);
  }
  return writeResult(result, id);
}
