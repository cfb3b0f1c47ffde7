/**
 * The AMQP server transport.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { checkFunction, checkNames, checkNumber, shown } from "../../internal/check.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { redeliveryOf, type RedeliveryOptions } from "../redelivery.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { brokerOf, CONNECT, connectSettings, type AmqpConnectOptions } from "./connect.ts";
import { Link } from "./link.ts";
import type { AmqpReply, AmqpRequest } from "./message.ts";
import { queuePlans, type ServerSettings } from "./plan.ts";
import { checkPrefetch, PREFETCH, queueSettings, type AmqpQueue } from "./queues.ts";
import { Recent } from "./recent.ts";
import { ServerSession } from "./server-session.ts";

/** What an AMQP server may be told. */
export interface AmqpServerOptions extends AmqpConnectOptions, Hooks<AmqpRequest, AmqpReply> {
  /** Where the broker is, `amqp:` or `amqps:`. */
  readonly url: string;
  /**
   * Queues to consume. A service that is named in none has one of its own, durable, under its name; unless it has one-way
   * methods, that queue is deleted when its last server has drained, so that callers hear at once that nobody is there.
   * Default: none.
   */
  readonly queues?: readonly AmqpQueue[] | undefined;
  /** What the queue of a service is called that is named in no `queues`. Default: as the service. */
  readonly queueName?: ((service: string) => string) | undefined;
  /**
   * How many messages of a queue are worked on at once, 1 to 65 535. Default: 100: enough to hide the way to the broker for
   * handlers that wait, little enough that others get their share, and that few come twice when this process dies.
   */
  readonly prefetch?: number | undefined;
  /** How messages come again that failed and that nobody waits for an answer to. Default: those of `RedeliveryOptions`. */
  readonly redelivery?: RedeliveryOptions | undefined;
  /** What bodies are read and written in. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /**
   * How far clocks of callers and this one may be apart, 0 ms to a day. What a request waited in its queue, less this, is
   * taken off its time. Default: 500 ms; a day means that callers' clocks are not believed.
   */
  readonly maxClockSkewMs?: number | undefined;
}

/**
 * Serves over AMQP 0-9-1, as RabbitMQ speaks it: one queue for each service, whose messages name their method in the
 * property `type`. Where there is a `reply_to`, the answer goes there, then the request is acknowledged; errors are JSON
 * and marked by the header `x-error-code`. A message without `reply_to`, or for a one-way method, is acknowledged after its
 * handler is done; when it fails it comes again later, a bounded number of times, and then is a dead letter. The connection
 * is opened again whenever it is lost, with all queues and consumers. Methods that are streams are not served.
 *
 * `listen` fails when the broker cannot be reached or refuses a queue.
 *
 * @throws {RangeError | TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { amqpServer } from "servicekit/transport/amqp";
 *
 * amqpServer({ url: "amqp://127.0.0.1", prefetch: 20 }).name; // => "amqp"
 * ```
 */
export function amqpServer(options: AmqpServerOptions): ServerTransport {
  if (typeof options !== "object" || options === null)
    throw new TypeError(`amqpServer should be given { url }, got ${shown(options)}`);
  checkNames("amqpServer", options, [
    ...CONNECT,
    ...HOOKS,
    "url",
    "queues",
    "queueName",
    "prefetch",
    "redelivery",
    "codec",
    "limits",
    "maxClockSkewMs",
  ]);
  const { queues = [], queueName = (service) => service, codec = json } = options;
  checkFunction("queueName", queueName);
  if (!Array.isArray(queues)) throw new TypeError(`queues should be a list, got ${shown(queues)}`);
  checkCodec("codec", codec);
  const prefetch = checkPrefetch("prefetch", options.prefetch ?? PREFETCH);
  const connect = connectSettings(options, "server");
  const place = brokerOf("url", options.url, connect);
  const settings: ServerSettings = {
    queues: queues.map((queue) => queueSettings(queue, prefetch)),
    queueName,
    prefetch,
    codec,
    limits: limitsOf(options.limits),
    hooks: hooksOf(options),
    redelivery: redeliveryOf(options.redelivery),
    random: connect.random,
    maxClockSkewMs: checkNumber("maxClockSkewMs", options.maxClockSkewMs ?? 500, { min: 0, max: 86_400_000 }),
  };
  return {
    name: "amqp",
    "~server": true,
    async listen(app: App): Promise<Listening> {
      const plans = queuePlans(app, settings);
      const recent = new Recent();
      const link = new Link<ServerSession>({
        place,
        connect,
        clock: app.clock,
        keepsAlive: true,
        async prepare(model, lost) {
          const session = await ServerSession.open({ app, settings, recent }, model, lost);
          try {
            for (const plan of plans) await session.consume(plan, lost);
          } catch (error) {
            session.lost();
            throw error;
          }
          return session;
        },
        down(session, cause) {
          session.lost();
          session.report(policyError("connection_lost", { message: "the connection to the broker was lost", cause }));
        },
        failed: (error) => app.other.around.report(error, app.other.info),
      });
      try {
        await link.open();
      } catch (error) {
        link.stay();
        const { cause } = error as Error;
        throw new Error(`amqp: ${cause instanceof Error ? cause.message : place.shown}`, { cause: error });
      }
      return listening(link, place.shown);
    },
  };
}

function listening(link: Link<ServerSession>, address: string): Listening {
  return {
    addresses: [address],
    async drain() {
      link.stay();
      await link.session?.drain();
    },
    async close() {
      link.session?.leave();
      await link.close();
    },
  };
}
