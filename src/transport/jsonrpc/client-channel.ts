/**
 * The client side of the JSON-RPC transport: one channel for each instance, one sender for each method.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { json, type Codec } from "../codec.ts";
import type { HttpClientRequest } from "../http/client-draft.ts";
import type { ClientHooks } from "../client-hooks.ts";
import type { HttpClientResponse } from "../http/client-response.ts";
import type { Way } from "../http/client-way.ts";
import { Gatherer, type BatchSettings } from "./client-batch.ts";
import { Entry, type RpcMethod, type Waiting } from "./client-entry.ts";
import { hookKey, RpcExchange, type Sending } from "./client-exchange.ts";
import { paramsWriter } from "./params.ts";

/** What all methods of a channel share. */
export interface ChannelOptions {
  readonly service: AnyService;
  readonly path: string;
  readonly headers: readonly string[];
  readonly codec: Codec;
  readonly names: "full" | "short";
  readonly batch: BatchSettings | undefined;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
}

/** The way to one instance. */
export class RpcChannel implements Channel {
  readonly #way: Way;
  readonly #options: ChannelOptions;
  readonly #sending: Sending;
  readonly #gatherer: Gatherer | undefined;
  // Go kit's NewAutoIncrementID(0).
  #nextId = 0;

  constructor(way: Way, options: ChannelOptions) {
    this.#way = way;
    this.#options = options;
    this.#sending = { way, path: options.path, headers: options.headers };
    this.#gatherer =
      options.batch &&
      new Gatherer({
        ...options.batch,
        clock: way.clock,
        maxBytes: way.limits.maxBodyBytes,
        keyOf: (entry) => hookKey(this.#sending, entry),
        send: (entries) => this.#send(entries),
      });
  }

  unary(name: string): UnarySender {
    const { service } = this.#options;
    if (service.methods[name]!.kind !== "unary") return () => Promise.reject(noStreams(service, name));
    const method = methodOf(name, this.#way, this.#options);
    return (request, call) => new Promise((resolve, reject) => this.#take(method, { request, call, resolve, reject }));
  }

  #take(method: RpcMethod, waiting: Waiting): void {
    const { call } = waiting;
    call.peer = this.#way.place.authority;
    const entry = new Entry(method, waiting, method.isNotification ? undefined : this.#nextId++);
    if (call.canceledBy !== undefined) return entry.fail(call.canceledBy);
    try {
      entry.begin();
      if (this.#gatherer !== undefined) return this.#gatherer.add(entry);
    } catch (error) {
      return entry.fail(error);
    }
    this.#send([entry]);
  }

  #send(entries: readonly Entry[]): void {
    new RpcExchange(this.#sending, entries).start();
  }

  stream(name: string): StreamSender {
    const { service } = this.#options;
    return async function* refuse() {
      yield await Promise.reject(noStreams(service, name));
    };
  }

  close(): Promise<void> {
    this.#gatherer?.flush();
    return this.#way.close();
  }
}

function noStreams({ name: service }: AnyService, name: string): ServiceError {
  return policyError("unknown_method", {
    message: `${service}.${name} is a stream, which this transport does not carry`,
  });
}

function methodOf(name: string, way: Way, { service, codec, names, hooks }: ChannelOptions): RpcMethod {
  const { request, response, idempotent, oneWay } = service.methods[name]!;
  const where = `${service.name}.${name}`;
  const paramsOf = paramsWriter(request, `${where} request`);
  const write = codec.writer(request, `${where} request`, "invalid_request") as (request: unknown) => string;
  const read = codec.reader(response, way.limits);
  return {
    params: (value) => paramsOf(write(value).trim()),
    read: codec === json ? (result) => result : (result) => read(JSON.stringify(result)),
    head: `{"jsonrpc":"2.0","method":${JSON.stringify(names === "short" ? name : where)},"params":`,
    isNotification: oneWay === true,
    idempotent,
    hooks,
  };
}
