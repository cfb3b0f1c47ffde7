/**
 * The way to one instance over HTTP: where it is, its connections, and what is in flight on them.
 *
 * @module
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { watch } from "./client-connection.ts";
import { Pool, type PoolSettings } from "./client-pool.ts";
import type { RequestDraft } from "./client-draft.ts";
import type { Place } from "./client-url.ts";

/** What a way is made of. */
export interface WayOptions {
  readonly pool: PoolSettings;
  readonly limits: Limits;
  readonly clock: Clock;
}

/** Opens requests to one instance. */
export class Way {
  readonly place: Place;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Undefined when the agent is somebody else's. */
  readonly #pool: Pool | undefined;
  readonly #connectTimeoutMs: number;
  readonly #options: RequestOptions;
  readonly #send: (options: RequestOptions) => ClientRequest;
  #inFlight = 0;
  #drained: (() => void) | undefined = undefined;

  constructor(place: Place, { pool, limits, clock }: WayOptions) {
    this.place = place;
    this.limits = limits;
    this.clock = clock;
    this.#pool = pool.agent === undefined ? new Pool(place.secure, pool, clock) : undefined;
    this.#connectTimeoutMs = pool.connectTimeoutMs;
    this.#send = place.secure ? httpsRequest : httpRequest;
    // One object for all requests: node copies it before it returns.
    this.#options = {
      agent: pool.agent ?? this.#pool!.agent,
      host: place.host,
      port: place.port,
      method: "POST",
      path: "/",
      headers: [],
      maxHeaderSize: limits.maxHeaderBytes,
    };
  }

  /** Opens a request; the caller ends it and listens. */
  request(draft: RequestDraft): ClientRequest {
    const options = this.#options;
    options.method = draft.verb;
    options.path = draft.path;
    options.headers = draft.headers;
    const request = this.#send(options);
    // One more than allowed, so that a header too many is seen: node drops the rest in silence.
    request.maxHeadersCount = this.limits.maxHeaders + 1;
    if (this.#pool === undefined) {
      const options = { timeoutMs: this.#connectTimeoutMs, clock: this.clock };
      request.once("socket", (socket: Socket) => watch(socket, options));
    }
    return request;
  }

  /** An answer has begun. */
  heed(response: IncomingMessage): void {
    this.#pool?.heed(response.headers["keep-alive"] as string | undefined);
  }

  /** An exchange begins. */
  enter(): void {
    this.#inFlight++;
  }

  /** An exchange is over. */
  leave(): void {
    if (--this.#inFlight === 0) this.#drained?.();
  }

  /** Closes idle connections, so that the next request makes a new one. */
  refresh(): void {
    this.#pool?.closeIdle();
  }

  /** Waits for exchanges in flight, then closes the connections. */
  async close(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#pool?.agent.destroy();
  }
}
