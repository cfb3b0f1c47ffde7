/**
 * One end of a stream: messages out as the other end gives leave, messages in as they are read, in order and without a gap,
 * and a sign of life now and then. Both sides of a call have one.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { Frame } from "./frame.ts";

/** How many messages may be on their way to a reader that has not read them. */
export const WINDOW = 32;

/** However generous a peer is: more would only wait in memory. */
const MAX_CREDIT = 1024;

/** How many signs of life may fail to come. */
const MISSES = 3;

/** How frames leave; it throws when they cannot. */
export interface StreamPort {
  send(frame: Frame, data: Uint8Array): void;
  /** The stream is over because of the other end, or of what lies between. */
  lost(error: ServiceError): void;
}

/** How a stream is kept up. */
export interface StreamTimes {
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

const NOTHING = new Uint8Array(0);

interface Reader {
  resolve(data: Uint8Array | undefined): void;
  reject(error: ServiceError): void;
}

/** One end. */
export class StreamEnd {
  readonly #port: StreamPort;
  readonly #times: StreamTimes;
  #closed: ServiceError | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #missed = 0;
  // Out.
  #sent = 0;
  #credit = 0;
  #writer: { resolve(): void; reject(error: ServiceError): void } | undefined = undefined;
  // In.
  #queue: Uint8Array[] = [];
  #received = 0;
  /** Of the leave given: what is not used up, and what was read since and can be given again. */
  #open = 0;
  #taken = 0;
  #isComplete = false;
  #reader: Reader | undefined = undefined;

  constructor(port: StreamPort, times: StreamTimes) {
    this.#port = port;
    this.#times = times;
  }

  /** Begins to look for signs of life, and to give them. */
  watch(): void {
    this.#timer ??= this.#times.clock.expire(this.#times.heartbeatMs, this);
  }

  /** Time for a sign of life. */
  expire(): void {
    this.#timer = undefined;
    if (this.#closed !== undefined) return;
    if (++this.#missed > MISSES) return this.#port.lost(policyError("connection_lost"));
    this.watch();
    try {
      this.#port.send({ word: "ping", number: 0 }, NOTHING);
    } catch {
      // Whoever knows why tells this end.
    }
  }

  get isOver(): boolean {
    return this.#closed !== undefined;
  }

  /** How many messages went out. */
  get sent(): number {
    return this.#sent;
  }

  /** The other end said something. */
  take({ word, number }: Frame, data: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#missed = 0;
    if (word === "credit") return this.#grant(number);
    if (word === "message") return this.#message(number, data);
    if (word === "end") this.#complete(number);
  }

  #grant(number: number): void {
    this.#credit = Math.min(MAX_CREDIT, this.#credit + number);
    const writer = this.#writer;
    if (writer === undefined || this.#credit === 0) return;
    this.#writer = undefined;
    writer.resolve();
  }

  #message(number: number, data: Uint8Array): void {
    if (!this.follows(number) || this.#isComplete) return this.#gap();
    this.#received = number;
    if (--this.#open < 0)
      return this.#port.lost(policyError("malformed_message", { message: "more messages came than were asked for" }));
    const reader = this.#reader;
    if (reader === undefined) return void this.#queue.push(data);
    this.#reader = undefined;
    this.#read();
    reader.resolve(data);
  }

  // NATS delivers once or not at all: what is missing does not come.
  #gap(): void {
    this.#port.lost(policyError("connection_lost", { message: "messages of the stream were lost" }));
  }

  /** Whether a message, or the end, with this number is the next. */
  follows(number: number): boolean {
    return number === this.#received + 1;
  }

  #complete(number: number): void {
    if (!this.follows(number)) return this.#gap();
    this.#isComplete = true;
    this.#reader?.resolve(undefined);
    this.#reader = undefined;
  }

  /** Gives leave to send, before anything was read. */
  invite(): void {
    this.#open = WINDOW;
    this.#port.send({ word: "credit", number: WINDOW }, NOTHING);
  }

  /** The same, said with the request. */
  invited(): void {
    this.#open = WINDOW;
  }

  #read(): void {
    if (++this.#taken < WINDOW / 2 || this.#isComplete || this.#closed !== undefined) return;
    this.#open += this.#taken;
    const number = this.#taken;
    this.#taken = 0;
    this.#port.send({ word: "credit", number }, NOTHING);
  }

  /** The next message; undefined when there are no more. Rejects once the stream is over. */
  read(): Promise<Uint8Array | undefined> {
    const data = this.#queue.shift();
    if (data !== undefined) {
      try {
        this.#read();
      } catch {
        // The connection is gone, and this end will be told.
      }
      return Promise.resolve(data);
    }
    if (this.#isComplete) return Promise.resolve(undefined);
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => void (this.#reader = { resolve, reject }));
  }

  /** Sends a message; a promise when the next has to wait for leave. */
  write(data: Uint8Array): Promise<void> | undefined {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#credit > 0) return void this.#write(data);
    return this.room().then(() => this.#write(data));
  }

  /** Resolves once the other end gives leave to send. */
  room(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#credit > 0) return Promise.resolve();
    return new Promise((resolve, reject) => void (this.#writer = { resolve, reject }));
  }

  #write(data: Uint8Array): void {
    if (this.#closed !== undefined) throw this.#closed;
    this.#credit--;
    this.#port.send({ word: "message", number: this.#sent + 1 }, data);
    this.#sent++;
  }

  /** Says that no more messages come. */
  finish(): void {
    if (this.#closed === undefined) this.#port.send({ word: "end", number: this.#sent + 1 }, NOTHING);
  }

  /** It is over: whoever reads what has not come, or waits to write, hears why. What has come can still be read. */
  close(error: ServiceError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#timer?.cancel();
    this.#reader?.reject(error);
    this.#writer?.reject(error);
    this.#reader = undefined;
    this.#writer = undefined;
  }
}
