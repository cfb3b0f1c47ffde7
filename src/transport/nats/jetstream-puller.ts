/**
 * Asks a consumer for as many messages as there is room for, and no more: what is not asked for stays with the server, for
 * other instances. The package's own `consume` asks for more while handlers still work on what came before.
 *
 * @module
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { systemRandom, type Clock, type Timer } from "../../time/index.ts";
import { readHeaders } from "./headers.ts";
import { limitsOf } from "../limits.ts";

/** How long a request for messages holds. */
const EXPIRES_MS = 30_000;

/** How often the server gives a sign of life while it has none. */
const HEARTBEAT_MS = 5000;

/** How long it may be silent: two signs were lost. */
const SILENCE_MS = 12_000;

/** Before it is tried again what the server refused. */
const REST_MS = 1000;

const MS = 1_000_000;

/** A request timed out, or found nothing in time: the ordinary end. */
const TIMED_OUT = 408;

/** Who gets what is pulled. */
export interface PullHost {
  readonly clock: Clock;
  /** The connection while it stands. */
  readonly up: NatsConnection | undefined;
  /** A message. */
  pulled(msg: Msg): void;
  /** The consumer does not answer, or says that it is gone; resolves when it may be asked again. */
  missed(problem: string): Promise<void>;
}

/** Where to pull. */
export interface PullOptions {
  /** The subject of requests for messages. */
  readonly subject: string;
  readonly inboxPrefix: string;
  /** How many messages may be at work. */
  readonly room: number;
}

/** Pulls from one consumer. */
export class Puller {
  readonly #host: PullHost;
  readonly #options: PullOptions;
  #subscription: Subscription | undefined = undefined;
  #inbox = "";
  /** Asked for and not come yet. */
  #asked = 0;
  /** At work. */
  #taken = 0;
  #heardMs = 0;
  #timer: Timer | undefined = undefined;
  #resting: Timer | undefined = undefined;
  #isStopped = false;

  constructor(host: PullHost, options: PullOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Begins, or begins anew: what was asked for before is forgotten on both sides, since nobody listens for it any more. */
  start(): void {
    const { up, clock } = this.#host;
    if (this.#isStopped || up === undefined) return;
    this.#resting?.cancel();
    this.#resting = undefined;
    this.#unsubscribe();
    const inbox = (this.#inbox = `${this.#options.inboxPrefix}.${systemRandom.hex(11)}`);
    this.#asked = 0;
    this.#heardMs = clock.now();
    this.#subscription = up.subscribe(inbox, {
      callback: (error, msg) => {
        if (error === null) this.#arrived(msg);
        else this.#rest(error.message);
      },
    });
    this.#timer ??= clock.expire(HEARTBEAT_MS, this);
    this.#pull();
  }

  #unsubscribe(): void {
    if (this.#subscription?.isClosed() === false) this.#subscription.unsubscribe();
    this.#subscription = undefined;
  }

  #arrived(msg: Msg): void {
    this.#heardMs = this.#host.clock.now();
    // JetStream's own words come to the inbox itself, messages under their own subject.
    if (msg.subject === this.#inbox) return this.#told(msg);
    if (this.#asked > 0) this.#asked--;
    this.#taken++;
    this.#host.pulled(msg);
    this.#pull();
  }

  #told(msg: Msg): void {
    const headers = readHeaders(msg, msg.subject.length + (msg.reply?.length ?? 0), limitsOf());
    const status = headers?.status ?? 0;
    // 100: a sign of life.
    if (status < 400) return;
    const left = Number(headers?.get("nats-pending-messages") ?? Number.NaN);
    if (status !== TIMED_OUT) return this.#rest(`${status} ${msg.headers?.description ?? ""}`);
    this.#asked = Number.isInteger(left) ? Math.max(0, this.#asked - left) : 0;
    this.#pull();
  }

  /** A message that was at work is done with. */
  freed(): void {
    this.#taken--;
    this.#pull();
  }

  // By halves: a request for each message would cost as much as the message.
  #pull(): void {
    const { room, subject } = this.#options;
    const free = room - this.#taken - this.#asked;
    if (free <= 0 || (this.#asked > 0 && free * 2 < room)) return;
    if (this.#isStopped || this.#resting !== undefined || this.#subscription === undefined) return;
    const { up } = this.#host;
    if (up === undefined) return;
    this.#asked += free;
    const request = { batch: free, expires: EXPIRES_MS * MS, idle_heartbeat: HEARTBEAT_MS * MS };
    try {
      up.publish(subject, JSON.stringify(request), { reply: this.#inbox });
    } catch (error) {
      this.#rest((error as Error).message);
    }
  }

  /** Looks whether the server still gives signs of life. */
  expire(): void {
    this.#timer = undefined;
    const { clock, up } = this.#host;
    if (this.#isStopped) return;
    this.#timer = clock.expire(HEARTBEAT_MS, this);
    if (up === undefined || this.#asked === 0 || clock.now() - this.#heardMs < SILENCE_MS) return;
    this.#rest("nothing heard");
  }

  #rest(problem: string): void {
    if (this.#isStopped || this.#resting !== undefined) return;
    this.#unsubscribe();
    const again = (): void => {
      const mine = this.#resting;
      this.#host.missed(problem).then(
        () => {
          // The connection may have come back meanwhile, and this with it.
          if (this.#resting === mine) this.start();
        },
        () => {
          if (this.#resting === mine && !this.#isStopped) this.#resting = this.#later(again);
        },
      );
    };
    this.#resting = this.#later(again);
  }

  #later(expire: () => void): Timer {
    return this.#host.clock.expire(REST_MS, { expire });
  }

  /** Asks for no more; resolves when all that was sent to us has come. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#resting?.cancel();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (subscription === undefined || subscription.isClosed()) return;
    if (this.#host.up === undefined) subscription.unsubscribe();
    else await subscription.drain().catch(() => undefined);
  }
}
