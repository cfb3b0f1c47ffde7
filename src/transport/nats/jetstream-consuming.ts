/**
 * The messages of one consumer: each is run, and then acknowledged, sent back for later, or put aside.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import { verdictOf } from "../redelivery.ts";
import { ACK, TERM, WORKING } from "./jetstream-acks.ts";
import { JetStreamCall, type DeliveryHost } from "./jetstream-call.ts";
import type { ConsumerPlan, JetStreamPlan } from "./jetstream-consumer.ts";
import { putAside } from "./jetstream-dead.ts";
import { deliveryOf, type Delivery, type JetStreamMessage } from "./jetstream-delivery.ts";
import { Puller, type PullHost } from "./jetstream-puller.ts";
import type { JetStreamServing } from "./jetstream-serving.ts";
import type { NatsDraft } from "./message.ts";

/** How many messages that are done are remembered at least, and half of how many at most. */
const MAX_REMEMBERED = 10_000;

/** Between looks at what is at work, at most. */
const MAX_TICK_MS = 15_000;

/** The least a message waits that could not be put aside. */
const HOLD_MS = 1000;

const MS = 1_000_000;

/** Consumes one consumer. */
export class Consuming implements DeliveryHost, PullHost {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly hooks: Hooks<JetStreamMessage, NatsDraft>;
  readonly #serving: JetStreamServing;
  readonly #plan: ConsumerPlan;
  readonly #other: JetStreamPlan;
  readonly #puller: Puller;
  readonly #tickMs: number;
  readonly #calls = new Map<string, JetStreamCall>();
  /** A server that dies may have forgotten what it was told, and the count of deliveries: what is done is not done again here. */
  #done = new Set<string>();
  #doneBefore = new Set<string>();
  #settling = 0;
  #isLeaving = false;
  #timer: Timer | undefined = undefined;
  #idle: (() => void)[] = [];

  constructor(serving: JetStreamServing, plan: ConsumerPlan, ackWaitMs: number) {
    const { app, settings } = serving;
    this.clock = app.clock;
    this.limits = settings.limits;
    this.hooks = settings.hooks;
    this.#serving = serving;
    this.#plan = plan;
    this.#other = { bound: app.other, read: () => undefined };
    // A sign of life is due at half of the time: looked at twice as often, none is late.
    this.#tickMs = Math.min(ackWaitMs / 4, MAX_TICK_MS);
    const { domain, inboxPrefix, maxInFlight } = settings;
    const prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
    const subject = `${prefix}.CONSUMER.MSG.NEXT.${plan.stream}.${plan.durable}`;
    this.#puller = new Puller(this, { subject, inboxPrefix, room: maxInFlight });
  }

  get up(): NatsConnection | undefined {
    return this.#serving.up;
  }

  /** Begins, or goes on over a connection that is back. */
  start(): void {
    this.#puller.start();
  }

  async missed(problem: string): Promise<void> {
    const { stream, durable } = this.#plan;
    // Whoever deletes a consumer may want everything once more.
    if (/consumer deleted/i.test(problem)) {
      this.#done.clear();
      this.#doneBefore.clear();
    }
    try {
      await this.#serving.ensure(this.#plan);
    } catch (error) {
      if (this.up !== undefined)
        this.#serving.report(
          new Error(`the consumer ${durable} of ${stream} does not answer: ${problem}`, { cause: error }),
        );
      throw error;
    }
  }

  pulled(msg: Msg): void {
    try {
      this.#deliver(msg);
    } catch (error) {
      // Not into the package: it would stop to read.
      this.#serving.report(error);
      this.#puller.freed();
    }
  }

  #deliver(msg: Msg): void {
    const delivery = deliveryOf(msg, this.limits);
    if (delivery === undefined) return this.#puller.freed();
    const { key } = delivery;
    if (this.#again(delivery)) return this.#puller.freed();
    const plan = this.#plan.subjects.get(msg.subject) ?? this.#other;
    const call = new JetStreamCall(plan, delivery, { host: this, startMs: this.clock.now() });
    this.#calls.set(key, call);
    this.#timer ??= this.clock.expire(this.#tickMs, this);
    call.run(this.#problemOf(delivery, plan));
  }

  /** Whether a message is done already, or still at work. */
  #again(delivery: Delivery): boolean {
    const { key, reply } = delivery;
    if (this.#done.has(key) || this.#doneBefore.has(key)) {
      this.#serving.acks.send(reply, ACK);
      return true;
    }
    const call = this.#calls.get(key);
    if (call === undefined) return false;
    call.delivery = delivery;
    this.#serving.acks.say(reply, WORKING);
    return true;
  }

  #problemOf({ headers, deliveries }: Delivery, plan: JetStreamPlan): ServiceError | undefined {
    if (headers?.fault !== undefined) return headers.fault;
    if (plan === this.#other) return policyError("unknown_method");
    if (deliveries <= this.#serving.settings.redelivery.maxDeliveries) return undefined;
    return policyError("connection_lost", {
      message: "each delivery of the message ended without a word of its handler",
    });
  }

  succeeded(call: JetStreamCall): void {
    const { delivery } = call;
    this.#remember(delivery.key);
    this.#serving.acks.send(delivery.reply, ACK);
    this.#left(call);
  }

  // In two halves: forgetting them one by one costs more than all the rest of it.
  #remember(key: string): void {
    this.#done.add(key);
    if (this.#done.size < MAX_REMEMBERED) return;
    this.#doneBefore = this.#done;
    this.#done = new Set();
  }

  failed(call: JetStreamCall, error: ServiceError, isUnreadable: boolean): void {
    const { delivery } = call;
    const { acks, settings } = this.#serving;
    if (this.#isLeaving) {
      acks.say(delivery.reply, "-NAK");
      return this.#left(call);
    }
    const verdict = verdictOf(error, delivery.deliveries, settings);
    if (verdict.kind !== "again" || isUnreadable) return void this.#dead(call, error);
    this.#later(delivery, verdict.delayMs);
    this.#left(call);
  }

  #later({ reply }: Delivery, delayMs: number): void {
    const delay = Math.max(1, Math.round(delayMs)) * MS;
    this.#serving.acks.say(reply, `-NAK {"delay":${delay}}`);
  }

  // The place of the message stays taken meanwhile: what comes faster than it can be put aside waits in its stream.
  async #dead(call: JetStreamCall, error: ServiceError): Promise<void> {
    const { acks, settings } = this.#serving;
    const { delivery } = call;
    this.#settling++;
    try {
      const { up } = this;
      if (up === undefined) throw new Error("the connection is lost");
      await putAside(up, { delivery, error, subject: this.#plan.deadLetter, dateMs: this.clock.date() });
      acks.send(call.delivery.reply, TERM);
    } catch (cause) {
      const { message } = cause as Error;
      const where = `${delivery.stream} ${delivery.sequence}`;
      // It stays in its stream, and is tried again.
      this.#serving.report(new Error(`the message ${where} cannot be put aside: ${message}`, { cause }));
      this.#later(call.delivery, Math.max(HOLD_MS, settings.redelivery.maxDelayMs));
    }
    this.#settling--;
    this.#left(call);
  }

  #left(call: JetStreamCall): void {
    this.#calls.delete(call.delivery.key);
    this.#puller.freed();
    if (this.#calls.size > 0 || this.#settling > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Tells JetStream of what is still at work. */
  expire(): void {
    this.#timer = undefined;
    if (this.#calls.size === 0) return;
    const nowMs = this.clock.now();
    for (const call of this.#calls.values()) {
      if (nowMs - call.heardMs < this.#tickMs) continue;
      call.heardMs = nowMs;
      this.#serving.acks.say(call.delivery.reply, WORKING);
    }
    this.#timer = this.clock.expire(this.#tickMs, this);
  }

  /** Takes no more, and resolves when nothing is at work. */
  async drain(): Promise<void> {
    await this.#puller.stop();
    if (this.#calls.size > 0 || this.#settling > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }

  /** Calls off what is left: it goes back to its stream at once. */
  cut(): void {
    this.#isLeaving = true;
    void this.#puller.stop();
    this.#timer?.cancel();
    for (const call of [...this.#calls.values()]) call.abandon(policyError("draining"));
  }
}
