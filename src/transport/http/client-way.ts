/**
 * The way to one instance over HTTP: where it is, its connections, and what is in flight on them.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { watch } from "./client-connection.ts";
import { Pool, protocol, type PoolSettings } from "./client-pool.ts";
import type { RequestDraft } from "./client-draft.ts";
import type { Place } from "./client-url.ts";

/** What a way is made of. */
export interface WayOptions {
  readonly pool: PoolSettings;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The smallest body of a request that is compressed. Default: none is. */
  readonly compressBytes?: number | undefined;
}

/** What wants to send a request. */
export interface Sender {
  /** Its turn has come. */
  resume(): void;
}

/** Opens requests to one instance. */
export class Way {
  readonly place: Place;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly compressBytes: number | undefined;
  /** Undefined when the agent is somebody else's. */
  readonly #pool: Pool | undefined;
  readonly #connectTimeoutMs: number;
  readonly #options: RequestOptions;
  readonly #send: (options: RequestOptions) => ClientRequest;
  readonly #maxOpen: number;
  #open = 0;
  /** Not the agent's own queue, where a request that was called off stays until a connection would be free for it. */
  readonly #waiting = new Set<Sender>();
  #isPassing = false;
  #drained: (() => void) | undefined = undefined;

  constructor(place: Place, { pool, limits, clock, compressBytes }: WayOptions) {
    this.compressBytes = compressBytes;
    this.place = place;
    this.limits = limits;
    this.clock = clock;
    this.#pool = pool.agent === undefined ? new Pool(place.secure, pool, clock) : undefined;
    this.#maxOpen = pool.agent === undefined ? pool.maxSockets : Infinity;
    this.#connectTimeoutMs = pool.connectTimeoutMs;
    this.#send = protocol(place.secure).request;
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
    // Above its own bound node drops headers, each line of it in its own way. They are counted later; their size is bounded.
    request.maxHeadersCount = 0;
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

  /** Whether a sender may open its request now; else it waits, first come, first served. */
  enter(sender: Sender): boolean {
    if (this.#open < this.#maxOpen) {
      this.#open++;
      return true;
    }
    this.#waiting.add(sender);
    return false;
  }

  /** A sender has its outcome. */
  leave(sender: Sender): void {
    if (this.#waiting.size > 0 && this.#waiting.delete(sender)) return;
    this.#open--;
    if (this.#waiting.size > 0 && !this.#isPassing) this.#pass();
    if (this.#open === 0) this.#drained?.();
  }

  // A loop: a sender that fails at once calls `leave` before it returns.
  #pass(): void {
    this.#isPassing = true;
    for (const next of this.#waiting) {
      if (this.#open === this.#maxOpen) break;
      this.#waiting.delete(next);
      this.#open++;
      next.resume();
    }
    this.#isPassing = false;
  }

  /** Closes idle connections, so that the next request makes a new one. */
  refresh(): void {
    this.#pool?.closeIdle();
  }

  /** Waits for exchanges in flight, then closes the connections. */
  async close(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#pool?.agent.destroy();
  }
}
