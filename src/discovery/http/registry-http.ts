/**
 * A small client for registries that speak HTTP: several servers, one tried after the other; answers of bounded size;
 * long polls and streams that keep no process alive. Not for calls to services: that is `servicekit/transport/http`.
 *
 * @module
 */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { checkNumber } from "../../internal/check.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { registryCall } from "../registry-call.ts";
import { Exchange, type Ask } from "./exchange.ts";
import { jsonLines } from "./json-lines.ts";
import { excerptOf, RegistryError } from "./registry-error.ts";
import type {
  RegistryAnswer,
  RegistryHeaders,
  RegistryHttp,
  RegistryHttpOptions,
  RegistryRequest,
  RegistryStreamRequest,
} from "./registry-client.ts";
import { Agents, targetsOf, type Target } from "./targets.ts";

/**
 * Makes a client for a registry.
 *
 * @throws {RangeError} when a server is no URL, or a number is out of its range.
 *
 * @example
 * ```ts
 * import { registryHttp } from "servicekit/discovery/http";
 *
 * const http = registryHttp({ servers: ["http://127.0.0.1:1"], headers: () => ({ "x-token": "secret" }) });
 * await http.request({ path: "/v1/status/leader" }); // throws GET http://127.0.0.1:1/v1/status/leader: cannot be asked
 * ```
 */
export function registryHttp(options: RegistryHttpOptions): RegistryHttp {
  return new Client(options);
}

class Client implements RegistryHttp {
  readonly #targets: readonly Target[];
  readonly #agents: Agents;
  readonly #headers: RegistryHeaders;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  /** The target that answered last. */
  #at = 0;
  #isClosed = false;

  constructor(options: RegistryHttpOptions) {
    const { servers, tls, headers, timeoutMs = 5000, maxBytes = 2 ** 24, clock = systemClock } = options;
    this.#targets = targetsOf(servers, tls !== undefined);
    this.#agents = new Agents(tls ?? {});
    this.#headers = headers ?? {};
    this.#timeoutMs = checkNumber("timeoutMs", timeoutMs, { min: 1, max: 3_600_000 });
    this.#maxBytes = checkNumber("maxBytes", maxBytes, { min: 1, max: 2 ** 30, integer: true });
    this.#clock = clock;
  }

  async request(request: RegistryRequest): Promise<RegistryAnswer> {
    return this.#inTurn(request, async (target, headers) => {
      const timeoutMs = request.timeoutMs ?? this.#timeoutMs;
      const ask = this.#ask(target, { request, headers, pauseMs: timeoutMs });
      const { exchange, head } = await this.#open(target, ask);
      try {
        const text = await this.#text(exchange, head);
        return {
          status: head.statusCode!,
          headers: head.headers,
          text,
          json: () => parsed(exchange, text, head.statusCode!),
        };
      } finally {
        exchange.close(head);
      }
    });
  }

  async *stream(request: RegistryStreamRequest): AsyncGenerator<unknown, void, undefined> {
    const { exchange, head } = await this.#inTurn(request, (target, headers) =>
      this.#open(target, this.#ask(target, { request, headers, pauseMs: undefined })),
    );
    try {
      request.onOpen?.();
      for await (const line of jsonLines(exchange.chunks(head), this.#maxBytes)) {
        yield parsed(exchange, line, head.statusCode!);
      }
    } catch (error) {
      throw error instanceof RangeError ? exchange.error(error.message, head.statusCode) : error;
    } finally {
      exchange.close(head);
    }
  }

  closeIdle(): void {
    this.#agents.closeIdle();
  }

  close(): void {
    this.#isClosed = true;
    this.#agents.close();
  }

  /** Asks one server after the other, from the one that answered last on, until one does. */
  async #inTurn<T>(request: RegistryRequest, ask: (target: Target, headers: Headers) => Promise<T>): Promise<T> {
    const { signal, isOnce = false } = request;
    let failure: RegistryError | undefined;
    for (let left = isOnce ? 1 : this.#targets.length; left > 0; left--) {
      signal?.throwIfAborted();
      const headers = typeof this.#headers === "function" ? await this.#asked(this.#headers, request) : this.#headers;
      signal?.throwIfAborted();
      if (this.#isClosed) throw new RegistryError("the client of this registry is closed");
      const at = this.#at;
      try {
        return await ask(this.#targets[at]!, headers);
      } catch (error) {
        // Called off while the server said nothing: the next request may be luckier elsewhere.
        if (signal?.aborted === true && !isOnce && this.#at === at) this.#at = (at + 1) % this.#targets.length;
        if (!(error instanceof RegistryError) || (error.status !== undefined && error.status < 500)) throw error;
        // What a server said is worth more than that another one is not there.
        if (failure?.status === undefined || error.status !== undefined) failure = error;
        // Others may have moved on meanwhile.
        if (this.#at === at) this.#at = (at + 1) % this.#targets.length;
      }
    }
    throw failure!;
  }

  /** The headers of now. Who is asked for a token may never answer: the signal and the time hold for that, too. */
  async #asked(headers: () => Headers | Promise<Headers>, request: RegistryRequest): Promise<Headers> {
    const { signal: off = new AbortController().signal } = request;
    let now: Headers = {};
    await registryCall("asking for the headers", async () => void (now = await headers()), {
      ...{ clock: this.#clock, ms: this.#timeoutMs, off, keepsAlive: isAwaited(request) },
    });
    return now;
  }

  /** Opens one exchange, once more when an idle connection turns out to be closed. */
  async #open(target: Target, ask: Ask): Promise<{ readonly exchange: Exchange; readonly head: IncomingMessage }> {
    for (let again = false; ; again = true) {
      const exchange = new Exchange(target, ask);
      let head: IncomingMessage | undefined;
      try {
        head = await exchange.head();
        if (head.statusCode! < 300) return { exchange, head };
        const excerpt = excerptOf(await this.#text(exchange, head));
        const what = excerpt === "" ? `${head.statusCode}` : `${head.statusCode} ${excerpt}`;
        const error = exchange.error(what, head.statusCode, excerpt);
        exchange.close(head);
        throw error;
      } catch (error) {
        exchange.close(head);
        const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
        const isStale = head === undefined && exchange.isReused && (code === "ECONNRESET" || code === "EPIPE");
        if (again || !isStale || ask.isOnce || this.#isClosed) throw error;
        this.#agents.closeIdle();
      }
    }
  }

  async #text(exchange: Exchange, head: IncomingMessage): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of exchange.chunks(head)) {
      size += part.length;
      if (size > this.#maxBytes) {
        throw exchange.error(`the answer has more than ${this.#maxBytes} bytes`, head.statusCode);
      }
      parts.push(part);
    }
    return Buffer.concat(parts, size).toString("utf8");
  }

  #ask(target: Target, { request, headers: common, pauseMs }: Asked): Ask {
    const { method = "GET", body, signal, timeoutMs = this.#timeoutMs } = request;
    const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const bytes = isRaw ? (body as string | Uint8Array | undefined) : JSON.stringify(body);
    const headers: OutgoingHttpHeaders = { accept: "application/json", ...common, ...request.headers };
    if (target.authorization !== undefined) headers["authorization"] ??= target.authorization;
    if (!isRaw) headers["content-type"] ??= "application/json";
    if (method !== "GET" || bytes !== undefined) headers["content-length"] = Buffer.byteLength(bytes ?? "");
    return {
      options: {
        hostname: target.hostname,
        port: target.port,
        method,
        path: target.base + request.path + queryOf(request.query),
        headers,
        agent: this.#agents.of(target),
      },
      body: bytes,
      signal,
      timeoutMs,
      pauseMs,
      keepsAlive: isAwaited(request),
      isOnce: request.isOnce ?? false,
      clock: this.#clock,
    };
  }
}

type Headers = Readonly<Record<string, string>>;

interface Asked {
  readonly request: RegistryRequest;
  readonly headers: Headers;
  readonly pauseMs: number | undefined;
}

function isAwaited({ method = "GET", keepsAlive = method !== "GET" }: RegistryRequest): boolean {
  return keepsAlive;
}

function queryOf(query: RegistryRequest["query"] = {}): string {
  const pairs: string[] = [];
  for (const [name, given] of Object.entries(query)) {
    if (given === undefined) continue;
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    for (const value of values) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function parsed(exchange: Exchange, text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw exchange.error(`the answer is not JSON: ${excerptOf(text)}`, status, excerptOf(text));
  }
}
