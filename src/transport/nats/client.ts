/**
 * The NATS client transport.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { checkNames, checkNumber, checkOneOf } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { CLIENT_HOOKS, clientHooks, type ClientHooks } from "../client-hooks.ts";
import type { Channel, ClientTransport, LocalTransport } from "../client.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { Shared as SharedByAddress } from "../shared.ts";
import type { AnyService } from "../../contract/index.ts";
import { Caller, MAX_WAITING, type CallerOptions } from "./caller.ts";
import { natsChannel } from "./client-channel.ts";
import { checkHeader } from "./headers.ts";
import { Link, serversOf, type ConnectOptions, type LinkSource } from "./link.ts";
import type { NatsDraft, NatsMessage } from "./message.ts";
import { heartbeatOf, inboxPrefixOf, sourceOf } from "./server.ts";
import { subjectsOf, type SubjectOf } from "./subject.ts";

/** What a NATS client may be told. */
export interface NatsClientOptions extends ClientHooks<NatsDraft, NatsMessage> {
  /** The package's own options: `user`, `pass`, `token`, `tls` and so on. Default: as for `natsServer`. */
  readonly connect?: ConnectOptions | undefined;
  /** A connection that is there already: then `client` needs no `from`, and the connection is not closed. Default: its own. */
  readonly connection?: NatsConnection | undefined;
  /** The subject of a method, the same as the server has. Default: `service.method`. */
  readonly subjects?: SubjectOf | undefined;
  /** Writes requests and reads answers. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** Bounds of answers. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Headers of every request. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * What a call does while the connection is lost: it fails with `unreachable` at once, or waits until it is back, as long as
   * it has time. Default: "fail", so that another instance or another answer can be looked for while there is time.
   */
  readonly whileDown?: "fail" | "wait" | undefined;
  /** How many calls may wait for a connection that is lost, 0 to a million; one more fails with `overloaded`. Default: 1000. */
  readonly maxWaiting?: number | undefined;
  /** How often the ends of a stream give a sign of life, 10 ms to an hour. Default: 15 s, as for `natsServer`. */
  readonly heartbeatMs?: number | undefined;
  /** Where inboxes stand, for those whose permissions say so. Default: `connect.inboxPrefix`, else `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
}

const NAMES: readonly string[] = [
  ...["connect", "connection", "subjects", "codec", "limits", "headers", "whileDown", "maxWaiting"],
  ...["heartbeatMs", "inboxPrefix"],
  ...CLIENT_HOOKS,
];

/**
 * Calls over NATS: a request to the subject `service.method`, the answer to an inbox. All clients of one transport and address
 * share a connection, which is made at the first call, comes back by itself, and is closed with the last client. An
 * instance is an address of NATS (`nats://127.0.0.1:4222`), or several of one cluster joined by commas: who serves is NATS'
 * business.
 *
 * Calls fail with `unreachable` (nobody listens, or nothing was sent: safe to repeat), `connection_lost` at once when the
 * connection breaks, `too_large`, `too_many_headers`, `invalid_response`, or with what the peer answered.
 *
 * @throws {RangeError | TypeError} when an option is wrong; when it is opened, also when an instance is no such address.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { natsClient } from "servicekit/transport/nats";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, natsClient(), { from: "nats://127.0.0.1:1" });
 * await remote.sum({ a: 1, b: 2 }); // throws the peer cannot be reached
 * ```
 */
export function natsClient(options: NatsClientOptions & { readonly connection: NatsConnection }): LocalTransport;
export function natsClient(options?: NatsClientOptions): ClientTransport;
export function natsClient(options: NatsClientOptions = {}): ClientTransport {
  checkNames("natsClient", options, NAMES);
  const { headers = {} } = options;
  const whileDown = checkOneOf("whileDown", options.whileDown ?? "fail", ["fail", "wait"]);
  const codec = options.codec ?? json;
  checkCodec("codec", codec);
  const constant = Object.entries(headers).flatMap(([name, value]) => {
    checkHeader(name, value);
    return [name.toLowerCase(), value];
  });
  const hooks = clientHooks(options);
  const subjects = subjectsOf(options.subjects);
  const given = sourceOf(options, undefined);
  const shared = new Shared(
    {
      limits: limitsOf(options.limits),
      heartbeatMs: heartbeatOf(options),
      inboxPrefix: inboxPrefixOf(options),
      waits: whileDown === "wait",
      maxWaiting: checkNumber("maxWaiting", options.maxWaiting ?? MAX_WAITING, {
        min: 0,
        max: 1_000_000,
        integer: true,
      }),
    },
    options.connect ?? {},
  );
  function open(service: AnyService, instance: string, clock: Clock): Channel {
    const source = given ?? shared.sourceOf(instance);
    const { caller, close } = shared.take(instance, source, clock);
    return natsChannel({ caller, service, subjects, codec, hooks, constant }, close);
  }
  const transport: ClientTransport = { name: "nats", "~client": true, isBroker: true, open };
  return given === undefined ? transport : ({ ...transport, "~local": true } as LocalTransport);
}

/** The connections of one transport, each for as long as a client has it. */
export class Shared {
  readonly #options: Omit<CallerOptions, "clock">;
  readonly #connect: ConnectOptions;
  readonly #callers = new SharedByAddress<Caller>();

  constructor(options: Omit<CallerOptions, "clock">, connect: ConnectOptions) {
    this.#options = options;
    this.#connect = connect;
  }

  sourceOf(instance: string): LinkSource {
    return { servers: serversOf("from", instance), options: this.#connect };
  }

  take(instance: string, source: LinkSource, clock: Clock): { readonly caller: Caller; close(): Promise<void> } {
    const make = (): Caller => new Caller({ ...this.#options, clock }, (owner) => new Link(source, owner));
    const { of: caller, close } = this.#callers.take(instance, clock, make);
    return { caller, close };
  }
}
