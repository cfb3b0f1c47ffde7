/**
 * One connection of a client: many calls at once, found again by their numbers.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { policyError, ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { Pending, type PendingCall } from "../pending.ts";
import { unreadable, type ClientExchange } from "./client-exchange.ts";
import { Outbox } from "./outbox.ts";
import { readerOf } from "./protocol.ts";
import { Splitter, type Framing, type Incoming } from "./splitter.ts";
import type { MessageHead, ThriftReader } from "./types.ts";

/** Where an instance is. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Both, as they were given. */
  readonly authority: string;
}

/** What connections are opened with. */
export interface ConnectOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly connectTimeoutMs: number;
  readonly framing: Framing;
  readonly tls: ConnectionOptions | undefined;
}

/** How much may wait to be sent before calls are held back: a peer that does not read must not fill the memory. */
const MAX_WAITING_BYTES = 1_048_576;

/** How long what was written last may take to be read, once the connection is not to be used again. */
const LINGER_MS = 1000;

/** Calls one connection may carry in its life: the numbers of messages have 31 bits. */
const MAX_CALLS = 0x7fff_ffff;

const ANY = { framings: ["headers", "framed", "unframed"] as const, protocol: undefined };

/** A connection from its first call to its end. */
export class ClientConnection {
  readonly #options: ConnectOptions;
  readonly #socket: Socket;
  readonly #pending = new Pending<ClientExchange>();
  readonly #outbox: Outbox;
  readonly #splitter: Splitter;
  readonly #onClosed: (connection: ClientConnection) => void;
  /** Calls that wait for the connection to be there, or for the peer to read. */
  #waiting: PendingCall<ClientExchange>[] = [];
  #isOpen = false;
  #isOver = false;
  #carried = 0;
  #answered = 0;
  #heardMs = -Infinity;
  #timer: Timer | undefined;
  #fault: Error | undefined = undefined;

  constructor(place: Place, options: ConnectOptions, onClosed: (connection: ClientConnection) => void) {
    const { host, port } = place;
    const { tls, clock, connectTimeoutMs, limits } = options;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#outbox = new Outbox({ send: (bytes) => void this.#socket.write(bytes) });
    this.#splitter = new Splitter(limits, ANY, (incoming) => this.#take(incoming));
    const socket = (this.#socket =
      tls === undefined
        ? connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 })
        : connectTls({ servername: /^[\d.]+$|:/.test(host) ? "" : host, ...tls, host, port }));
    this.#timer = clock.expire(connectTimeoutMs, {
      keepsAlive: true,
      expire: () => this.#lose(new Error(`connecting took longer than ${connectTimeoutMs} ms`)),
    });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => this.#opened());
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    socket.on("drain", () => this.#sendWaiting());
    socket.on("error", (error: Error) => void (this.#fault ??= error));
    // Whoever ends its side answers nothing more, but may still read what was sent to it.
    socket.on("end", () => this.#socket.destroySoon());
    socket.on("close", () => this.#closed());
  }

  /** Calls that wait for an answer. */
  get size(): number {
    return this.#pending.size;
  }

  /** Whether further calls may go here. */
  get isUsable(): boolean {
    return !this.#isOver && this.#carried < MAX_CALLS;
  }

  /** Takes a call. */
  carry(exchange: ClientExchange): void {
    this.#carried++;
    exchange.isReused = this.#answered > 0;
    exchange.onSettled = this.#settled;
    if (this.#pending.size === 0) this.#socket.ref();
    const call = this.#pending.add(exchange);
    if (this.#isOpen && this.#socket.writableLength <= MAX_WAITING_BYTES) this.#send(call);
    else this.#waiting.push(call);
  }

  #opened(): void {
    this.#timer?.cancel();
    this.#isOpen = true;
    if (this.#options.tls !== undefined) this.#socket.setNoDelay(true).setKeepAlive(true, 30_000);
    this.#sendWaiting();
    if (this.#pending.size === 0) this.#rest();
  }

  #sendWaiting(): void {
    if (this.#waiting.length === 0) return;
    for (const call of this.#waiting.splice(0)) if (this.#pending.get(call.id) === call) this.#send(call);
  }

  #send(call: PendingCall<ClientExchange>): void {
    const { waiting } = call;
    try {
      waiting.write(this.#outbox, call.id);
    } catch (thrown) {
      return call.reject(ServiceError.is(thrown) ? thrown : policyError("invalid_request", { cause: thrown }));
    }
    // Nobody will say that it came.
    if (waiting.method.wire.isOneWay) call.resolve(undefined);
  }

  #data(chunk: Buffer): void {
    this.#heardMs = this.#options.clock.now();
    try {
      this.#splitter.push(chunk);
    } catch (thrown) {
      this.#spoiled(unreadable(thrown));
    }
  }

  #take(incoming: Incoming): void {
    let head: MessageHead;
    let reader: ThriftReader;
    try {
      reader = readerOf(incoming.protocol, incoming.body, this.#options.limits.maxDepth);
      head = reader.readMessageBegin();
    } catch (thrown) {
      const call = incoming.framing === "headers" ? this.#pending.get(incoming.seqid) : undefined;
      const error = unreadable(incoming.error ?? thrown);
      call?.reject(error);
      if (call === undefined || incoming.isLast) this.#spoiled(error);
      return;
    }
    const call = this.#pending.get(head.rseqid);
    // An answer that comes too late is nobody's.
    if (call !== undefined) this.#settle(call, incoming, { head, reader });
    if (incoming.isLast) this.#spoiled(incoming.error!);
  }

  #settle(
    call: PendingCall<ClientExchange>,
    incoming: Incoming,
    { head, reader }: { readonly head: MessageHead; readonly reader: ThriftReader },
  ): void {
    this.#answered++;
    if (incoming.error !== undefined) return call.reject(incoming.error);
    let answer: unknown;
    try {
      answer = call.waiting.answered(incoming, head, reader);
    } catch (thrown) {
      return call.reject(unreadable(thrown));
    }
    if (ServiceError.is(answer)) call.reject(answer);
    else call.resolve(answer);
  }

  /** What came cannot be read, so nothing after it can. */
  #spoiled(error: ServiceError): void {
    this.#isOver = true;
    this.#pending.failAll(error);
    this.#socket.destroy();
  }

  readonly #settled = (exchange: ClientExchange, error: ServiceError | undefined): void => {
    exchange.onSettled = undefined;
    if (error !== undefined && exchange.call.canceledBy === error) this.#left(exchange);
    if (this.#pending.size === 0) this.#rest();
  };

  /**
   * A call was called off, and its answer may still come. Servers without headers mostly answer one call after the other:
   * the next would wait for this one. With headers the others go on, unless the peer was silent all the time. One that
   * could not even be sent waited for a peer that does not read.
   */
  #left({ sentMs }: ClientExchange): void {
    if (!this.#isOpen) return;
    if (sentMs === undefined || this.#options.framing !== "headers" || this.#heardMs < sentMs) this.#isOver = true;
  }

  /** Nobody waits: the connection keeps no process alive, and ends if it is not to be used again. */
  #rest(): void {
    if (this.#isOver) this.#end();
    else if (this.#isOpen) this.#socket.unref();
  }

  #end(): void {
    // What was written last, of calls that have no answer, is still to be flushed.
    queueMicrotask(() => {
      if (!this.#isOpen) return this.#socket.destroy();
      this.#socket.destroySoon();
      // A peer that does not read it would keep the process for ever.
      this.#timer?.cancel();
      this.#timer = this.#options.clock.expire(LINGER_MS, { expire: () => this.#socket.destroy() });
    });
  }

  #lose(error: Error): void {
    this.#fault ??= error;
    this.#socket.destroy();
  }

  #closed(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#onClosed(this);
    const cause = this.#fault;
    this.#pending.failAll(policyError(this.#isOpen ? "connection_lost" : "unreachable", { cause }));
  }

  /** Lets its calls finish, and ends. */
  async close(): Promise<void> {
    await this.#pending.idle();
    this.#isOver = true;
    this.#end();
  }
}
