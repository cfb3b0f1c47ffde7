/**
 * One JSON-RPC request on its way through the server; several may have come in one batch.
 *
 * @module
 */
import type { ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { CallStart } from "../../endpoint/index.ts";
import type { Hooks } from "../hooks.ts";
import { ServerCall } from "../server-call.ts";
import type { BoundMethod } from "../bind.ts";
import { encodeRpcError } from "./code.ts";
import { writeError, writeResult, type RpcError, type RpcRequest } from "./message.ts";

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

/** How one method is served over JSON-RPC. */
export interface RpcPlan {
  readonly bound: BoundMethod;
  /** Turns params by position into params by name. */
  readonly named: (params: unknown) => unknown;
  readonly write: (response: unknown) => string;
  readonly hooks: Hooks<JsonrpcRequest, JsonrpcReply>;
}

/** What a call is given besides its plan. */
export interface RpcIncoming {
  readonly request: RpcRequest;
  readonly start: CallStart;
  /** Is handed the text of the answer; undefined for a notification. */
  readonly answer: (text: string | undefined) => void;
}

/** Drives one request through its method's pipeline. */
export class RpcCall extends ServerCall<JsonrpcRequest, JsonrpcReply> {
  readonly #plan: RpcPlan;
  readonly #from: RpcIncoming;

  constructor(plan: RpcPlan, from: RpcIncoming) {
    super(plan.bound, from.start, plan.hooks);
    this.#plan = plan;
    this.#from = from;
    this.target = from.request.method;
  }

  /** Takes the request through the pipeline; `refusal` is an error that was plain from its method's name. */
  run(refusal?: ServiceError): void {
    this.begin();
    if (refusal !== undefined) return this.fail(refusal);
    const admitted = this.admit();
    if (isPromise(admitted)) void admitted.then((passes) => (passes ? this.#go() : undefined));
    else if (admitted) this.#go();
  }

  #go(): void {
    let wire: unknown;
    try {
      wire = this.#plan.named(this.#from.request.params);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  get request(): JsonrpcRequest {
    return { ...this.#from.request, header: (name) => this.incoming.get(name) };
  }

  protected succeed(response: unknown): void {
    const reply: JsonrpcReply = { result: this.#plan.write(response), error: undefined };
    this.after(reply);
    this.#answer(reply);
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    const reply: JsonrpcReply = { result: "null", error: encodeRpcError(error) };
    this.encodeError(error, reply);
    this.#answer(reply);
    this.finish(error.code);
  }

  #answer(reply: JsonrpcReply): void {
    const { request, answer } = this.#from;
    if (request.id === undefined) return answer(undefined);
    const text =
      reply.error === undefined ? writeResult(reply.result, request.id) : writeError(reply.error, request.id);
    this.responseBytes = text.length;
    answer(text);
  }
}
