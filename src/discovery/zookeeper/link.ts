/**
 * One connection to one server: what is asked and answered on it in order, what the server tells by itself, and the
 * heart-beat that notices a server which says nothing.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import { Refusal, SESSION_EXPIRED, SESSION_MOVED } from "./failure.ts";
import { Frames } from "./frames.ts";
import { JuteReader, JuteWriter, malformed } from "./jute.ts";

/** Who is told of what happens on a connection. */
export interface LinkListener {
  /** Something about the node at this path has changed. */
  changed?(path: string): void;
  /** The server answered a heart-beat. */
  heard?(): void;
  /** The connection is over. */
  lost?(error: ServiceError): void;
}

/** One question: what it is, and how it is written and named. */
export interface Question {
  readonly type: number;
  /** For people, e.g. `create /services/add`. */
  readonly name: string;
  write(to: JuteWriter): void;
}

/** What a connection is made of. */
export interface LinkParts {
  readonly socket: Socket;
  /** For people. */
  readonly server: string;
  readonly clock: Clock;
  /** As the server decided. */
  readonly sessionTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly lastZxid: bigint;
}

interface Waiting {
  readonly name: string;
  resolve(reply: JuteReader): void;
  reject(error: Error): void;
}

const WATCH_EVENT = -1;
const PING = -2;
const PING_TYPE = 11;
const CLOSE_TYPE = -11;
/** More at once on one connection means that somebody asks in a circle. */
const MAX_WAITING = 10_000;

/** A connection whose session stands. */
export class Link {
  readonly server: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #frames: Frames;
  readonly #listeners = new Set<LinkListener>();
  /** In the order of asking, which is the order of answers. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #beatMs: number;
  #lastZxid: bigint;
  #xid = 0;
  #error: ServiceError | undefined = undefined;
  #beat: Timer;
  #dueMs: number;
  #isUnanswered = false;

  constructor({ socket, server, clock, sessionTimeoutMs, maxMessageBytes, lastZxid }: LinkParts) {
    this.server = server;
    this.#socket = socket;
    this.#clock = clock;
    this.#lastZxid = lastZxid;
    this.#frames = new Frames(maxMessageBytes, (content) => this.#received(new JuteReader(content)));
    this.#beatMs = sessionTimeoutMs / 3;
    this.#dueMs = clock.now() + this.#beatMs;
    this.#beat = clock.expire(this.#beatMs, { expire: () => this.#onBeat() });
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.once("error", (cause) => this.end(this.#lost(cause.message, cause)));
    socket.once("close", () => this.end(this.#lost("the server closed it")));
  }

  /** Whether it stands. */
  get isUp(): boolean {
    return this.#error === undefined;
  }

  /** The newest change of which the server told, so that no older state is read from another server. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** Hears what happens from now on; the function it returns ends that. Of one that is over, it hears so at once. */
  listen(listener: LinkListener): () => void {
    if (this.#error !== undefined) listener.lost?.(this.#error);
    else this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Asks, and resolves with the answer's content. Rejects with a `Refusal` when the answer is no. */
  ask(question: Question, signal?: AbortSignal): Promise<JuteReader> {
    const { name } = question;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.#error !== undefined) return reject(this.#error);
      if (this.#waiting.size >= MAX_WAITING) return reject(policyError("overloaded"));
      this.#xid = (this.#xid + 1) & 0x7fff_ffff;
      const xid = this.#xid;
      // Its place stays when it is given up: an answer comes all the same.
      const abort = (): void => reject(signal!.reason as Error);
      const done = (): void => signal?.removeEventListener("abort", abort);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.set(xid, {
        name,
        resolve: (reply) => (done(), resolve(reply)),
        reject: (error) => (done(), reject(error)),
      });
      this.#send(xid, question);
    });
  }

  /** Gives credentials; rejects when they are not taken. */
  authenticate(scheme: string, credentials: Uint8Array): Promise<JuteReader> {
    const question = {
      type: 100,
      name: "the credentials",
      write: (to: JuteWriter) => to.int(0).string(scheme).buffer(credentials),
    };
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#waiting.set(-4, { name: question.name, resolve, reject });
      this.#send(-4, question);
    });
  }

  /** Takes what the socket gave. */
  take(chunk: Buffer): void {
    if (this.#error !== undefined) return;
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.end(error as ServiceError);
    }
  }

  /** Ends the connection: everybody who waits hears why. */
  end(error: ServiceError): void {
    if (this.#error !== undefined) return;
    this.#socket.destroy();
    this.#over(error);
  }

  #over(error: ServiceError): void {
    this.#error = error;
    this.#beat.cancel();
    const [waiting, listeners] = [[...this.#waiting.values()], [...this.#listeners]];
    this.#waiting.clear();
    this.#listeners.clear();
    for (const one of waiting) one.reject(error);
    for (const listener of listeners) listener.lost?.(error);
  }

  /** Ends the session and the connection; what is ephemeral in it is gone then. Nobody waits for an answer: a frozen server gives none. */
  close(): void {
    if (this.#error !== undefined) return;
    this.#send(++this.#xid, { type: CLOSE_TYPE, name: "close", write: () => {} });
    this.#over(policyError("canceled", { message: `the connection to zookeeper ${this.server} was closed` }));
    // A server may say more, also that it minds.
    this.#socket.on("error", () => {}).destroySoon();
  }

  #received(content: JuteReader): void {
    this.#isUnanswered = false;
    const xid = content.int();
    const zxid = content.long();
    const number = content.int();
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (xid === PING) {
      for (const listener of this.#listeners) listener.heard?.();
      return;
    }
    if (xid === WATCH_EVENT) {
      // What happened (type, state) is not needed: whoever listens looks again.
      content.int();
      content.int();
      const path = content.string();
      for (const listener of this.#listeners) listener.changed?.(path);
      return;
    }
    const [next] = this.#waiting.keys();
    const one = this.#waiting.get(xid);
    if (one === undefined || next !== xid) throw malformed("an answer that nobody waits for");
    this.#waiting.delete(xid);
    if (number === 0) return one.resolve(content);
    const refusal = new Refusal(number, one.name);
    one.reject(refusal);
    if (number === SESSION_EXPIRED || number === SESSION_MOVED) this.end(refusal);
  }

  // A third of the time-out is left when a server has been silent for two: time to go to another.
  #onBeat(): void {
    const now = this.#clock.now();
    // Late, so this process stood still: the answer may lie unread in the socket.
    const isLate = now - this.#dueMs > this.#beatMs / 2;
    if (this.#isUnanswered && !isLate)
      return this.end(this.#lost(`the server said nothing for ${Math.round(this.#beatMs)} ms`));
    this.#isUnanswered = true;
    this.#send(PING, { type: PING_TYPE, name: "ping", write: () => {} });
    this.#dueMs = now + this.#beatMs;
    this.#beat = this.#clock.expire(this.#beatMs, { expire: () => this.#onBeat() });
  }

  #send(xid: number, question: Question): void {
    const to = new JuteWriter().int(xid).int(question.type);
    question.write(to);
    this.#socket.write(to.frame());
  }

  #lost(why: string, cause?: unknown): ServiceError {
    return policyError("connection_lost", {
      message: `the connection to zookeeper ${this.server} is lost: ${why}`,
      cause,
    });
  }
}
