/**
 * Queues and exchanges as a server wants them, and their end.
 *
 * @module
 */
import type { Channel, ChannelModel } from "amqplib";
import { policyError } from "../../errors/index.ts";
import { writeFailure } from "../failure.ts";
import type { QueueSettings } from "./queues.ts";
import { ERROR_CODE } from "./wire.ts";

/** How often a queue is looked at that goes on getting messages while it is taken down. */
const MAX_LOOKS = 10;

/** AMQP 0-9-1 §1.2, "Constants". */
const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;

/** Declares a queue and what it is bound to; declaring what is there already changes nothing. */
export async function declare(channel: Channel, queue: QueueSettings): Promise<void> {
  const { name, durable, arguments: args } = queue;
  if (queue.declares) await channel.assertQueue(name, { durable, arguments: args });
  for (const { exchange, type, pattern, declares } of queue.bindings) {
    if (declares) await channel.assertExchange(exchange, type, { durable: true });
    await channel.bindQueue(name, exchange, pattern);
  }
}

/**
 * Deletes a queue that nobody consumes any more, so that callers hear at once that nobody is there. Requests that are left
 * in it are told that the server is shutting down; one that nobody waits for an answer to keeps the queue there.
 */
export async function takeDown(model: ChannelModel, queue: string): Promise<void> {
  for (let tries = 0; tries < MAX_LOOKS; tries++) {
    try {
      return await emptied(model, queue);
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      // Another server that drains was quicker.
      if (code === NOT_FOUND) return;
      // Or a message came in between.
      if (code !== PRECONDITION_FAILED) throw error;
    }
  }
}

async function emptied(model: ChannelModel, queue: string): Promise<void> {
  const channel = await model.createChannel();
  // A refusal closes the channel, which was made for this alone.
  channel.on("error", () => undefined);
  const refusal = policyError("draining");
  const body = Buffer.from(writeFailure(refusal, () => undefined));
  const headers = { [ERROR_CODE]: refusal.code };
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const { consumerCount, messageCount } = await channel.checkQueue(queue);
    if (consumerCount > 0) break;
    if (messageCount === 0) {
      await channel.deleteQueue(queue, { ifUnused: true, ifEmpty: true });
      break;
    }
    for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
      const { replyTo, correlationId } = message.properties as {
        readonly replyTo?: string;
        readonly correlationId: string;
      };
      if (replyTo === undefined || replyTo === "") {
        channel.nack(message, false, true);
        looks = MAX_LOOKS;
        break;
      }
      channel.publish("", replyTo, body, { correlationId, contentType: "application/json", headers });
      channel.ack(message);
    }
  }
  await channel.close();
}
