/**
 * Which queues a server consumes, and which methods come over each.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, checkString, shown } from "../../internal/check.ts";

/** An exchange that a queue gets messages from. */
export interface AmqpBinding {
  readonly exchange: string;
  /** What kind of exchange it is. Default: "topic", which does what "direct" does where patterns hold no star. */
  readonly type?: "topic" | "direct" | "fanout" | "headers" | undefined;
  /** Which routing keys the queue wants. Default: "#", all of them. */
  readonly pattern?: string | undefined;
  /** Whether the exchange is declared (durable). Default: true; say false where it is somebody else's. */
  readonly declares?: boolean | undefined;
}

/** A queue that a server consumes. */
export interface AmqpQueue {
  readonly name: string;
  /** The service whose methods come over it. */
  readonly service: string;
  /**
   * The one method that all its messages are for, whatever they say. For peers that say none, as Go kit's publisher.
   * Default: each message names its method in the property `type`.
   */
  readonly method?: string | undefined;
  /** Whether it is still there after the broker restarts. Default: true. */
  readonly durable?: boolean | undefined;
  /** Arguments of its declaration, e.g. `{ "x-queue-type": "quorum" }`. Default: none. */
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
  /** Whether it is declared. Default: true; say false where it is somebody else's. */
  readonly declares?: boolean | undefined;
  /** Exchanges it gets messages from. Default: none; what is sent to its name arrives all the same. */
  readonly bindings?: readonly AmqpBinding[] | undefined;
  /** How many messages are worked on at once, 1 to 65 535. Default: the server's. */
  readonly prefetch?: number | undefined;
  /** Where messages go that cannot be mended. Default: its name with `.dead` behind it. */
  readonly deadLetterQueue?: string | undefined;
}

/** A binding with every default filled in. */
export interface BindingSettings {
  readonly exchange: string;
  readonly type: string;
  readonly pattern: string;
  readonly declares: boolean;
}

/** A queue with every default filled in. */
export interface QueueSettings {
  readonly name: string;
  readonly service: string;
  readonly method: string | undefined;
  readonly durable: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly declares: boolean;
  readonly bindings: readonly BindingSettings[];
  readonly prefetch: number;
  readonly deadLetterQueue: string;
}

// The longest name AMQP can carry is 255 bytes, and wait queues have a suffix.
const NAME = {
  pattern: /^(?!amq\.)[\x21-\x7e]{1,200}$/,
  says: 'up to 200 visible ASCII characters, not beginning with "amq."',
};

/** The most messages worked on at once, unless told. */
export const PREFETCH = 100;

/** @throws {RangeError | TypeError} when something is wrong with the name, or the range, of a prefetch. */
export function checkPrefetch(name: string, prefetch: number): number {
  return checkNumber(name, prefetch, { min: 1, max: 65_535, integer: true });
}

/** @throws {RangeError | TypeError} when a queue is not described as it should be. */
export function queueSettings(queue: AmqpQueue, prefetch: number): QueueSettings {
  if (typeof queue !== "object" || queue === null)
    throw new TypeError(`queues should hold objects, got ${shown(queue)}`);
  checkNames("queues", queue, [
    "name",
    "service",
    "method",
    "durable",
    "arguments",
    "declares",
    "bindings",
    "prefetch",
    "deadLetterQueue",
  ]);
  const name = checkString("queues: name", queue.name, NAME);
  const { bindings = [] } = queue;
  if (!Array.isArray(bindings)) throw new TypeError(`queues: bindings should be a list, got ${shown(bindings)}`);
  return {
    name,
    service: checkString("queues: service", queue.service),
    method: queue.method,
    durable: queue.durable ?? true,
    arguments: queue.arguments ?? {},
    declares: queue.declares ?? true,
    bindings: bindings.map(bindingOf),
    prefetch: queue.prefetch === undefined ? prefetch : checkPrefetch("queues: prefetch", queue.prefetch),
    deadLetterQueue: checkString("queues: deadLetterQueue", queue.deadLetterQueue ?? `${name}.dead`, NAME),
  };
}

function bindingOf(binding: AmqpBinding): BindingSettings {
  checkNames("bindings", binding, ["exchange", "type", "pattern", "declares"]);
  const { exchange, type = "topic", pattern = "#", declares = true } = binding;
  return {
    exchange: checkString("bindings: exchange", exchange, { ...NAME, pattern: /^[\x21-\x7e]{1,255}$/ }),
    type: checkOneOf("bindings: type", type, ["topic", "direct", "fanout", "headers"]),
    pattern: String(pattern),
    declares,
  };
}
