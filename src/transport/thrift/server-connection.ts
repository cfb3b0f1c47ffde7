/**
 * One connection of a server: its messages in, their replies out, and how long it may take over either.
 *
 * @module
 */
import type { Socket } from "node:net";
import { policyError, ServiceError } from "../../errors/index.ts";
import type { Timer } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import type { OneWays } from "../one-way.ts";
import type { App } from "../server.ts";
import { ThriftCall, type Holder, type ThriftPlan } from "./call.ts";
import { Outbox } from "./outbox.ts";
import type { Plans } from "./plans.ts";
import { readerOf } from "./protocol.ts";
import type { Speech } from "./speech.ts";
import { Splitter, type Incoming } from "./splitter.ts";
import { malformed, MESSAGE, type MessageHead, type ThriftReader } from "./types.ts";

/** What the connections of one server have in common. */
export interface ConnectionSettings {
  readonly app: App;
  readonly plans: Plans;
  /** What calls of no method go through. */
  readonly other: ThriftPlan;
  readonly limits: Limits;
  readonly speech: Speech;
  readonly oneWays: OneWays;
  readonly maxCalls: number;
  readonly requestTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether the server takes no new calls. */
  isDraining(): boolean;
}

/** How much may wait to be sent before no more is read. */
const MAX_WAITING_BYTES = 1_048_576;

/** How much of what a peer sends after the end is taken, and dropped. */
const MAX_DISCARDED_BYTES = 16_384;

/** How long a peer that was refused may take to hear of it. */
const LINGER_MS = 1000;

/** What it looks like when a message's head cannot be read. */
const NO_HEAD: MessageHead = { fname: "", mtype: MESSAGE.CALL, rseqid: 0 };

/** Serves one connection until it is over. */
export class ServerConnection implements Holder {
  readonly peer: string;
  readonly outbox: Outbox;
  readonly #socket: Socket;
  readonly #settings: ConnectionSettings;
  readonly #splitter: Splitter;
  /** Those whose caller waits. */
  readonly #calls = new Set<ThriftCall>();
  #running = 0;
  #isClosing = false;
  #isEnded = false;
  /** Whether one-way calls are still taken after our end: their callers had sent them before they could hear of it. */
  #takesRest = false;
  #discarded = 0;
  #idleSinceMs: number;
  #partial: Timer | undefined = undefined;
  #idle: Timer | undefined;
  #writing: Timer | undefined = undefined;

  constructor(socket: Socket, settings: ConnectionSettings) {
    const { app, limits, speech } = settings;
    this.#socket = socket;
    this.#settings = settings;
    this.peer = peerOf(socket);
    this.outbox = new Outbox(this);
    this.#splitter = new Splitter(limits, speech, (incoming) => this.#take(incoming));
    this.#idleSinceMs = app.clock.now();
    this.#idle = app.clock.expire(settings.idleTimeoutMs, { expire: () => this.#lookIdle() });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("error", () => undefined);
    socket.on("close", () => this.#lost());
  }

  send(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (!socket.write(bytes) && this.#writing === undefined) {
      const { app, writeTimeoutMs } = this.#settings;
      this.#writing = app.clock.expire(writeTimeoutMs, { expire: () => socket.destroy() });
    }
    if (socket.writableLength > MAX_WAITING_BYTES) socket.pause();
  }

  #drained(): void {
    this.#writing?.cancel();
    this.#writing = undefined;
    this.#resume();
  }

  #resume(): void {
    const socket = this.#socket;
    const isFull = this.#running >= this.#settings.maxCalls || socket.writableLength > MAX_WAITING_BYTES;
    if (!isFull && (!this.#isClosing || this.#takesRest) && socket.isPaused()) socket.resume();
  }

  #data(chunk: Buffer): void {
    if (this.#isClosing && !this.#takesRest) return this.#discard(chunk.length);
    try {
      this.#splitter.push(chunk);
    } catch (thrown) {
      this.#broken(ServiceError.is(thrown) ? thrown : policyError("internal", { cause: thrown }));
    }
    if (this.#running >= this.#settings.maxCalls) this.#socket.pause();
    this.#minding();
  }

  // Its end is to be seen, and no more than a little of what else it sends.
  #discard(bytes: number): void {
    this.#discarded += bytes;
    if (this.#discarded > MAX_DISCARDED_BYTES) this.#socket.pause();
  }

  // A message may take its time, all of its bytes together.
  #minding(): void {
    if (!this.#splitter.isPartial || this.#isClosing) {
      this.#partial?.cancel();
      this.#partial = undefined;
      return;
    }
    const { app, requestTimeoutMs } = this.#settings;
    this.#partial ??= app.clock.expire(requestTimeoutMs, { expire: () => this.#late() });
  }

  #late(): void {
    // While nothing is read, the rest may well be here.
    if (!this.#socket.isPaused()) return this.#broken(policyError("request_timeout"));
    this.#partial = undefined;
    this.#minding();
  }

  #take(incoming: Incoming): void {
    // Of what came at once with what could not be read.
    if (this.#isClosing && !this.#takesRest) return;
    const { app, plans, other, limits } = this.#settings;
    // A message that begins after another has its own time.
    this.#partial?.cancel();
    this.#partial = undefined;
    let reader: ThriftReader | undefined;
    let head = NO_HEAD;
    let refusal = incoming.error;
    try {
      reader = readerOf(incoming.protocol, incoming.body, limits.maxDepth);
      head = reader.readMessageBegin();
    } catch (thrown) {
      refusal ??= ServiceError.is(thrown) ? thrown : malformed("the head of the message cannot be read");
      // The number stands in the header too; without one nobody can be answered.
      if (incoming.framing !== "headers") return this.#broken(refusal);
      head = { ...NO_HEAD, rseqid: incoming.seqid };
    }
    const plan = plans.find(head.fname, incoming);
    const isOneWay = head.mtype === MESSAGE.ONEWAY;
    // Nobody can be answered any more.
    if (this.#takesRest && !isOneWay) return;
    // Of a one-way call the caller was told that it is accepted.
    if (this.#settings.isDraining() && !isOneWay) refusal ??= policyError("draining");
    if (head.mtype !== MESSAGE.CALL && head.mtype !== MESSAGE.ONEWAY) refusal ??= malformed("the message is no call");
    if (plan === undefined) refusal ??= policyError("unknown_method");
    const from = { holder: this, incoming, head, reader: reader as ThriftReader, refusal };
    new ThriftCall(plan ?? other, from, app.clock.now()).run();
    if (incoming.isLast) this.#leave();
  }

  add(call: ThriftCall): void {
    this.#running++;
    if (call.isAnswered) this.#calls.add(call);
    else this.#settings.oneWays.add(call);
  }

  remove(call: ThriftCall): void {
    this.#running--;
    if (call.isAnswered) this.#calls.delete(call);
    else this.#settings.oneWays.remove(call);
    if (this.#running === this.#settings.maxCalls - 1) this.#resume();
    if (this.#calls.size > 0) return;
    this.#idleSinceMs = this.#settings.app.clock.now();
    if (this.#isClosing || this.#settings.isDraining()) this.#end();
  }

  /** What came is no message, or came too late: nothing after it can be read. */
  #broken(error: ServiceError): void {
    if (this.#isClosing) return;
    observe(this.#settings, error, this.peer);
    this.#leave();
  }

  /** Reads nothing more, and ends with the last reply. */
  #leave(): void {
    this.#isClosing = true;
    this.#partial?.cancel();
    this.#socket.pause();
    if (this.#calls.size === 0) this.#end();
  }

  /** Ends once what is written is sent; the peer is given a moment to read it. */
  #end(): void {
    if (this.#isEnded) return;
    this.#takesRest = !this.#isClosing && this.#settings.isDraining();
    this.#isClosing = this.#isEnded = true;
    // After the replies that wait to be flushed.
    queueMicrotask(() => {
      const socket = this.#socket;
      socket.end();
      // What is not read would have the platform cut the connection, and the reply with it.
      socket.resume();
      this.#settings.app.clock.expire(LINGER_MS, { expire: () => socket.destroy() });
    });
  }

  /** The server drains: what is idle ends now, all else with its last reply. */
  drain(): void {
    if (this.#calls.size === 0) this.#end();
  }

  /** Cuts the connection. */
  cut(reason: ServiceError): void {
    for (const call of [...this.#calls]) call.abandon(reason);
    this.#socket.destroySoon();
  }

  #lost(): void {
    this.#isClosing = true;
    this.#partial?.cancel();
    this.#idle?.cancel();
    this.#writing?.cancel();
    for (const call of [...this.#calls]) call.abandon(policyError("canceled"));
  }

  #lookIdle(): void {
    const { app, idleTimeoutMs } = this.#settings;
    const isBusy = this.#running > 0 || this.#splitter.isPartial;
    const leftMs = isBusy ? idleTimeoutMs : this.#idleSinceMs + idleTimeoutMs - app.clock.now();
    if (leftMs <= 0) return this.#end();
    this.#idle = app.clock.expire(leftMs, { expire: () => this.#lookIdle() });
  }
}

/** What never became a call is observed all the same, as a call of no method. */
function observe({ app, other }: ConnectionSettings, error: ServiceError, peer: string): void {
  const from = {
    holder: { peer, outbox: new Outbox({ send: () => undefined }), add: () => undefined, remove: () => undefined },
    incoming: {
      framing: "unframed" as const,
      protocol: "binary" as const,
      headers: undefined,
      body: Buffer.alloc(0),
      seqid: 0,
      error,
      isLast: true,
    },
    // Nobody can be answered.
    head: { ...NO_HEAD, mtype: MESSAGE.ONEWAY },
    reader: undefined as never,
    refusal: error,
  };
  new ThriftCall(other, from, app.clock.now()).run();
}

/** The address at the other end; one of IPv4 that came in through an IPv6 port as what it is. */
function peerOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
}
