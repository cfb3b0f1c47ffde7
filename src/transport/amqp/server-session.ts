/**
 * What a server has on one connection: its channels, its consumers, and the calls that came over them.
 *
 * @module
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import { verdictOf } from "../redelivery.ts";
import type { App } from "../server.ts";
import { bufferOf } from "../text.ts";
import { AmqpCall, mayHaveRun, type Delivery } from "./call.ts";
import type { AmqpReply } from "./message.ts";
import type { QueuePlan, ServerSettings } from "./plan.ts";
import type { Recent } from "./recent.ts";
import { publish } from "./publish.ts";
import { Redeliverer, type Failed } from "./redeliverer.ts";
import { declare, takeDown } from "./topology.ts";
import { countOf, DELIVERIES, Headers, QUORUM_DELIVERIES } from "./wire.ts";

/** How long a message is kept that could be neither sent on nor put aside, before it goes back as it is. */
const HOLD_MS = 1000;

/** What sessions of one server share. */
export interface SessionOptions {
  readonly app: App;
  readonly settings: ServerSettings;
  /** What one server was done with, over all its connections. */
  readonly recent: Recent;
}

interface Channels {
  readonly model: ChannelModel;
  /** For consumers, answers and acknowledgements, so that they stay in order. */
  readonly channel: Channel;
  readonly redeliverer: Redeliverer;
}

/** A connection's consumers and calls. */
export class ServerSession {
  readonly #options: SessionOptions;
  readonly #model: ChannelModel;
  readonly #channel: Channel;
  readonly #redeliverer: Redeliverer;
  readonly #tags = new Map<QueuePlan, string>();
  readonly #calls = new Set<AmqpCall>();
  /** Deliveries whose message is being sent on. */
  #settling = 0;
  #idle: (() => void)[] = [];
  /** The connection is gone: whatever was not acknowledged comes again by itself. */
  isOver = false;
  #isLeaving = false;

  private constructor(options: SessionOptions, { model, channel, redeliverer }: Channels) {
    this.#options = options;
    this.#model = model;
    this.#channel = channel;
    this.#redeliverer = redeliverer;
  }

  /** Opens the channels. Nothing is consumed yet. `lost` hears of a channel that the broker closed. */
  static async open(
    options: SessionOptions,
    model: ChannelModel,
    lost: (error: Error) => void,
  ): Promise<ServerSession> {
    const channel = await model.createChannel();
    const confirmed = await model.createConfirmChannel();
    for (const one of [channel, confirmed]) {
      one.on("error", lost);
      one.on("close", () => lost(new Error("a channel was closed")));
    }
    const { app, settings } = options;
    const redeliverer = new Redeliverer(model, confirmed, { clock: app.clock, limits: settings.limits });
    return new ServerSession(options, { model, channel, redeliverer });
  }

  get clock(): Clock {
    return this.#options.app.clock;
  }

  /** Declares a queue and begins to consume it. */
  async consume(queue: QueuePlan, lost: (error: Error) => void): Promise<void> {
    await declare(this.#channel, queue.settings);
    await this.#channel.prefetch(queue.settings.prefetch);
    const { consumerTag } = await this.#channel.consume(queue.settings.name, (message) => {
      // What is thrown here would close the channel.
      if (message === null) return lost(new Error(`the queue ${queue.settings.name} was deleted`));
      try {
        this.#deliver(queue, message);
      } catch (error) {
        this.report(error);
      }
    });
    this.#tags.set(queue, consumerTag);
  }

  #deliver(queue: QueuePlan, message: ConsumeMessage): void {
    const { settings, recent } = this.#options;
    const { properties, fields } = message;
    const headers = new Headers(properties.headers, settings.limits);
    const { type, replyTo } = properties as { readonly type?: unknown; readonly replyTo?: unknown };
    const plan = queue.only ?? queue.methods.get(String(type)) ?? queue.other;
    const { info } = plan.bound;
    const delivery: Delivery = {
      message,
      queue,
      session: this,
      headers,
      replyTo: typeof replyTo === "string" && replyTo !== "" && info.oneWay !== true ? replyTo : undefined,
      startMs: this.clock.now(),
    };
    let problem: ServiceError | undefined;
    if (headers.isTooMuch) problem = policyError("too_many_headers");
    else if (plan === queue.other) problem = policyError("unknown_method");
    else if (fields.redelivered) {
      // The delivery before this one ended with its connection, as those do that end their process: it counts.
      const before = deliveriesBefore(message);
      if (delivery.replyTo === undefined && recent.has(queue.settings.name, message)) return this.ack(delivery);
      if (delivery.replyTo !== undefined) problem = info.idempotent ? undefined : mayHaveRun();
      else if (before >= settings.redelivery.maxDeliveries) return this.#tooOften(delivery, before);
    }
    const call = new AmqpCall(plan, delivery, settings);
    this.#calls.add(call);
    call.run(problem);
  }

  #tooOften(delivery: Delivery, deliveries: number): void {
    const { message, queue } = delivery;
    const error = policyError("connection_lost", { message: "each delivery of the message ended with its connection" });
    this.#send({ message, queue: queue.settings, deliveries, error }, delivery, true);
  }

  /** Publishes an answer; returns the bytes of its body. The broker has it before the acknowledgement that follows. */
  answer({ message, replyTo }: Delivery, { body, contentType, headers }: AmqpReply): number {
    const content = bufferOf(body);
    const { correlationId } = message.properties as { readonly correlationId: string };
    const options = { correlationId, contentType, headers };
    publish(this.#channel, { exchange: "", routingKey: replyTo!, content, options });
    return content.length;
  }

  /** The message is done with. */
  ack({ message, queue, replyTo }: Delivery): void {
    if (replyTo === undefined) this.#options.recent.add(queue.settings.name, message);
    if (!this.isOver) this.#channel.ack(message);
  }

  /** A message that nobody waits for an answer to has failed: it comes again, or is put aside. */
  settle(delivery: Delivery, error: ServiceError, isUnreadable: boolean): void {
    if (this.#isLeaving) return;
    const { message, queue } = delivery;
    const deliveries = deliveriesBefore(message) + 1;
    this.#send({ message, queue: queue.settings, deliveries, error }, delivery, isUnreadable);
  }

  #send(failed: Failed, delivery: Delivery, isFinal: boolean): void {
    const { settings } = this.#options;
    const verdict = verdictOf(failed.error, failed.deliveries, settings);
    this.#settling++;
    const sent =
      verdict.kind === "again" && !isFinal
        ? this.#redeliverer.again(failed, verdict.delayMs)
        : this.#redeliverer.dead(failed);
    sent
      .then(
        () => this.ack(delivery),
        (error: unknown) => this.#hold(delivery, error),
      )
      .catch((error: unknown) => this.report(error))
      .finally(() => {
        this.#settling--;
        this.#leave();
      });
  }

  #hold({ message }: Delivery, error: unknown): void {
    if (this.isOver) return;
    this.report(error);
    this.clock.expire(HOLD_MS, { expire: () => this.#giveBack(message) });
  }

  #giveBack(message: ConsumeMessage): void {
    try {
      if (!this.isOver) this.#channel.nack(message, false, true);
    } catch {
      // The channel is closing: then it goes back by itself.
    }
  }

  /** A call is over. */
  left(call: AmqpCall): void {
    this.#calls.delete(call);
    this.#leave();
  }

  #leave(): void {
    if (this.#calls.size > 0 || this.#settling > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Takes no more, takes down queues that nobody else serves, and lets what has come finish. */
  async drain(): Promise<void> {
    try {
      for (const tag of this.#tags.values()) await this.#channel.cancel(tag);
      const passing = [...this.#tags.keys()].filter(({ isPassing }) => isPassing);
      for (const { settings } of passing) await takeDown(this.#model, settings.name);
    } catch (error) {
      // A connection that is lost now has nothing to be drained.
      if (!this.isOver) this.report(error);
    }
    if (this.#calls.size > 0 || this.#settling > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Calls off what is left: callers are told, and messages nobody waits for go back to their queues. */
  leave(): void {
    this.#isLeaving = true;
    this.#end(policyError("draining"));
  }

  /** The connection is gone: whatever was not acknowledged comes again by itself. */
  lost(): void {
    this.isOver = true;
    this.#end(policyError("connection_lost"));
  }

  #end(reason: ServiceError): void {
    for (const call of this.#calls) call.abandon(reason);
    this.isOver = true;
    this.#idle.splice(0).forEach((resolve) => resolve());
  }

  report(error: unknown): void {
    const { around, info } = this.#options.app.other;
    try {
      around.report(error, info);
    } catch {
      // Nobody is left to be told.
    }
  }
}

/** How often a message was delivered before: as it says itself, and as the broker knows. */
function deliveriesBefore({ properties, fields }: ConsumeMessage): number {
  const { headers } = properties;
  // Quorum queues count; of others it is known only that there was one.
  const isCounted = headers !== undefined && Object.hasOwn(headers, QUORUM_DELIVERIES);
  return countOf(headers, DELIVERIES) + (isCounted ? countOf(headers, QUORUM_DELIVERIES) : Number(fields.redelivered));
}
