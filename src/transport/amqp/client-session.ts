/**
 * What a client has on one connection: a channel to ask on, with the one consumer of all replies, and a channel to tell on,
 * whose messages the broker confirms.
 *
 * @module
 */
import type { Channel, ChannelModel, ConfirmChannel, Message } from "amqplib";
import { holdProcess } from "./connect.ts";
import { publish, type Outgoing } from "./publish.ts";

/** Direct reply-to: replies come without a queue (RabbitMQ, "Direct Reply-to"). */
const DIRECT = "amq.rabbitmq.reply-to";

/** How many told messages may be without a confirmation: then the next waits. */
const MAX_UNCONFIRMED = 10_000;

/** Who is told of what comes. */
export interface SessionListener {
  /** A reply has come. */
  replied(message: Message): void;
  /** A message found no queue. */
  returned(message: Message): void;
  /** There is room again. */
  ready(): void;
}

/** A connection of a client. */
export class ClientSession {
  readonly #asks: Channel;
  readonly #tells: ConfirmChannel;
  readonly replyTo: string;
  #isFull = false;
  #isBlocked = false;
  #unconfirmed = 0;

  private constructor(asks: Channel, tells: ConfirmChannel, replyTo: string) {
    this.#asks = asks;
    this.#tells = tells;
    this.replyTo = replyTo;
  }

  /** Opens the channels and the consumer of replies. `lost` hears of what the broker closed. */
  static async open(
    model: ChannelModel,
    {
      replies,
      listener,
      lost,
    }: { replies: "direct" | "exclusive"; listener: SessionListener; lost(error: Error): void },
  ): Promise<ClientSession> {
    const asks = await model.createChannel();
    const tells = await model.createConfirmChannel();
    for (const channel of [asks, tells]) {
      channel.on("error", lost);
      channel.on("close", () => lost(new Error("a channel was closed")));
      channel.on("return", (message) => listener.returned(message));
    }
    let replyTo = DIRECT;
    if (replies === "exclusive")
      ({ queue: replyTo } = await asks.assertQueue("", { exclusive: true, durable: false, autoDelete: true }));
    await asks.consume(
      replyTo,
      (message) => (message === null ? lost(new Error("the reply queue was deleted")) : listener.replied(message)),
      { noAck: true },
    );
    const session = new ClientSession(asks, tells, replyTo);
    for (const channel of [asks, tells]) {
      channel.on("drain", () => {
        session.#isFull = false;
        listener.ready();
      });
    }
    model.on("blocked", () => (session.#isBlocked = true));
    model.on("unblocked", () => {
      session.#isBlocked = false;
      listener.ready();
    });
    session.#onConfirmed = () => listener.ready();
    // Calls that wait keep the process up by their deadlines; a connection nobody uses does not.
    holdProcess(model, false);
    return session;
  }

  #onConfirmed: () => void = () => undefined;

  /** Whether the broker takes more than it has been given. */
  get hasRoom(): boolean {
    return !this.#isFull && !this.#isBlocked && this.#unconfirmed < MAX_UNCONFIRMED;
  }

  /** Publishes a request that is answered. */
  ask(outgoing: Outgoing): void {
    if (!publish(this.#asks, outgoing)) this.#isFull = true;
  }

  /** Publishes a message; `confirmed` hears when the broker has it, or why it has not. */
  tell({ exchange, routingKey, content, options }: Outgoing, confirmed: (error: unknown) => void): void {
    const hasRoom = this.#tells.publish(exchange, routingKey, content, options, (error: unknown) => {
      const wasFull = this.#unconfirmed-- === MAX_UNCONFIRMED;
      confirmed(error);
      if (wasFull) this.#onConfirmed();
    });
    this.#unconfirmed++;
    if (!hasRoom) this.#isFull = true;
  }
}
