/**
 * The way to one instance: its connections, and a sender for each method.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import type { ClientHooks } from "../client-hooks.ts";
import { ClientConnection, type ConnectOptions, type Place } from "./client-connection.ts";
import {
  ClientExchange,
  type ClientMethod,
  type ThriftClientRequest,
  type ThriftClientResponse,
} from "./client-exchange.ts";
import { SERVICE } from "./names.ts";
import type { ThriftProtocol } from "./protocol.ts";
import type { WireOptions } from "./wire-method.ts";
import { wiresOf } from "./wires.ts";

/** What all methods of a channel share. */
export interface ChannelOptions extends ConnectOptions, WireOptions {
  readonly service: AnyService;
  readonly protocol: ThriftProtocol;
  readonly isMultiplexed: boolean;
  readonly maxConnections: number;
  readonly hooks: ClientHooks<ThriftClientRequest, ThriftClientResponse>;
}

/** The way to one instance. */
export class ThriftChannel implements Channel {
  readonly #place: Place;
  readonly #options: ChannelOptions;
  readonly #methods: ReadonlyMap<string, ClientMethod>;
  readonly #connections: ClientConnection[] = [];
  #isClosing = false;

  constructor(place: Place, options: ChannelOptions) {
    this.#place = place;
    this.#options = options;
    this.#methods = this.#plan();
  }

  #plan(): ReadonlyMap<string, ClientMethod> {
    const { service, framing, protocol, isMultiplexed, hooks, clock } = this.#options;
    const headers = framing === "headers" ? [SERVICE, service.name] : [];
    const methods = new Map<string, ClientMethod>();
    for (const [name, wire] of wiresOf(service, this.#options)) {
      methods.set(name, {
        wire,
        name: isMultiplexed ? `${service.name}:${wire.name}` : wire.name,
        isIdempotent: service.methods[name]!.idempotent,
        framing,
        protocol,
        headers,
        hooks,
        now: () => clock.now(),
        again: (exchange) => this.#carry(exchange),
      });
    }
    return methods;
  }

  unary(name: string): UnarySender {
    const { service } = this.#options;
    const method = this.#methods.get(name);
    if (method === undefined) return () => Promise.reject(notThere(service, name));
    const { authority } = this.#place;
    return (request, call) =>
      new Promise((resolve, reject) => {
        call.peer = authority;
        if (call.canceledBy !== undefined) return reject(call.canceledBy);
        this.#carry(new ClientExchange(method, call, request, resolve, reject));
      });
  }

  stream(name: string): StreamSender {
    const { service } = this.#options;
    return async function* refuse() {
      yield await Promise.reject(notThere(service, name));
    };
  }

  /** The connection with the least to do, or a new one while there may be more and none is idle. */
  #carry(exchange: ClientExchange): void {
    let best: ClientConnection | undefined;
    let open = 0;
    for (const one of this.#connections) {
      if (!one.isUsable) continue;
      open++;
      if (best === undefined || one.size < best.size) best = one;
    }
    if (best === undefined || (best.size > 0 && open < this.#options.maxConnections)) {
      best = new ClientConnection(this.#place, this.#options, (closed) => this.#remove(closed));
      this.#connections.push(best);
    }
    best.carry(exchange);
    // A call that is repeated may still need one.
    if (this.#isClosing) void best.close();
  }

  #remove(connection: ClientConnection): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

function notThere({ name: service, methods }: AnyService, name: string): ServiceError {
  const isStream = methods[name]?.kind !== "unary";
  const why = isStream ? "is a stream, which this transport does not carry" : "is not in what foreign() says of it";
  return policyError("unknown_method", { message: `${service}.${name} ${why}` });
}
