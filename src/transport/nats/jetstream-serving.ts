/**
 * A JetStream server at work: its consumers, over one connection, until it is drained.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import type { App, Listening } from "../server.ts";
import type { Link, LinkOwner } from "./link.ts";
import { Acks } from "./jetstream-acks.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { Consuming } from "./jetstream-consuming.ts";
import { consumerPlan, ensureConsumer, type ConsumerPlan, type JetStreamSettings } from "./jetstream-consumer.ts";

/** Serves one app. */
export class JetStreamServing implements Listening, LinkOwner {
  readonly clock: Clock;
  readonly settings: JetStreamSettings;
  readonly app: App;
  readonly acks: Acks;
  readonly #link: Link;
  #connection!: NatsConnection;
  #consumers: Consuming[] = [];
  #draining: Promise<void> | undefined = undefined;

  constructor(app: App, settings: JetStreamSettings, linked: (owner: LinkOwner) => Link) {
    this.app = app;
    this.settings = settings;
    this.clock = app.clock;
    this.acks = new Acks(settings.inboxPrefix, app.clock);
    this.#link = linked(this);
  }

  get addresses(): readonly string[] {
    return [`nats://${this.#connection.getServer()}`];
  }

  /** The connection while it stands. */
  get up(): NatsConnection | undefined {
    return this.#link.up;
  }

  /** Connects, makes what is missing, and consumes; rejects when that is not possible. */
  async open(): Promise<void> {
    const plans = plansOf(this.app, this.settings);
    try {
      this.#connection = await this.#link.ready();
    } catch (error) {
      const { cause } = error as ServiceError;
      const why = cause instanceof Error ? cause.message : String(cause ?? error);
      throw new Error(`NATS cannot be reached at ${this.#link.where}: ${why}`, { cause });
    }
    try {
      for (const plan of plans) {
        const ackWaitMs = await this.ensure(plan);
        this.#consumers.push(new Consuming(this, plan, ackWaitMs));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const one of this.#consumers) one.start();
  }

  /** Makes what is missing of a consumer; returns how long it waits for an acknowledgement. */
  async ensure(plan: ConsumerPlan): Promise<number> {
    const { up } = this;
    if (up === undefined) throw new Error("the connection is lost");
    try {
      return await ensureConsumer(new JetStreamApi(up, this.settings.domain), plan, this.settings);
    } catch (error) {
      const { message, name } = error as Error;
      const isAway = /no ?responders/i.test(`${name} ${message}`);
      throw new Error(
        `jetstream: ${plan.stream}: ${isAway ? "the server has no JetStream (start it with -js)" : message}`,
        {
          cause: error,
        },
      );
    }
  }

  report(error: unknown): void {
    const { around, info } = this.app.other;
    try {
      around.report(error, info);
    } catch {
      // Nobody is left to be told.
    }
  }

  connected(connection: NatsConnection): void {
    this.acks.listen(connection, () => this.#link.up);
  }

  lost(): void {
    // Handlers go on: what they are done with is acknowledged when the connection is back.
  }

  back(): void {
    // In this order: what is done must not be delivered again first.
    this.acks.back();
    if (this.#draining === undefined) for (const one of this.#consumers) one.start();
  }

  ended(error: Error | undefined): void {
    this.report(new Error(`the connection to NATS is over: ${error?.message ?? "closed"}`, { cause: error }));
  }

  /** Asks for no more messages, and waits for those at work and their acknowledgements. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#consumers.map((one) => one.drain()));
    if (this.up !== undefined) await this.acks.idle();
    await this.#link.flush(this.clock);
  }

  async close(): Promise<void> {
    this.#draining ??= Promise.resolve();
    for (const one of this.#consumers) one.cut();
    await this.#link.close(this.clock);
    this.acks.close();
  }
}

function plansOf(app: App, settings: JetStreamSettings): readonly ConsumerPlan[] {
  const plans = app.services
    .map((service) => consumerPlan(service, settings))
    .filter((plan): plan is ConsumerPlan => plan !== undefined);
  const names = app.services.map(({ name }) => name).join(", ");
  if (plans.length === 0)
    throw new TypeError(
      `jetstreamServer serves one-way methods, and ${names} has none: declare them with oneWay({ request }), or serve it with natsServer`,
    );
  const taken = new Set<string>();
  for (const { stream, durable } of plans) {
    const name = `${stream} ${durable}`;
    if (taken.has(name))
      throw new RangeError(
        `durable should name one service's consumer: "${durable}" of ${stream} is that of two of ${names}`,
      );
    taken.add(name);
  }
  return plans;
}
