/**
 * A port that speaks HTTP/2 alone, with or without TLS, and a drain that ends.
 *
 * @module
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { nextTurn } from "../../internal/turn.ts";
import type { Clock } from "../../time/index.ts";
import { peerOf } from "../http/connection.ts";
import { frontOf, type Front } from "../http/front.ts";
import type { OneWays } from "../one-way.ts";
import { GrpcConnection, grpcConnectionOf } from "./server-connection.ts";
import type { GrpcSettings } from "./server-settings.ts";

/** Who serves what the listener accepts. */
export interface Serving {
  readonly clock: Clock;
  readonly oneWays: OneWays;
  stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void;
  /** What came could not be read, and should be observed. */
  broken(error: ServiceError, peer: string): void;
}

/** What node says of a stream: flags too, which nobody needs here. */
type StreamEvent = readonly [ServerHttp2Stream, IncomingHttpHeaders, number, readonly string[]];

/** Turns of the loop in which the last words of calls go out before a connection is cut. */
const LAST_TURNS = 4;

/** A listening server. */
export class GrpcListener {
  readonly #settings: GrpcSettings;
  readonly #serving: Serving;
  readonly #sockets = new Set<Socket>();
  #front: Front | undefined = undefined;
  #isDraining = false;
  #gone: Promise<void> | undefined = undefined;

  constructor(settings: GrpcSettings, serving: Serving) {
    this.#settings = settings;
    this.#serving = serving;
  }

  /** Opens the port; resolves with the address. */
  async open(): Promise<string> {
    const { port, host, tls, maxConnections } = this.#settings;
    const front = (this.#front = await this.#makeFront());
    const { server } = front;
    server.maxConnections = maxConnections;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        front.close();
        reject(error);
      };
      server.once("error", failed);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.removeListener("error", failed);
        // A connection that could not be accepted must not end the process.
        server.on("error", (cause: unknown) => this.#serving.broken(policyError("internal", { cause }), ""));
        resolve();
      });
    });
    return addressOf(server.address() as AddressInfo, tls === undefined ? "http" : "https");
  }

  async #makeFront(): Promise<Front> {
    const { tls, limits, maxConcurrentStreams, connection: settings } = this.#settings;
    const { clock } = this.#serving;
    const front = await frontOf({
      http: undefined,
      tls,
      http2: true,
      limits,
      maxConcurrentStreams,
      handshakeTimeoutMs: settings.handshakeTimeoutMs,
      idleTimeoutMs: settings.idleTimeoutMs,
      clock,
      mind: (session, socket) => this.#mind(session, new GrpcConnection(session, socket, { settings, clock })),
      report: (cause) => this.#serving.broken(policyError("internal", { cause }), ""),
      refused: (cause, socket) => this.#broken("the connection did not come to speak TLS", cause, peerOf(socket)),
    });
    const take = (...[stream, headers, , rawHeaders]: StreamEvent): void =>
      this.#serving.stream(stream, headers, rawHeaders);
    front.http2!.on("stream", take as never);
    return front;
  }

  #mind(session: ServerHttp2Session, connection: GrpcConnection): void {
    // Its handshake was under way when the drain began.
    if (this.#isDraining) connection.drain();
    session.on("error", (cause) => {
      // A peer that is gone has done nothing wrong.
      if ((cause as NodeJS.ErrnoException).code !== "ECONNRESET")
        this.#broken("the connection does not speak HTTP/2", cause, connection.peer);
    });
  }

  #broken(message: string, cause: unknown, peer: string): void {
    this.#serving.broken(policyError("malformed_message", { message, cause }), peer);
  }

  /** Stops accepting, tells peers, and resolves when the last connection is gone. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#gone ??= this.#closed();
    for (const session of this.#sessions()) grpcConnectionOf(session).drain();
    // Those that have not said a word: nobody waits for an answer on them.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    return this.#gone;
  }

  /** Cuts every connection and frees the port. */
  async close(): Promise<void> {
    this.#isDraining = true;
    this.#gone ??= this.#closed();
    for (const session of this.#sessions()) grpcConnectionOf(session).leave(true);
    if (this.#sessions().size > 0) for (let i = 0; i < LAST_TURNS; i++) await new Promise<void>(turn);
    for (const session of this.#sessions()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#serving.oneWays.cut();
    return this.#gone;
  }

  #sessions(): ReadonlySet<ServerHttp2Session> {
    return this.#front?.sessions ?? new Set();
  }

  async #closed(): Promise<void> {
    await new Promise<void>((resolve) => void this.#front?.server.close(() => resolve()));
    this.#front?.close();
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    await this.#serving.oneWays.idle();
  }
}

function turn(resolve: () => void): void {
  nextTurn(resolve, undefined as never);
}

function addressOf({ address, family, port }: AddressInfo, scheme: string): string {
  const host = address === "::" || address === "0.0.0.0" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
