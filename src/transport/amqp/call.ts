/**
 * One message on its way through the server.
 *
 * @module
 */
import type { ConsumeMessage } from "amqplib";
import type { CallStart } from "../../endpoint/index.ts";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import { bareFailure, writeFailure } from "../failure.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { bufferOf } from "../text.ts";
import { timeoutOf } from "../timeout.ts";
import { requestOf, type AmqpReply, type AmqpRequest } from "./message.ts";
import type { MethodPlan, QueuePlan, ServerSettings } from "./plan.ts";
import type { ServerSession } from "./server-session.ts";
import { ERROR_CODE, isOwnHeader, SENT, type Headers } from "./wire.ts";

/** A message as it was delivered. */
export interface Delivery {
  readonly message: ConsumeMessage;
  readonly queue: QueuePlan;
  readonly session: ServerSession;
  readonly headers: Headers;
  /** Where its answer goes; undefined when nobody waits for one. */
  readonly replyTo: string | undefined;
  readonly startMs: number;
}

/** Drives one call, from its message to its acknowledgement. */
export class AmqpCall extends ServerCall<AmqpRequest, AmqpReply> {
  readonly #plan: MethodPlan;
  readonly #from: Delivery;
  #view: AmqpRequest | undefined = undefined;
  /** Whether the message itself is at fault, which no other delivery mends. */
  #isUnreadable = false;

  constructor(plan: MethodPlan, from: Delivery, settings: ServerSettings) {
    super(plan.bound, startOf(plan, from, settings), settings.hooks);
    this.#plan = plan;
    this.#from = from;
    const { properties, content } = from.message;
    this.requestBytes = content.length;
    this.peer = typeof properties.userId === "string" ? properties.userId : "";
    this.target = typeof properties.type === "string" ? properties.type : from.queue.settings.name;
  }

  get request(): AmqpRequest {
    return (this.#view ??= requestOf(this.#from.queue.settings.name, this.#from.message));
  }

  /** Runs the call; `problem` is what is wrong with the message before it is looked into. */
  run(problem: ServiceError | undefined): void {
    this.begin();
    if (problem !== undefined) {
      this.#isUnreadable = true;
      return this.fail(problem);
    }
    const admitted = this.admit();
    if (admitted === true) this.#receive();
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.#receive() : undefined));
  }

  #receive(): void {
    if (this.outcome !== undefined) return;
    let wire: unknown;
    try {
      wire = this.#plan.read(this.#from.message);
    } catch (error) {
      this.#isUnreadable = true;
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  protected succeed(response: unknown): void {
    const { session, replyTo } = this.#from;
    if (replyTo === undefined) {
      session.ack(this.#from);
      return this.finish("ok");
    }
    const reply: AmqpReply = {
      body: this.#plan.write(response),
      contentType: this.#plan.contentType,
      headers: {},
    };
    if (this.hooks.after !== undefined) this.after(reply);
    this.#addMetadata(reply.headers);
    this.responseBytes = session.answer(this.#from, reply);
    session.ack(this.#from);
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    const { session, replyTo } = this.#from;
    if (replyTo !== undefined) this.#sayWhy(error);
    else if (!session.isOver) session.settle(this.#from, error, this.#isUnreadable);
    this.finish(error.code);
  }

  #sayWhy(error: ServiceError): void {
    const { session } = this.#from;
    if (session.isOver) return;
    const reply = this.#encoded(error) ?? this.#failure(error);
    this.#addMetadata(reply.headers);
    try {
      this.responseBytes = session.answer(this.#from, reply);
    } catch (thrown) {
      this.report(thrown);
      this.responseBytes = session.answer(this.#from, this.#failure(bareFailure(error)));
    }
    session.ack(this.#from);
  }

  /** The answer as the user's encoder has it, when there is one and what it says can be sent. */
  #encoded(error: ServiceError): AmqpReply | undefined {
    if (this.hooks.errorEncoder === undefined) return undefined;
    const reply = this.#failure(error);
    return this.encodeError(error, reply) && this.guarded(() => void bufferOf(reply.body)) ? reply : undefined;
  }

  #failure(error: ServiceError): AmqpReply {
    return {
      body: writeFailure(error, (thrown) => this.report(thrown)),
      contentType: "application/json",
      headers: { [ERROR_CODE]: error.code, [REQUEST_ID]: this.requestId },
    };
  }

  // What a hook sets goes before it.
  #addMetadata(headers: Record<string, unknown>): void {
    for (const [name, value] of this.outgoingIfAny ?? [])
      if (!isOwnHeader(name) && !Object.hasOwn(headers, name)) headers[name] = value;
  }

  protected override finish(outcome: Outcome): void {
    super.finish(outcome);
    this.#from.session.left(this);
  }
}

function startOf(plan: MethodPlan, from: Delivery, settings: ServerSettings): CallStart {
  const { info, around } = plan.bound;
  return {
    startMs: from.startMs,
    // Whoever waits for no answer has left: what is told may be done whenever it is come to.
    timeoutMs: from.replyTo === undefined ? info.timeoutMs : timeLeft(info.timeoutMs, from, settings.maxClockSkewMs),
    transport: "amqp",
    incoming: from.headers,
    values: around.values,
  };
}

/** What is left of the caller's time after the message waited in its queue. */
function timeLeft(ownMs: number, { headers, message, session }: Delivery, maxSkewMs: number): number {
  const { expiration } = message.properties as { readonly expiration?: unknown };
  const givenMs = timeoutOf(headers.get(TIMEOUT), timeoutOf(expiration as string | undefined, Infinity));
  if (givenMs === Infinity) return ownMs;
  const sent = headers.get(SENT);
  if (sent === undefined || !/^\d{1,15}$/.test(sent)) return Math.min(ownMs, givenMs);
  const waitedMs = Math.max(0, session.clock.date() - Number(sent) - maxSkewMs);
  return Math.min(ownMs, givenMs - waitedMs);
}

/** The error for a request that may have run already, and must not twice. */
export function mayHaveRun(): ServiceError {
  return policyError("connection_lost", {
    message: "the request came again after a connection was lost; it may have run already, and is not idempotent",
  });
}
