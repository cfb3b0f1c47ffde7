/**
 * Acknowledgements that the server confirms. One that was lost with its connection would have the message done once more,
 * maybe by somebody else: so each is sent again until it is confirmed.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { systemRandom, type Clock, type Timer } from "../../time/index.ts";

/** How many may be without a confirmation; of more, the oldest are forgotten: their messages come again. */
const MAX_WAITING = 10_000;

/** How long a confirmation may take before the acknowledgement is sent again. */
const PATIENCE_MS = 2000;

/** The longest that anybody waits for the last ones. */
const IDLE_MS = 5000;

/** Done. */
export const ACK = "+ACK";
/** Done with, and put aside. */
export const TERM = "+TERM";
/** Still at work. */
export const WORKING = "+WPI";

interface Ack {
  readonly reply: string;
  readonly word: string;
  sentMs: number;
}

/** The acknowledgements of one server. */
export class Acks {
  readonly #clock: Clock;
  readonly #inbox: string;
  readonly #waiting = new Map<number, Ack>();
  #connection: (() => NatsConnection | undefined) | undefined = undefined;
  #lastId = 0;
  #timer: Timer | undefined = undefined;
  #idle: (() => void)[] = [];

  constructor(inboxPrefix: string, clock: Clock) {
    this.#inbox = `${inboxPrefix}.${systemRandom.hex(11)}.`;
    this.#clock = clock;
  }

  /** Hears confirmations on a new connection; `up` gives it while it stands. */
  listen(connection: NatsConnection, up: () => NatsConnection | undefined): void {
    this.#connection = up;
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, msg) => {
        if (error === null) this.#confirmed(Number(msg.subject.slice(this.#inbox.length)));
      },
    });
  }

  #confirmed(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Says a word about a delivery, until it is confirmed. */
  send(reply: string, word: string): void {
    const id = ++this.#lastId;
    const ack = { reply, word, sentMs: this.#clock.now() };
    this.#waiting.set(id, ack);
    if (this.#waiting.size > MAX_WAITING)
      for (const oldest of this.#waiting.keys()) {
        this.#waiting.delete(oldest);
        break;
      }
    this.#publish(id, ack);
    this.#timer ??= this.#clock.expire(PATIENCE_MS, this);
  }

  /** Says a word once, whether it arrives or not. */
  say(reply: string, word: string): void {
    try {
      this.#connection?.()?.publish(reply, word);
    } catch {
      // The connection is over: the message comes again.
    }
  }

  #publish(id: number, { reply, word }: Ack): void {
    try {
      this.#connection?.()?.publish(reply, word, { reply: this.#inbox + id });
    } catch {
      // The same.
    }
  }

  /** Sends again what waits for too long. */
  expire(): void {
    this.#timer = undefined;
    const beforeMs = this.#clock.now() - PATIENCE_MS;
    this.#again(beforeMs);
    if (this.#waiting.size > 0) this.#timer = this.#clock.expire(PATIENCE_MS, this);
  }

  /** The connection is back: what was said at its end may not have arrived. */
  back(): void {
    this.#again(Infinity);
  }

  #again(beforeMs: number): void {
    const nowMs = this.#clock.now();
    for (const [id, ack] of this.#waiting) {
      // They stand in order.
      if (ack.sentMs > beforeMs) break;
      ack.sentMs = nowMs;
      this.#publish(id, ack);
    }
  }

  /** Resolves when all are confirmed, or that takes too long. */
  idle(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(IDLE_MS, resolve);
      this.#idle.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Nobody hears confirmations any more. */
  close(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
