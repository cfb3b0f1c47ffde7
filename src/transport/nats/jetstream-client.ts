/**
 * The JetStream client transport: messages are published, and stored before the call is over.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { AnyService } from "../../contract/index.ts";
import { checkNames, shown } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import type { Channel, ClientTransport, LocalTransport } from "../client.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { limitsOf } from "../limits.ts";
import { Shared } from "./client.ts";
import { checkHeader } from "./headers.ts";
import { jetstreamChannel } from "./jetstream-publish.ts";
import { checkName } from "./jetstream-stream.ts";
import type { ConnectOptions } from "./link.ts";
import type { NatsDraft, NatsMessage } from "./message.ts";
import { heartbeatOf, inboxPrefixOf, sourceOf } from "./server.ts";
import { subjectsOf, type SubjectOf } from "./subject.ts";

/** What a JetStream client may be told. */
export interface JetStreamClientOptions extends ClientHooks<NatsDraft, NatsMessage> {
  /** The package's own options: `user`, `pass`, `token`, `tls` and so on. Default: as for `natsServer`. */
  readonly connect?: ConnectOptions | undefined;
  /** A connection that is there already: then `client` needs no `from`, and the connection is not closed. Default: its own. */
  readonly connection?: NatsConnection | undefined;
  /** The subject of a method, the same as the server has. Default: `service.method`. */
  readonly subjects?: SubjectOf | undefined;
  /** The stream that should store the messages: a call fails when another one has the subject. Default: any. */
  readonly stream?: string | undefined;
  /** Writes messages. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Headers of every message. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * What a call does while the connection is lost: it fails with `unreachable` at once, or waits until it is back, as long as
   * it has time. Default: "fail", as for `natsClient`.
   */
  readonly whileDown?: "fail" | "wait" | undefined;
  /** Where inboxes stand, for those whose permissions say so. Default: `connect.inboxPrefix`, else `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
}

const NAMES: readonly string[] = [
  ...["connect", "connection", "subjects", "stream", "codec", "headers", "whileDown", "inboxPrefix"],
  ...CLIENT_HOOKS,
];

/**
 * Publishes one-way calls to JetStream: a call is over when a stream has stored its message. Each has an id
 * (`Nats-Msg-Id`) that all attempts of one call share: what is sent again within the stream's duplicate window is stored
 * once. A `before` hook may set an id of its own, for example an order's number.
 *
 * The deadline bounds how long the stream's word is waited for, and is not sent along: the message may be worked on long
 * after the caller has left. Calls fail with `unreachable` (no stream has the subject, or nothing was sent), with
 * `connection_lost` or `deadline_exceeded` (it may be stored or not: repeat it), or with what the stream says, such as
 * `resource_exhausted` when it is full.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also for an instance that is no address of
 * NATS, and a service without one-way methods. Calls of methods that are answered fail with `unknown_method`.
 *
 * @example
 * ```ts
 * import { oneWay, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { jetstreamClient } from "servicekit/transport/nats";
 * import { z } from "zod";
 *
 * const mail = service("mail", { send: oneWay({ request: z.object({ to: z.string() }) }) });
 * const remote = client(mail, jetstreamClient(), { from: "nats://127.0.0.1:1" });
 * await remote.send({ to: "ada@example.org" }); // throws the peer cannot be reached
 * ```
 */
export function jetstreamClient(
  options: JetStreamClientOptions & { readonly connection: NatsConnection },
): LocalTransport;
export function jetstreamClient(options?: JetStreamClientOptions): ClientTransport;
export function jetstreamClient(options: JetStreamClientOptions = {}): ClientTransport {
  checkNames("jetstreamClient", options, NAMES);
  const { whileDown = "fail", headers = {}, codec = json, stream } = options;
  if (whileDown !== "fail" && whileDown !== "wait")
    throw new RangeError(`whileDown should be "fail" or "wait", got ${shown(whileDown)}`);
  checkCodec("codec", codec);
  const constant = Object.entries(headers).flatMap(([name, value]) => {
    checkHeader(name, value);
    return [name.toLowerCase(), value];
  });
  if (stream !== undefined) constant.push("Nats-Expected-Stream", checkName("stream", stream));
  const hooks = clientHooks(options);
  const subjects = subjectsOf(options.subjects);
  const given = sourceOf(options, undefined);
  const shared = new Shared(
    {
      limits: limitsOf(),
      heartbeatMs: heartbeatOf({}),
      inboxPrefix: inboxPrefixOf(options),
      waits: whileDown === "wait",
    },
    options.connect ?? {},
  );
  function open(service: AnyService, instance: string, clock: Clock): Channel {
    if (!Object.values(service.methods).some(({ oneWay }) => oneWay === true))
      throw new TypeError(
        `jetstreamClient publishes one-way calls, and ${service.name} has no such method: declare one with oneWay({ request }), or use natsClient`,
      );
    const source = given ?? shared.sourceOf(instance);
    const { caller, close } = shared.take(instance, source, clock);
    return jetstreamChannel({ caller, service, subjects, codec, hooks, constant }, close);
  }
  const transport: ClientTransport = { name: "jetstream", "~client": true, isBroker: true, open };
  return given === undefined ? transport : ({ ...transport, "~local": true } as LocalTransport);
}
