/**
 * One call as it goes out: its text, and who waits. It is settled once: by its answer, by the failure of what carries it,
 * or by being called off.
 *
 * @module
 */
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { finalize, type ClientHooks } from "../client-hooks.ts";
import type { HttpClientRequest } from "../http/client-draft.ts";
import type { HttpClientResponse } from "../http/client-response.ts";
import type { Answers } from "./client-answer.ts";

/** What is prepared once per method. */
export interface RpcMethod {
  /** Turns a request into the text of its params. */
  readonly params: (request: unknown) => string;
  /** Turns a result into the response's wire value. */
  readonly read: (result: unknown) => unknown;
  /** What stands before the params. */
  readonly head: string;
  readonly isNotification: boolean;
  readonly idempotent: boolean;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
}

/** Who waits for an answer, and for what. */
export interface Waiting {
  readonly request: unknown;
  readonly call: ActiveCall;
  resolve(wire: unknown): void;
  reject(error: ServiceError): void;
}

/** What carries an entry. */
export interface Carrier {
  /** One of its entries is no longer wanted. */
  left(reason: ServiceError): void;
}

/** One call of a message. */
export class Entry {
  readonly method: RpcMethod;
  readonly call: ActiveCall;
  /** Undefined for a notification. */
  readonly id: number | undefined;
  text = "";
  /** Undefined until it is sent. */
  carrier: Carrier | undefined = undefined;
  isOver = false;
  readonly #waiting: Waiting;
  #subscription: Subscription | undefined = undefined;

  constructor(method: RpcMethod, waiting: Waiting, id: number | undefined) {
    this.method = method;
    this.call = waiting.call;
    this.id = id;
    this.#waiting = waiting;
  }

  /**
   * Writes the text, and hears from then on when the call is called off.
   *
   * @throws {ServiceError} invalid_request when the request cannot be written.
   */
  begin(): void {
    const { id, method } = this;
    this.text = `${method.head}${method.params(this.#waiting.request)}${id === undefined ? "}" : `,"id":${id}}`}`;
    this.#subscription = this.call.onCancel((reason) => {
      this.fail(reason);
      this.carrier?.left(reason);
    });
  }

  /** Takes what concerns it of what came. */
  settle({ byId, refusal, missing }: Answers): void {
    const answer = this.id === undefined ? undefined : byId.get(this.id);
    if (answer?.error !== undefined) return this.fail(answer.error);
    if (answer === undefined) {
      if (refusal !== undefined || !this.method.isNotification) return this.fail(refusal ?? missing);
      return this.#succeed(undefined);
    }
    let wire: unknown;
    try {
      wire = this.method.read(answer.result);
    } catch (cause) {
      return this.fail(policyError("invalid_response", { message: "the answer cannot be read", cause }));
    }
    this.#succeed(wire);
  }

  #succeed(wire: unknown): void {
    this.#over();
    this.#waiting.resolve(wire);
    this.#finalize(undefined);
  }

  fail(thrown: unknown): void {
    const error = toServiceError(thrown);
    this.#over();
    this.#waiting.reject(error);
    this.#finalize(error);
  }

  #over(): void {
    this.isOver = true;
    this.#subscription?.cancel();
  }

  #finalize(error: ServiceError | undefined): void {
    const { finalizer } = this.method.hooks;
    const { context, status } = this.call;
    if (finalizer !== undefined) finalize(finalizer, { context, status, error });
  }
}
