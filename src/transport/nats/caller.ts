/**
 * A connection as clients share it: one inbox for all answers, and who waits for which.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import { systemRandom, type Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { Pending } from "../pending.ts";
import type { NatsExchange } from "./client-call.ts";
import type { ClientStream } from "./client-stream.ts";
import { readHeaders, sizeOf, type NatsHeaders } from "./headers.ts";
import type { Link, LinkOwner } from "./link.ts";

/** What a caller holds to. */
export interface CallerOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly inboxPrefix: string;
  /** Whether calls wait for a connection that is lost, as long as they have time, or fail at once. */
  readonly waits: boolean;
  /** How many may wait. Default: 1000. */
  readonly maxWaiting?: number | undefined;
}

/** The streams' part of the inbox, which the numbers of calls cannot be mistaken for. */
const STREAM_MARK = "s";

/** How many requests are taken back after the connection was lost; those beyond end with their deadlines. */
const MAX_ABANDONED = 10_000;

/** How many calls may wait for the connection, unless told. */
export const MAX_WAITING = 1000;

/** When they are told once more. */
const AGAIN_MS = 2000;

/** A connection and who waits on it. */
export class Caller implements LinkOwner {
  readonly options: CallerOptions;
  /** The inbox, to which the number of a call is joined. */
  readonly inbox: string;
  readonly pending: Pending<NatsExchange> = new Pending();
  readonly #link: Link;
  readonly #streams = new Map<string, ClientStream>();
  #lastStream = 0;
  /** What the connection's loss has ended here and not where it is worked on: the subject to say so at, and the inbox. */
  #abandoned: (readonly [string, string])[] = [];
  /** The server we are connected to. */
  peer = "";

  constructor(options: CallerOptions, linked: (owner: LinkOwner) => Link) {
    this.options = options;
    this.inbox = `${options.inboxPrefix}.${systemRandom.hex(11)}.`;
    this.#link = linked(this);
  }

  /** The connection while it stands. */
  get up(): NatsConnection | undefined {
    return this.#link.up;
  }

  /**
   * The connection, once it stands.
   *
   * @throws {ServiceError} unreachable, or overloaded when too many wait already.
   */
  ready(call: ActiveCall): Promise<NatsConnection> {
    const { waits, maxWaiting = MAX_WAITING } = this.options;
    if (this.#link.isLost && !waits) return Promise.reject(policyError("unreachable"));
    if (this.#link.waiting >= maxWaiting) {
      const message = `more than ${maxWaiting} calls wait for the broker`;
      return Promise.reject(policyError("overloaded", { message }));
    }
    return this.#link.ready(call);
  }

  connected(connection: NatsConnection): void {
    this.peer = `nats://${connection.getServer()}`;
    connection.subscribe(`${this.inbox}*`, {
      callback: (error, msg) => {
        if (error === null) return this.#arrived(msg);
        // Without an inbox no answer will ever come.
        this.#fail();
      },
    });
  }

  lost(): void {
    this.#fail();
  }

  back(): void {
    const connection = this.#link.up!;
    this.peer = `nats://${connection.getServer()}`;
    const abandoned = this.#abandoned.splice(0);
    const expire = (): void => {
      for (const [subject, inbox] of abandoned) this.takeBack(subject, inbox);
    };
    expire();
    // Once more: whoever works on it may come back later than we did.
    if (abandoned.length > 0) this.options.clock.expire(AGAIN_MS, { expire });
  }

  /** Takes a request back now, or when the connection is back. */
  takeBack(subject: string, inbox: string): void {
    const connection = this.#link.up;
    if (connection === undefined) {
      if (this.#abandoned.length < MAX_ABANDONED) this.#abandoned.push([subject, inbox]);
      return;
    }
    try {
      connection.publish(subject, inbox);
    } catch {
      // Nobody can be told; the deadline ends it there.
    }
  }

  ended(): void {
    // The next call makes a new one.
  }

  #fail(): void {
    const error = policyError("connection_lost");
    this.pending.failAll(error);
    for (const stream of [...this.#streams.values()]) stream.lost(error);
  }

  #arrived(msg: Msg): void {
    const { subject } = msg;
    const at = this.inbox.length;
    if (subject.charCodeAt(at) === STREAM_MARK.charCodeAt(0)) return this.#streamed(msg, subject.slice(at));
    const call = this.pending.get(numberAt(subject, at));
    // Too late: whoever asked has been told something else.
    if (call === undefined) return;
    try {
      call.waiting.answered(call, msg, this.#headers(msg));
    } catch (error) {
      // Not into the package: it would stop to read.
      call.reject(policyError("invalid_response", { cause: error }));
    }
  }

  #streamed(msg: Msg, key: string): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    try {
      stream.arrived(msg, this.#headers(msg));
    } catch (error) {
      stream.lost(policyError("connection_lost", { cause: error }));
    }
  }

  #headers(msg: Msg): NatsHeaders | undefined {
    const { subject, data } = msg;
    // Most answers have neither headers nor a reply subject.
    if (sizeOf(msg) === subject.length + data.length) return undefined;
    return readHeaders(msg, subject.length + (msg.reply?.length ?? 0), this.options.limits);
  }

  /** Lets a stream be found; returns where its answers go. */
  add(stream: ClientStream): string {
    const key = `${STREAM_MARK}${++this.#lastStream}`;
    this.#streams.set(key, stream);
    return this.inbox + key;
  }

  remove(inbox: string): void {
    this.#streams.delete(inbox.slice(this.inbox.length));
  }

  /** Lets go of the connection. */
  async close(): Promise<void> {
    await this.pending.idle();
    const error = policyError("connection_lost");
    for (const stream of [...this.#streams.values()]) stream.lost(error);
    await this.#link.close(this.options.clock);
  }
}

/** The number that ends a subject; -1 when none does. */
function numberAt(subject: string, at: number): number {
  let number = 0;
  const { length } = subject;
  if (at >= length || length - at > 16) return -1;
  for (let i = at; i < length; i++) {
    const digit = subject.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
