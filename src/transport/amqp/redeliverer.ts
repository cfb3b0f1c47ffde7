/**
 * Messages that failed: published again to a queue where they wait and from which the broker sends them back, or put
 * aside as dead letters. Either way the broker has confirmed it before the delivery is acknowledged. Plain RabbitMQ has no
 * delayed messages; a queue whose messages expire back into the work queue does the same.
 *
 * @module
 */
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib";
import type { ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import type { QueueSettings } from "./queues.ts";
import { DELIVERIES, ERROR_CODE, Headers, isDeath, type HeaderTable } from "./wire.ts";

/** The longest wait: a day. */
const MAX_WAIT_MS = 86_400_000;

/** How long a declaration is believed. A wait queue nobody declares again goes only after longer than that. */
const BELIEVED_MS = 30_000;

/** How much longer than its messages a wait queue that is not used stays. */
const UNUSED_MS = 60_000;

/** A delivery that failed. */
export interface Failed {
  readonly message: ConsumeMessage;
  readonly queue: QueueSettings;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
  readonly error: ServiceError;
}

/** Sends messages of one connection on. */
export class Redeliverer {
  readonly #model: ChannelModel;
  readonly #channel: ConfirmChannel;
  readonly #clock: Clock;
  readonly #limits: Limits;
  #declarer: Channel | undefined = undefined;
  #declaring: Promise<unknown> = Promise.resolve();
  /** By queue: when it was declared. */
  readonly #declared = new Map<string, number>();
  /** By queue: whose messages the broker has not confirmed. */
  readonly #unconfirmed = new Map<string, Set<(error: Error) => void>>();

  constructor(
    model: ChannelModel,
    channel: ConfirmChannel,
    options: { readonly clock: Clock; readonly limits: Limits },
  ) {
    this.#model = model;
    this.#channel = channel;
    this.#clock = options.clock;
    this.#limits = options.limits;
    // A queue that somebody deleted: what was sent there is nowhere.
    channel.on("return", ({ fields }) => {
      this.#declared.delete(fields.routingKey);
      const error = new Error(`the queue ${fields.routingKey} is gone`);
      for (const reject of this.#unconfirmed.get(fields.routingKey) ?? []) reject(error);
    });
  }

  /** Has a message come again after a while; resolves when the broker has it. */
  async again(failed: Failed, delayMs: number): Promise<void> {
    const waitMs = waitOf(delayMs);
    const { name } = failed.queue;
    const queue = `${name}.wait.${waitMs}`;
    await this.#declare(queue, {
      "x-message-ttl": waitMs,
      "x-expires": waitMs * 2 + UNUSED_MS,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": name,
    });
    await this.#publish(queue, failed, {});
  }

  /** Puts a message aside with what was wrong; resolves when the broker has it. */
  async dead(failed: Failed): Promise<void> {
    const { code, reason, message } = failed.error;
    const queue = failed.queue.deadLetterQueue;
    await this.#declare(queue, undefined);
    await this.#publish(queue, failed, {
      [ERROR_CODE]: code,
      "x-error-reason": reason,
      "x-error-message": message.slice(0, 1000),
      "x-failed-in": failed.queue.name,
      "x-failed-at": new Date(this.#clock.date()).toISOString(),
    });
  }

  #declare(queue: string, expiring: Readonly<Record<string, unknown>> | undefined): Promise<void> {
    const isFresh = (): boolean => {
      const atMs = this.#declared.get(queue);
      return atMs !== undefined && (expiring === undefined || this.#clock.now() - atMs < BELIEVED_MS);
    };
    if (isFresh()) return Promise.resolve();
    // One after the other: a refusal closes the channel for all that is on its way.
    const declared = this.#declaring.then(async () => {
      if (isFresh()) return;
      const atMs = this.#clock.now();
      const channel = (this.#declarer ??= await this.#opened());
      try {
        await channel.assertQueue(queue, { durable: true, arguments: expiring ?? {} });
      } catch (error) {
        this.#declarer = undefined;
        // It is there, and its owner wants it otherwise: also good. 406 is PRECONDITION_FAILED.
        if ((error as { readonly code?: unknown }).code !== 406) throw error;
      }
      this.#declared.set(queue, atMs);
    });
    this.#declaring = declared.catch(() => undefined);
    return declared;
  }

  async #opened(): Promise<Channel> {
    const channel = await this.#model.createChannel();
    channel.on("error", () => (this.#declarer = undefined));
    return channel;
  }

  #publish(queue: string, { message, deliveries }: Failed, own: HeaderTable): Promise<void> {
    const options = { ...propertiesOf(message), persistent: true, mandatory: true };
    const headers = { ...this.#headersOf(message), [DELIVERIES]: deliveries, ...own };
    let waiting = this.#unconfirmed.get(queue);
    if (waiting === undefined) this.#unconfirmed.set(queue, (waiting = new Set()));
    const all = waiting;
    return new Promise((resolve, reject) => {
      all.add(reject);
      this.#channel.publish("", queue, message.content, { ...options, headers }, (error: unknown) => {
        all.delete(reject);
        if (error === null) resolve();
        else reject(error instanceof Error ? error : new Error("the broker refused it"));
      });
    });
  }

  #headersOf({ properties }: ConsumeMessage): Record<string, unknown> {
    const { headers } = properties;
    // Larger ones than we read are not passed on either: the library could not write them.
    if (headers === undefined || new Headers(headers, this.#limits).isTooMuch) return {};
    // CC and BCC would have the broker send copies to where the first sender wanted some.
    return Object.fromEntries(
      Object.entries(headers).filter(([name]) => !isDeath(name) && name !== "CC" && name !== "BCC"),
    );
  }
}

// Without `expiration`, which would cut the wait short, and `user_id`, which the broker lets nobody write but its user.
function propertiesOf({ properties }: ConsumeMessage): Record<string, unknown> {
  const { contentType, contentEncoding, priority, correlationId, messageId, timestamp, type, appId } = properties;
  return { contentType, contentEncoding, priority, correlationId, messageId, timestamp, type, appId };
}

/**
 * A wait as wait queues have it: rounded up to one or one and a half times a power of two, from 64 ms on, so that a day has
 * some forty of them. One queue for all waits would not do: messages expire at its head only, so a long wait would hold
 * the short ones behind it.
 */
export function waitOf(delayMs: number): number {
  const atLeast = Math.min(Math.max(delayMs, 1), MAX_WAIT_MS);
  let waitMs = 64;
  while (waitMs < atLeast) waitMs = Number.isInteger(Math.log2(waitMs)) ? waitMs * 1.5 : (waitMs / 1.5) * 2;
  return Math.min(waitMs, MAX_WAIT_MS);
}
