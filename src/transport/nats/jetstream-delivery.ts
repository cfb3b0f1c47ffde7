/**
 * One delivery of a stored message: where it stands in its stream, and how often it came.
 *
 * @module
 */
import type { Msg } from "@nats-io/transport-node";
import type { Carrier } from "../../endpoint/index.ts";
import type { Limits } from "../limits.ts";
import { readHeaders, type NatsHeaders } from "./headers.ts";
import { MessageView, type NatsMessage } from "./message.ts";

/** How often a message was delivered before: metadata of what comes again, and a header of dead letters. */
export const DELIVERIES = "x-deliveries";

/** A stored message, as hooks of the server see it. */
export interface JetStreamMessage extends NatsMessage {
  readonly stream: string;
  /** Its number in the stream, from 1. */
  readonly sequence: number;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
  /** When it was stored, in milliseconds since 1970. */
  readonly storedMs: number;
}

/** A delivery. */
export class Delivery implements Carrier {
  readonly msg: Msg;
  readonly stream: string;
  readonly sequence: number;
  readonly deliveries: number;
  /** Nanoseconds since 1970, as text: more than a number holds. */
  readonly stored: string;
  readonly headers: NatsHeaders | undefined;
  /** Where it is acknowledged. */
  readonly reply: string;

  constructor(msg: Msg, place: readonly string[], limits: Limits) {
    this.msg = msg;
    this.reply = msg.reply!;
    this.stream = place[0]!;
    this.deliveries = Number(place[2]);
    this.sequence = Number(place[3]);
    this.stored = place[5]!;
    this.headers = readHeaders(msg, Buffer.byteLength(msg.subject) + this.reply.length, limits);
  }

  /** The message, whichever delivery it is. A stream that was made anew has the same numbers, not at the same times. */
  get key(): string {
    return `${this.sequence}@${this.stored}`;
  }

  /** Metadata: that of the publisher, and how often it came before. */
  get(name: string): string | undefined {
    if (name.toLowerCase() !== DELIVERIES) return this.headers?.get(name);
    return this.deliveries > 1 ? String(this.deliveries - 1) : undefined;
  }
}

/** Reads a delivery; undefined when a message is none. */
export function deliveryOf(msg: Msg, limits: Limits): Delivery | undefined {
  const tokens = msg.reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  // $JS.ACK.stream.consumer.deliveries.sequence.consumer sequence.time.pending, and in newer servers with domain and account
  // in front, and one more behind.
  const place = tokens.length === 9 ? tokens.slice(2) : tokens.slice(4);
  if (place.length < 7 || !(Number(place[2]) >= 1) || !(Number(place[3]) >= 1)) return undefined;
  return new Delivery(msg, place, limits);
}

/** A delivery for hooks. */
export class DeliveryView extends MessageView implements JetStreamMessage {
  readonly #delivery: Delivery;

  constructor(delivery: Delivery) {
    super(delivery.msg, delivery.headers);
    this.#delivery = delivery;
  }

  // What stands there is JetStream's: nobody waits for an answer.
  override get reply(): string {
    return "";
  }

  get stream(): string {
    return this.#delivery.stream;
  }

  get sequence(): number {
    return this.#delivery.sequence;
  }

  get deliveries(): number {
    return this.#delivery.deliveries;
  }

  get storedMs(): number {
    return Math.floor(Number(this.#delivery.stored) / 1e6);
  }
}
