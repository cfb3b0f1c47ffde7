/**
 * A node:http server with its time-outs set, its protocol errors answered, and a drain that ends.
 *
 * @module
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { checkNumber, checkString } from "../../internal/check.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Limits } from "../limits.ts";
import { connectionOf } from "./connection.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { statusOf } from "./status.ts";

/** Where to listen and how long to wait for peers. */
export interface ListenOptions {
  /** The port, 0 for any that is free. */
  readonly port: number;
  /** The address to listen on. Default: every address of the machine, IPv6 and IPv4. */
  readonly host?: string | undefined;
  /** How long a peer may take over its headers, in milliseconds. Default: 10 s. */
  readonly headersTimeoutMs?: number | undefined;
  /** How long a peer may take over a whole request. Default: 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a peer may take to read an answer. Default: 30 s. */
  readonly writeTimeoutMs?: number | undefined;
  /** How long an idle connection is kept. Default: 65 s, longer than the usual load balancer's 60 s, which else may reuse one that just closed. */
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Connections at once; more are closed at the door. Default: 10,000. */
  readonly maxConnections?: number | undefined;
}

/** The names of the listening options. */
export const LISTENING: readonly string[] = [
  "port",
  "host",
  "headersTimeoutMs",
  "requestTimeoutMs",
  "writeTimeoutMs",
  "keepAliveTimeoutMs",
  "maxConnections",
];

/** Options with every default filled in. */
export interface ListenSettings {
  readonly port: number;
  readonly host: string | undefined;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
}

const HOUR_MS = 3_600_000;

/** Checks where and how to listen, and fills in the defaults. */
export function listenSettings(options: ListenOptions): ListenSettings {
  const time = (name: keyof ListenOptions, defaultMs: number): number =>
    checkNumber(name, options[name] ?? defaultMs, { min: 1, max: HOUR_MS });
  return {
    port: checkNumber("port", options.port, { min: 0, max: 65_535, integer: true }),
    host: options.host === undefined ? undefined : checkString("host", options.host),
    headersTimeoutMs: time("headersTimeoutMs", 10_000),
    requestTimeoutMs: time("requestTimeoutMs", 30_000),
    writeTimeoutMs: time("writeTimeoutMs", 30_000),
    keepAliveTimeoutMs: time("keepAliveTimeoutMs", 65_000),
    maxConnections: checkNumber("maxConnections", options.maxConnections ?? 10_000, { min: 1, integer: true }),
  };
}

/** Who serves what the listener accepts. */
export interface Serving {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** What came could not be read as HTTP: it is answered already, and should be observed. */
  broken(error: ServiceError, peer: string): void;
}

/** A listening server. */
export class Listener {
  readonly #server: Server;
  readonly #settings: ListenSettings;
  readonly #sockets = new Set<Socket>();
  draining = false;

  constructor(settings: ListenSettings, limits: Limits, serving: Serving) {
    this.#settings = settings;
    const { headersTimeoutMs, requestTimeoutMs } = settings;
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
        keepAliveTimeout: settings.keepAliveTimeoutMs,
        maxHeaderSize: limits.maxHeaderBytes,
        // Node looks for late requests every 30 s unless told otherwise; a late one should be a late one by little.
        connectionsCheckingInterval: Math.max(10, Math.min(1000, headersTimeoutMs / 4, requestTimeoutMs / 4)),
      },
      (request, response) => serving.handle(request, response),
    );
    this.#server.maxConnections = settings.maxConnections;
    // One more than allowed, so that the excess is seen rather than dropped in silence.
    this.#server.maxHeadersCount = limits.maxHeaders + 1;
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
      serving.handle(request, response),
    );
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
      this.#broken(error, socket, serving),
    );
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  get writeTimeoutMs(): number {
    return this.#settings.writeTimeoutMs;
  }

  /** Opens the port; resolves with the address. */
  open(): Promise<string> {
    const { port, host } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.removeListener("error", reject);
        resolve(addressOf(this.#server.address() as AddressInfo));
      });
    });
  }

  /** Stops accepting, closes what is idle, and resolves when the last connection is gone. */
  drain(): Promise<void> {
    this.draining = true;
    const gone = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // Node does not count a connection as idle before its first request.
    for (const socket of this.#sockets)
      if (connectionOf(socket).calls().length === 0 && socket.bytesRead === 0) socket.destroy();
    return gone;
  }

  /** Cuts every connection and frees the port. */
  close(): Promise<void> {
    this.draining = true;
    const gone = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    return gone;
  }

  #broken(error: NodeJS.ErrnoException, socket: Socket, serving: Serving): void {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const found = broken(error);
    const [call] = connectionOf(socket).calls();
    // A call whose body came too slowly or went wrong half-way has begun: its own answer goes out.
    if (call !== undefined) call.fail(found);
    else {
      const status = statusOf(found);
      const body = encodeProblem(found, status);
      socket.write(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: ${PROBLEM}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      serving.broken(found, socket.remoteAddress ?? "");
    }
    socket.destroySoon();
  }
}

function broken(error: NodeJS.ErrnoException): ServiceError {
  if (error.code === "HPE_HEADER_OVERFLOW") return policyError("too_many_headers", { cause: error });
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return policyError("request_timeout", { cause: error });
  return policyError("malformed_message", { message: "the request is not valid HTTP", cause: error });
}

function addressOf({ address, family, port }: AddressInfo): string {
  const host = address === "::" || address === "0.0.0.0" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
