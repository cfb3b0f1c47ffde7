/**
 * The AMQP client transport.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "../../internal/check.ts";
import type { Channel, ClientTransport, UnarySender } from "../client.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { limitsOf, type LimitOptions, type Limits } from "../limits.ts";
import { Shared, type Share } from "../shared.ts";
import { Exchange, type ClientPlan } from "./client-exchange.ts";
import { ClientLink } from "./client-link.ts";
import { brokerOf, CONNECT, connectSettings, type AmqpConnectOptions, type Place } from "./connect.ts";
import type { AmqpClientRequest, AmqpClientResponse } from "./message.ts";
import { isOwnHeader } from "./wire.ts";

/** Where a request is published. */
export interface AmqpRoute {
  /** Default: "", the exchange that knows every queue by its name. */
  readonly exchange?: string | undefined;
  /** The queue's name, or whatever the exchange goes by. */
  readonly routingKey: string;
}

/** What an AMQP client may be told. */
export interface AmqpClientOptions extends AmqpConnectOptions, ClientHooks<AmqpClientRequest, AmqpClientResponse> {
  /** Where requests of a method are published. Default: to the queue that is named as the service is. */
  readonly route?: ((service: string, method: string) => AmqpRoute) | undefined;
  /**
   * How replies come: "direct" without a queue (RabbitMQ's direct reply-to), or "exclusive" over one queue for each
   * connection, for brokers without it. Default: "direct".
   */
  readonly replies?: "direct" | "exclusive" | undefined;
  /**
   * What becomes of calls while the broker is away: "fail" at once with `unreachable`, or "wait" for it until their
   * deadline. Default: "fail": the caller may know somebody else to ask.
   */
  readonly whileDown?: "fail" | "wait" | undefined;
  /**
   * How many calls may wait for the connection, or for a broker that is slower than they are, 0 to a million; one more fails
   * with `overloaded`. Default: 1000.
   */
  readonly maxWaiting?: number | undefined;
  /** What bodies are written and read in. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Headers of every request; up to 255 visible ASCII characters a name. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bounds of replies. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
}

/**
 * Calls over AMQP 0-9-1, as RabbitMQ speaks it: one connection to each broker, one consumer for all replies, calls told
 * apart by `correlation_id`. What is left of the deadline is the message's expiration. A one-way call resolves when the
 * broker has confirmed the message, which is persistent. An instance is an `amqp:` or `amqps:` URL.
 *
 * The connection is opened by the first call and again after it was lost; while nobody calls, it keeps no process up. Calls
 * fail with `unreachable` (no broker, or no queue takes the message), `connection_lost`, `overloaded`, `too_large`,
 * `invalid_response`, or with what the peer answered. A call that is called off is not waited for, but its request stays
 * with the other side.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is no such URL, or the
 * request of a method cannot be written.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { amqpClient } from "servicekit/transport/amqp";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, amqpClient(), { from: "amqp://127.0.0.1:1" });
 * await remote.sum({ a: 1, b: 2 }); // throws the peer cannot be reached
 * ```
 */
export function amqpClient(options: AmqpClientOptions = {}): ClientTransport {
  checkNames("amqpClient", options, [
    ...CONNECT,
    ...CLIENT_HOOKS,
    "route",
    "replies",
    "whileDown",
    "maxWaiting",
    "codec",
    "headers",
    "limits",
  ]);
  const { route = toQueue, codec = json } = options;
  checkFunction("route", route);
  checkCodec("codec", codec);
  const connect = connectSettings(options, "client");
  const shared: Omit<ChannelParts, "place" | "service"> = {
    route,
    codec,
    constant: constantOf(options.headers ?? {}),
    limits: limitsOf(options.limits),
    hooks: clientHooks(options),
  };
  const settings = {
    connect,
    replies: checkOneOf("replies", options.replies ?? "direct", ["direct", "exclusive"]),
    whileDown: checkOneOf("whileDown", options.whileDown ?? "fail", ["fail", "wait"]),
    maxWaiting: checkNumber("maxWaiting", options.maxWaiting ?? 1000, { min: 0, max: 1_000_000, integer: true }),
  };
  const links = new Shared<ClientLink>();
  return {
    name: "amqp",
    "~client": true,
    isBroker: true,
    open(service, instance, clock) {
      const place = brokerOf("from", instance, connect);
      const link = links.take(place.url, clock, () => new ClientLink({ ...settings, place, clock }));
      return channel(link, { ...shared, place, service });
    },
  };
}

function toQueue(service: string): AmqpRoute {
  return { routingKey: service };
}

function constantOf(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (isOwnHeader(checkString("a name in headers", name, HEADER_NAME).toLowerCase()))
      throw new RangeError(`headers should hold no name of AMQP's own, got ${shown(name)}`);
    if (typeof value !== "string") throw new TypeError(`headers: ${name} should be a text, got ${shown(value)}`);
    return [name.toLowerCase(), value];
  });
}

const HEADER_NAME = { pattern: /^[\x21-\x7e]{1,255}$/, says: "up to 255 visible ASCII characters" };

interface ChannelParts {
  readonly service: AnyService;
  readonly place: Place;
  readonly route: NonNullable<AmqpClientOptions["route"]>;
  readonly codec: Codec;
  readonly constant: readonly string[];
  readonly limits: Limits;
  readonly hooks: ClientPlan["hooks"];
}

function channel({ of: link, close }: Share<ClientLink>, options: ChannelParts): Channel {
  const { service } = options;
  const noStreams = (method: string): Error =>
    policyError("unknown_method", { message: `${service.name}.${method} is a stream, which AMQP does not carry here` });
  return {
    unary(method): UnarySender {
      if (service.methods[method]!.kind !== "unary") return () => Promise.reject(noStreams(method));
      const plan = planOf(method, options);
      return function send(request, call) {
        return new Promise((resolve, reject) => {
          const exchange = new Exchange(plan, { call, resolve, reject });
          if (exchange.write(request)) link.send(exchange);
        });
      };
    },
    stream(method) {
      return () => {
        throw noStreams(method);
      };
    },
    close,
  };
}

function planOf(name: string, { service, place, route, codec, constant, limits, hooks }: ChannelParts): ClientPlan {
  const { request, response, oneWay } = service.methods[name]!;
  const where = `${service.name}.${name}`;
  const { exchange = "", routingKey } = route(service.name, name);
  const answers = codec.answers ?? codec;
  return {
    exchange,
    routingKey,
    type: `${service.name}/${name}`,
    isOneWay: oneWay === true,
    contentType: codec.contentType,
    constant,
    answers,
    limits,
    hooks,
    peer: place.shown,
    write: codec.writer(request, `${where} request`, "invalid_request"),
    read: answers.reader(response, limits),
  };
}
