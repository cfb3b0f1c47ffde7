/**
 * A node:http server with its time-outs set, its protocol errors answered, and a drain that ends.
 *
 * @module
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { checkNumber, checkString } from "../../internal/check.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Limits } from "../limits.ts";
import { answerPlainly } from "./answer.ts";
import { connectionOf } from "./connection.ts";
import type { PlainAnswer } from "./page.ts";
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
    checkNumber(name, options[name] ?? defaultMs, { min: 1, max: HOUR_MS, integer: true });
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

/** How long a peer may take over its headers once the server drains. */
const DRAINING_HEADERS_MS = 1000;

/** A listening server. */
export class Listener {
  readonly #server: Server;
  readonly #settings: ListenSettings;
  readonly #serving: Serving;
  readonly #sockets = new Set<Socket>();
  readonly isOurs = true;
  draining = false;
  #gone: Promise<void> | undefined = undefined;

  constructor(settings: ListenSettings, limits: Limits, serving: Serving) {
    this.#settings = settings;
    this.#serving = serving;
    const { headersTimeoutMs, requestTimeoutMs } = settings;
    this.#server = createServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      maxHeaderSize: limits.maxHeaderBytes,
      // Checked below: node would answer by itself, and nobody would hear of it.
      requireHostHeader: false,
      // Node looks for late requests every 30 s unless told otherwise; a late one should be a late one by little.
      connectionsCheckingInterval: Math.max(
        10,
        Math.min(1000, Math.ceil(Math.min(headersTimeoutMs, requestTimeoutMs) / 4)),
      ),
    });
    this.#server.maxConnections = settings.maxConnections;
    // Above its own bound Node 20 drops headers in silence, and Node 24 ends the connection. Calls count them; their size is
    // bounded above.
    this.#server.maxHeadersCount = 0;
    const handle = (request: IncomingMessage, response: ServerResponse): void => this.#handle(request, response);
    this.#server.on("request", handle);
    this.#server.on("checkContinue", handle);
    // What else a peer may expect is not known here, and may be passed over (RFC 9110 §10.1.1).
    this.#server.on("checkExpectation", handle);
    this.#server.on("connect", ({ socket }: IncomingMessage) =>
      this.#refuse(socket, malformed("this server is no proxy")),
    );
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => this.#broken(error, socket));
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
        // A connection that could not be accepted must not end the process.
        this.#server.on("error", (cause) => this.#serving.broken(policyError("internal", { cause }), ""));
        resolve(addressOf(this.#server.address() as AddressInfo));
      });
    });
  }

  /** Stops accepting, closes what is idle, and resolves when the last connection is gone. */
  drain(): Promise<void> {
    this.draining = true;
    this.#server.headersTimeout = Math.min(this.#server.headersTimeout, DRAINING_HEADERS_MS);
    this.#gone ??= this.#closed();
    this.#server.closeIdleConnections();
    // Node does not count a connection as idle before its first request.
    for (const socket of this.#sockets) if (socket.bytesRead === 0 || connectionOf(socket).isLeft) socket.destroy();
    return this.#gone;
  }

  /** Cuts every connection and frees the port. */
  close(): Promise<void> {
    this.draining = true;
    this.#gone ??= this.#closed();
    this.#server.close();
    this.#server.closeAllConnections();
    return this.#gone;
  }

  // As a plain server's: http's own `close` also stops looking for peers that are late, who then hold the drain. A server is
  // closed before its sockets have told so, and with them the calls that are cut.
  async #closed(): Promise<void> {
    await new Promise<void>((resolve) => void NetServer.prototype.close.call(this.#server, () => resolve()));
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    // RFC 9112 §3.2: HTTP/1.1 names the host.
    if (request.headers.host === undefined && request.httpVersionMinor > 0) {
      const error = malformed("the request has no Host header");
      answerPlainly({ request, response, server: { draining: true } }, answerOf(error));
      this.#serving.broken(error, request.socket.remoteAddress ?? "");
    } else this.#serving.handle(request, response);
  }

  #broken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const connection = connectionOf(socket);
    const calls = connection.calls();
    const last = calls.at(-1);
    if (connection.isBroken) return last === undefined ? socket.destroySoon() : undefined;
    connection.isBroken = true;
    const found = broken(error);
    if (last === undefined) this.#refuse(socket, found);
    else if (last.isReceived === false) {
      // It has begun, and its body came too slowly or went wrong half-way: its own answer goes out, after those before it.
      last.fail(found);
      if (calls.length === 1) socket.destroySoon();
    } else this.#serving.broken(found, socket.remoteAddress ?? "");
  }

  #refuse(socket: Socket, error: ServiceError): void {
    const { status, headers, body = "" } = answerOf(error);
    const { length } = Buffer.from(body as string);
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${headers[0]}: ${headers[1]}\r\nContent-Length: ${length}\r\n\r\n${body}`,
    );
    this.#serving.broken(error, socket.remoteAddress ?? "");
    socket.destroySoon();
  }
}

function answerOf(error: ServiceError): PlainAnswer {
  const status = statusOf(error);
  return { status, headers: ["content-type", PROBLEM], body: encodeProblem(error, status) };
}

function broken(error: NodeJS.ErrnoException): ServiceError {
  if (error.code === "HPE_HEADER_OVERFLOW") return policyError("too_many_headers", { cause: error });
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return policyError("request_timeout", { cause: error });
  return malformed("the request is not valid HTTP", error);
}

function malformed(message: string, cause?: unknown): ServiceError {
  return policyError("malformed_message", { message, cause });
}

function addressOf({ address, family, port }: AddressInfo): string {
  const host = address === "::" || address === "0.0.0.0" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
