/**
 * Which messages this process was done with lately. A broker that crashes forgets acknowledgements it had taken and not yet
 * written down, and delivers those messages again; whoever still knows them does not do them twice.
 *
 * @module
 */
import type { ConsumeMessage } from "amqplib";
import { countOf, DELIVERIES } from "./wire.ts";

/** How many are remembered: more than a broker forgets. */
const MAX_REMEMBERED = 5000;

/** What our clients call a message. Others may call several by one name, and would lose them. */
const OURS = /^[0-9a-f]{16}-\d+$/;

/** The latest messages, the oldest forgotten first. */
export class Recent {
  readonly #names = new Set<string>();

  /** Remembers a message that came without anybody waiting for its answer. */
  add(queue: string, message: ConsumeMessage): void {
    const name = nameOf(queue, message);
    if (name === undefined) return;
    this.#names.add(name);
    if (this.#names.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#names) {
      this.#names.delete(oldest);
      return;
    }
  }

  has(queue: string, message: ConsumeMessage): boolean {
    const name = nameOf(queue, message);
    return name !== undefined && this.#names.has(name);
  }
}

// A message that was sent on after it failed is another one, and so is its copy in another queue.
function nameOf(queue: string, { properties }: ConsumeMessage): string | undefined {
  const { messageId } = properties as { readonly messageId?: unknown };
  if (typeof messageId !== "string" || !OURS.test(messageId)) return undefined;
  return `${queue} ${messageId} ${countOf(properties.headers, DELIVERIES)}`;
}
