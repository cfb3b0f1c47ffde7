/**
 * One request of a client: what is published for it, and what its reply means.
 *
 * @module
 */
import type { Message } from "amqplib";
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { isCode, policyError, ServiceError, toServiceError } from "../../errors/index.ts";
import type { ClientHooks } from "../client-hooks.ts";
import { finalize } from "../client-hooks.ts";
import type { Codec } from "../codec.ts";
import { failureIn } from "../failure.ts";
import type { Limits } from "../limits.ts";
import { addContext, addMetadata, type Owner } from "../outgoing.ts";
import type { Waiting } from "../pending.ts";
import { bufferOf } from "../text.ts";
import { bodyOf } from "./body.ts";
import type { AmqpClientRequest, AmqpClientResponse, AmqpProperties } from "./message.ts";
import type { Outgoing } from "./publish.ts";
import { ERROR_CODE, Headers, isOwnHeader, SENT, tableOf } from "./wire.ts";

/** What is prepared once per method. */
export interface ClientPlan {
  readonly exchange: string;
  readonly routingKey: string;
  /** What the server knows the method by. */
  readonly type: string;
  readonly isOneWay: boolean;
  readonly contentType: string;
  /** Headers of every request, as names and values in turn. */
  readonly constant: readonly string[];
  /** What replies are written in. */
  readonly answers: Codec;
  readonly limits: Limits;
  readonly hooks: ClientHooks<AmqpClientRequest, AmqpClientResponse>;
  readonly peer: string;
  write(request: unknown): string | Uint8Array;
  read(body: string | Uint8Array): unknown;
}

/** When and as what a request is published. */
export interface Publication {
  readonly id: number;
  readonly nowMs: number;
  readonly dateMs: number;
  readonly replyTo: string;
  /** Makes numbers of messages that are told into names nobody else gives. */
  readonly prefix: string;
}

const OWNER: Owner = { name: "AMQP", isOwn: isOwnHeader };

/** A request from its call to its end. */
export class Exchange implements Waiting {
  readonly plan: ClientPlan;
  readonly call: ActiveCall;
  #body: string | Uint8Array = "";
  readonly #resolve: (wire: unknown) => void;
  readonly #reject: (error: ServiceError) => void;
  /** While it waits to be published. */
  waits: Subscription | undefined = undefined;

  constructor(plan: ClientPlan, from: Waiting) {
    this.plan = plan;
    this.call = from.call;
    this.#resolve = from.resolve;
    this.#reject = from.reject;
    this.call.peer = plan.peer;
  }

  /** Writes the request; false when it cannot be, or nobody waits any more, which settles the call. */
  write(request: unknown): boolean {
    const { canceledBy } = this.call;
    try {
      if (canceledBy === undefined) {
        this.#body = this.plan.write(request);
        return true;
      }
      this.reject(canceledBy);
    } catch (thrown) {
      this.reject(thrown);
    }
    return false;
  }

  /**
   * What is published.
   *
   * @throws {ServiceError} deadline_exceeded, or invalid_request when the metadata cannot be sent; and what a hook throws.
   */
  outgoing({ id, nowMs, dateMs, replyTo, prefix }: Publication): Outgoing {
    const { plan, call } = this;
    const { context } = call;
    const leftMs = context.deadlineMs - nowMs;
    if (leftMs <= 0) throw policyError("deadline_exceeded");
    const list = [...plan.constant];
    // What is told is done whenever it is come to, so its time does not travel.
    addContext(list, context, plan.isOneWay ? Infinity : leftMs);
    addMetadata(list, call, OWNER);
    const headers = tableOf(list);
    headers[SENT] = Math.floor(dateMs);
    const { contentType, type } = plan;
    const options: Record<string, unknown> = { contentType, type, headers, mandatory: true };
    if (plan.isOneWay) {
      options["persistent"] = true;
      options["messageId"] = `${prefix}${id}`;
    } else {
      options["replyTo"] = replyTo;
      options["correlationId"] = String(id);
      if (leftMs < 0x7fffffff) options["expiration"] = String(Math.max(1, Math.floor(leftMs)));
    }
    const { exchange, routingKey } = plan;
    const { before } = plan.hooks;
    if (before === undefined) {
      const content = bufferOf(this.#body);
      call.requestBytes = content.length;
      return { exchange, routingKey, content, options };
    }
    const request: AmqpClientRequest = { exchange, routingKey, body: this.#body, headers, options };
    for (const one of before) one(context, request);
    const content = bufferOf(request.body);
    call.requestBytes = content.length;
    return { exchange: request.exchange, routingKey: request.routingKey, content, options };
  }

  /**
   * The wire value of a reply.
   *
   * @throws {ServiceError} what the peer answered, or why its answer cannot be read.
   */
  answerOf(message: Message): unknown {
    const { plan, call } = this;
    const { properties, content } = message;
    const headers = new Headers(properties.headers, plan.limits);
    call.incoming = headers;
    call.responseBytes = content.length;
    if (headers.isTooMuch) throw policyError("too_many_headers");
    const { after } = plan.hooks;
    if (after !== undefined) {
      const response: AmqpClientResponse = {
        properties: properties as AmqpProperties,
        headers: properties.headers ?? {},
        body: content,
      };
      for (const one of after) one(call.context, response);
    }
    const code = headers.get(ERROR_CODE);
    if (code !== undefined) throw failureIn(content, plan.limits, { code: isCode(code) ? code : "unknown" });
    try {
      return plan.read(bodyOf(message, plan.answers, plan.limits));
    } catch (cause) {
      if (ServiceError.is(cause) && cause.reason === "too_large") throw cause;
      throw policyError("invalid_response", { message: "the answer cannot be read", cause });
    }
  }

  resolve(wire: unknown): void {
    this.#finish(undefined);
    this.#resolve(wire);
  }

  reject(thrown: unknown): void {
    const error = toServiceError(thrown);
    this.#finish(error);
    this.#reject(error);
  }

  #finish(error: ServiceError | undefined): void {
    const { finalizer } = this.plan.hooks;
    if (finalizer !== undefined) finalize(finalizer, { context: this.call.context, status: 0, error });
  }
}
