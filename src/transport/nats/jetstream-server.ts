/**
 * The JetStream server transport.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { systemRandom } from "../../time/index.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { redeliveryOf, type RedeliveryOptions } from "../redelivery.ts";
import type { Listening, ServerTransport } from "../server.ts";
import { checkName, streamSettings, type JetStreamStream } from "./jetstream-stream.ts";
import type { JetStreamSettings } from "./jetstream-consumer.ts";
import type { JetStreamMessage } from "./jetstream-delivery.ts";
import { JetStreamServing } from "./jetstream-serving.ts";
import { Link, type ConnectOptions } from "./link.ts";
import type { NatsDraft } from "./message.ts";
import { inboxPrefixOf, sourceOf } from "./server.ts";
import { subjectsOf, type SubjectOf } from "./subject.ts";

/** What a JetStream server may be told. */
export interface JetStreamServerOptions extends Pick<
  Hooks<JetStreamMessage, NatsDraft>,
  "before" | "errorHandler" | "finalizer"
> {
  /** The servers of NATS: one address or several of one cluster. Default: nats://127.0.0.1:4222, as everywhere. */
  readonly servers?: string | readonly string[] | undefined;
  /** The package's own options: `user`, `pass`, `token`, `tls` and so on. Default: as for `natsServer`. */
  readonly connect?: ConnectOptions | undefined;
  /** A connection that is there already, in place of `servers` and `connect`; it is not closed. Default: one of its own. */
  readonly connection?: NatsConnection | undefined;
  /** The stream: its name, or also what it keeps. Default: one for each service, named like it, with `_` for dots. */
  readonly stream?: string | JetStreamStream | undefined;
  /**
   * Whether streams and consumer are made, and changed where they lack something, at the start and when they are gone. False:
   * they are there. Default: true.
   */
  readonly create?: boolean | undefined;
  /** The consumer's name: instances with the same share the messages. Default: the service's, with `_` for dots. */
  readonly durable?: string | undefined;
  /** The subject of a method, the same as the clients' have. Default: `service.method`. */
  readonly subjects?: SubjectOf | undefined;
  /** JetStream's domain, where it is reached over a leaf node. Default: none. */
  readonly domain?: string | undefined;
  /**
   * How many messages of a service are worked on at once, 1 to 65,535. Default: 100: enough to hide the way to the server for
   * handlers that wait, little enough that other instances get their share, and that few come twice when this process dies.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * How many messages may be delivered to all instances and not be done, those that failed and wait included; 1 to 1,000,000.
   * Default: 10,000: what failed should hold up nobody, until so much fails that going on would help nobody. 1 keeps the order.
   */
  readonly maxAckPending?: number | undefined;
  /**
   * How long JetStream hears nothing of a message before it delivers it again, 100 ms to an hour. Signs of life are sent while
   * handlers work. Default: the longest time of a method and 5 s more, at most a minute: a process that died is noticed by it.
   */
  readonly ackWaitMs?: number | undefined;
  /** How messages come again that failed. Default: those of `RedeliveryOptions`. */
  readonly redelivery?: RedeliveryOptions | undefined;
  /**
   * The subject of dead letters, which is kept by the stream `<stream>-dead` for 30 days. It must not be among the subjects
   * that are consumed. Default: `<stream>-dead`.
   */
  readonly deadLetter?: string | undefined;
  /** Reads messages. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Where inboxes stand, for those whose permissions say so. Default: `connect.inboxPrefix`, else `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
}

const NAMES: readonly string[] = [
  ...["servers", "connect", "connection", "stream", "create", "durable", "subjects", "domain", "maxInFlight"],
  ...["maxAckPending", "ackWaitMs", "redelivery", "deadLetter", "codec", "limits", "inboxPrefix"],
  ...["before", "errorHandler", "finalizer"],
];

const SUBJECT = {
  pattern: /^[\w$/=-]{1,100}(?:\.[\w$/=-]{1,100}){0,15}$/,
  says: "tokens of letters, digits, _, $, /, = and - joined by dots",
};

const DEFAULT_SERVER = "nats://127.0.0.1:4222";

/**
 * Serves the one-way methods of its services from JetStream, which keeps their messages until they are done: each service has
 * a stream with the subjects of these methods, and a consumer that its instances share. A message is acknowledged after its
 * handler is done, and the acknowledgement is sent until it is confirmed; when the handler fails, the message comes again
 * later, a bounded number of times, and then is a dead letter, as one is at once that cannot be read. `x-deliveries` in the
 * metadata says how often a message came before.
 *
 * Methods that are answered are left to other transports; services that have no others are refused. A drain asks for no more
 * messages, and waits for those at work.
 *
 * @throws {RangeError | TypeError} when an option is wrong; {Error} on listening, when NATS cannot be reached, has no
 * JetStream, or refuses a stream or a consumer.
 *
 * @example
 * ```ts
 * import { jetstreamServer } from "servicekit/transport/nats";
 *
 * const transport = jetstreamServer({ servers: "nats://127.0.0.1:4222", redelivery: { maxDeliveries: 8 } });
 * transport.name; // => "jetstream"
 * ```
 */
export function jetstreamServer(options: JetStreamServerOptions = {}): ServerTransport {
  checkNames("jetstreamServer", options, NAMES);
  const { create = true, codec = json, durable, domain, deadLetter, ackWaitMs } = options;
  if (typeof create !== "boolean") throw new TypeError(`create should be true or false, got ${shown(create)}`);
  checkCodec("codec", codec);
  const settings: JetStreamSettings = {
    stream: streamSettings(options.stream),
    creates: create,
    durable: durable === undefined ? undefined : checkName("durable", durable),
    subjects: subjectsOf(options.subjects),
    domain: domain === undefined ? undefined : checkName("domain", domain),
    maxInFlight: checkNumber("maxInFlight", options.maxInFlight ?? 100, { min: 1, max: 65_535, integer: true }),
    maxAckPending: checkNumber("maxAckPending", options.maxAckPending ?? 10_000, {
      min: 1,
      max: 1_000_000,
      integer: true,
    }),
    ackWaitMs: ackWaitMs === undefined ? undefined : checkNumber("ackWaitMs", ackWaitMs, { min: 100, max: 3_600_000 }),
    redelivery: redeliveryOf(options.redelivery),
    random: systemRandom,
    deadLetter: deadLetter === undefined ? undefined : checkString("deadLetter", deadLetter, SUBJECT),
    codec,
    limits: limitsOf(options.limits),
    hooks: hooksOf(options),
    inboxPrefix: inboxPrefixOf(options),
  };
  const source = sourceOf(options, DEFAULT_SERVER)!;
  return {
    name: "jetstream",
    "~server": true,
    async listen(app): Promise<Listening> {
      const serving = new JetStreamServing(app, settings, (owner) => new Link(source, owner));
      await serving.open();
      return serving;
    },
  };
}
