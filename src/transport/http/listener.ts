/**
 * A node:http server with its time-outs set, its protocol errors answered, and a drain that ends.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { checkNumber, checkString } from "../../internal/check.ts";
import { nextTurn } from "../../internal/turn.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { OneWays } from "../one-way.ts";
import { answerPlainly } from "./answer.ts";
import { connectionOf, peerOf } from "./connection.ts";
import { frontOf, type Front } from "./front.ts";
import type { PlainAnswer } from "./page.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { http2ConnectionOf } from "./http2-connection.ts";
import { serverTlsSettings, type ServerTlsOptions, type ServerTlsSettings } from "./server-tls.ts";
import { statusOf } from "./status.ts";
import { phraseOf } from "./status-phrase.ts";
import { requestsFor, type Upgrading } from "./upgrade.ts";

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
  /** Certificates: then the port speaks HTTPS alone. Default: none, plain HTTP. */
  readonly tls?: ServerTlsOptions | undefined;
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
  "tls",
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
  readonly tls: ServerTlsSettings | undefined;
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
    tls: options.tls === undefined ? undefined : serverTlsSettings(options.tls),
  };
}

/** Who serves what the listener accepts. */
export interface Serving {
  readonly clock: Clock;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Serves a stream of HTTP/2; undefined where it is not spoken. */
  readonly stream?:
    | ((stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) => void)
    | undefined;
  /** What came could not be read as HTTP: it is answered already, and should be observed. */
  broken(error: ServiceError, peer: string): void;
  /** Who takes connections over that change to another protocol. */
  readonly upgrades?: readonly Upgrading[] | undefined;
  /** The one-way calls that were acknowledged: a drain waits for them. Default: a list of its own. */
  readonly oneWays?: OneWays | undefined;
}

/** What node says of a stream: flags too, which nobody needs here. */
type StreamEvent = readonly [ServerHttp2Stream, IncomingHttpHeaders, number, readonly string[]];

/** How long a peer may take over its headers once the server drains. */
const DRAINING_HEADERS_MS = 1000;

/** How long idle connections are left open: whoever calls now and then over a pool of them comes by within that. */
const LINGER_MS = 500;

/** How many connections that wait to be accepted are, before a drain: who connects faster than that is not done at all. */
const MAX_ACCEPTS = 1000;

/** A listening server. */
export class Listener {
  readonly #server: Server;
  #front: Front | undefined = undefined;
  readonly #limits: Limits;
  readonly #settings: ListenSettings;
  readonly #serving: Serving;
  readonly #sockets = new Set<Socket>();
  #accepted = 0;
  readonly oneWays: OneWays;
  readonly isOurs = true;
  draining = false;
  #gone: Promise<void> | undefined = undefined;

  constructor(settings: ListenSettings, limits: Limits, serving: Serving) {
    this.#settings = settings;
    this.#serving = serving;
    this.oneWays = serving.oneWays ?? new OneWays();
    this.#limits = limits;
    const { headersTimeoutMs, requestTimeoutMs } = settings;
    const { upgrades = [] } = serving;
    this.#server = createServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      maxHeaderSize: limits.maxHeaderBytes,
      ...(upgrades.length === 0 ? {} : { IncomingMessage: requestsFor(upgrades) }),
      // Checked below: node would answer by itself, and nobody would hear of it.
      requireHostHeader: false,
      // Node would keep the first of two headers that may come once, and drop the other in silence: a proxy in front may have
      // gone by the other.
      joinDuplicateHeaders: true,
      // Node looks for late requests every 30 s unless told otherwise; a late one should be a late one by little.
      connectionsCheckingInterval: Math.max(
        10,
        Math.min(1000, Math.ceil(Math.min(headersTimeoutMs, requestTimeoutMs) / 4)),
      ),
    });
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
    // With TLS, calls hang on the connection inside and not on the one that was accepted.
    if (settings.tls !== undefined) this.#server.on("connection", (socket: Socket) => this.#accept(socket));
    if (upgrades.length > 0) {
      this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
        if (this.draining) return this.#refuse(socket, policyError("draining"));
        socket.on("error", () => undefined);
        upgrades.find((one) => one.speaks(request))!.take(request, socket, head);
      });
    }
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => this.#broken(error, socket));
  }

  #accept(socket: Socket): void {
    this.#accepted++;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  get writeTimeoutMs(): number {
    return this.#settings.writeTimeoutMs;
  }

  get requestTimeoutMs(): number {
    return this.#settings.requestTimeoutMs;
  }

  #leave(isLast: boolean): void {
    for (const socket of this.#sockets) for (const call of connectionOf(socket).calls()) call.leave?.(isLast);
    for (const session of this.#front?.sessions ?? []) http2ConnectionOf(session).leave(isLast);
  }

  /** Opens the port; resolves with the address. */
  async open(): Promise<string> {
    const { port, host, tls, maxConnections } = this.#settings;
    const front = (this.#front = await this.#makeFront());
    const { server } = front;
    server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => this.#accept(socket));
    // A connection that could not be accepted must not end the process.
    const fail = (cause: unknown): void => this.#serving.broken(policyError("internal", { cause }), "");
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        front.close();
        reject(error);
      };
      server.once("error", failed);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.removeListener("error", failed);
        server.on("error", fail);
        resolve();
      });
    });
    return addressOf(server.address() as AddressInfo, tls === undefined ? "http" : "https");
  }

  async #makeFront(): Promise<Front> {
    const { tls, headersTimeoutMs, keepAliveTimeoutMs } = this.#settings;
    const { stream, clock } = this.#serving;
    const front = await frontOf({
      http: this.#server,
      tls,
      http2: stream !== undefined,
      limits: this.#limits,
      handshakeTimeoutMs: headersTimeoutMs,
      idleTimeoutMs: keepAliveTimeoutMs,
      clock,
      report: (cause) => this.#serving.broken(policyError("internal", { cause }), ""),
      refused: (cause, socket) =>
        this.#serving.broken(malformed("the connection did not come to speak TLS", cause), peerOf(socket)),
    });
    const take = (...[incoming, headers, , rawHeaders]: StreamEvent): void => stream!(incoming, headers, rawHeaders);
    front.http2?.on("stream", take as never);
    // Its handshake was under way when the drain began.
    front.http2?.on("session", (session) => (this.draining ? session.close() : undefined));
    return front;
  }

  /**
   * Stops accepting, closes what is idle, and resolves when the last connection is gone, and what nobody waits for done. A request may be on
   * its way on an idle connection, and HTTP/1.1 has no word against it: unless somebody waits, such connections are left a while, each
   * to be closed with its next answer.
   */
  async drain(isAwaited: boolean = true): Promise<void> {
    if (!isAwaited) await this.#acceptAll();
    const gone = this.#drainConnections();
    const closing = isAwaited
      ? undefined
      : this.#serving.clock.expire(LINGER_MS, { expire: () => nextTurn(close, this) });
    if (isAwaited) this.#closeIdle();
    await gone;
    closing?.cancel();
    await this.oneWays.idle();
    function close(listener: Listener): void {
      listener.#closeIdle();
    }
  }

  // Whoever was accepted by the platform alone would be reset, and the platform hands on one in a turn of the loop. The turn in
  // which this begins may be over with its sockets already, so that one without anybody proves nothing.
  async #acceptAll(): Promise<void> {
    for (let turns = 0, quiet = 0; turns < MAX_ACCEPTS && quiet < 2; turns++) {
      const before = this.#accepted;
      await new Promise<void>((resolve) => nextTurn(resolve, undefined));
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
  }

  #drainConnections(): Promise<void> {
    this.draining = true;
    this.#server.headersTimeout = Math.min(this.#server.headersTimeout, DRAINING_HEADERS_MS);
    // An answer that has begun has not said that it is the last.
    this.#server.keepAliveTimeout = 1;
    this.#gone ??= this.#closed();
    this.#leave(false);
    // Tells the peers (GOAWAY), and ends each session with its last stream.
    for (const session of this.#front?.sessions ?? []) session.close();
    return this.#gone;
  }

  #closeIdle(): void {
    this.#server.closeIdleConnections();
    // Node does not count a connection as idle before its first request.
    for (const socket of this.#sockets) if (socket.bytesRead === 0 || connectionOf(socket).isLeft) socket.destroy();
  }

  /** Cuts every connection and frees the port. */
  close(): Promise<void> {
    this.draining = true;
    this.#gone ??= this.#closed();
    this.oneWays.cut();
    this.#leave(true);
    this.#server.close();
    this.#server.closeAllConnections();
    for (const session of this.#front?.sessions ?? []) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    return this.#gone;
  }

  // As a plain server's: http's own `close` also stops looking for peers that are late, who then hold the drain. A server is
  // closed before its sockets have told so, and with them the calls that are cut.
  async #closed(): Promise<void> {
    await new Promise<void>(
      (resolve) => void NetServer.prototype.close.call(this.#front?.server ?? this.#server, () => resolve()),
    );
    this.#front?.close();
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    // RFC 9112 §3.2: HTTP/1.1 names the host, once. No host has a space in it, but two that were joined have.
    const { host } = request.headers;
    if (host === undefined ? request.httpVersionMinor > 0 : host.includes(", ")) {
      const error = malformed(`the request has ${host === undefined ? "no" : "more than one"} Host header`);
      answerPlainly({ request, response, server: { draining: true } }, answerOf(error));
      this.#serving.broken(error, peerOf(request.socket));
    } else this.#serving.handle(request, response);
  }

  #broken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const connection = connectionOf(socket);
    const calls = connection.calls();
    const last = calls.at(-1);
    if (last?.isPatient === true) {
      if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return;
      // It left off in the middle of a stream of requests, which is how one calls off.
      if (error.code === "HPE_INVALID_EOF_STATE") return void socket.destroy();
    }
    if (connection.isBroken) return last === undefined ? socket.destroySoon() : undefined;
    connection.isBroken = true;
    const found = broken(error);
    if (last === undefined) this.#refuse(socket, found);
    else if (last.isReceived === false) {
      // It has begun, and its body came too slowly or went wrong half-way: its own answer goes out, after those before it.
      last.fail(found);
      if (calls.length === 1) socket.destroySoon();
    } else this.#serving.broken(found, peerOf(socket));
  }

  #refuse(socket: Socket, error: ServiceError): void {
    const status = statusOf(error);
    const body = encodeProblem(error, status);
    const head = [
      `HTTP/1.1 ${status} ${phraseOf(status)}`,
      "Connection: close",
      `Content-Type: ${PROBLEM}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    // Node listens no more once a connection was given away, and a reset would end the process.
    socket.on("error", () => undefined);
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    this.#serving.broken(error, peerOf(socket));
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

function addressOf({ address, family, port }: AddressInfo, scheme: string): string {
  const host = address === "::" || address === "0.0.0.0" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
