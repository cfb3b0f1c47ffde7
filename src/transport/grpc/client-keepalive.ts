/**
 * Finding out that a peer is gone which has not said so: a cable, a firewall that forgot, a frozen process.
 *
 * @module
 */
import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import type { Clock, Timer } from "../../time/index.ts";

/** When a silent peer is asked for a sign of life. */
export interface ClientKeepaliveOptions {
  /**
   * How long a peer may be silent while calls are open before it is asked, in milliseconds from 100 to an hour. Default:
   * 20 s: longer than almost every call takes, and shorter than anybody waits. Each further question to a peer that only
   * ever answers those waits twice as long, and five minutes from the fourth on: more often, and gRPC servers as they come
   * (Go, C++, Java) hang up with "too_many_pings".
   */
  readonly afterMs?: number | undefined;
  /** How long it has to answer, 10 ms to 5 min. Default: 10 s: a peer that is only busy takes seconds at worst. */
  readonly timeoutMs?: number | undefined;
}

/** The same with every default filled in, for all connections to one instance. */
export interface KeepaliveSettings {
  /** Doubled each time the peer finds it too often. */
  afterMs: number;
  readonly timeoutMs: number;
}

/** Checks the options; undefined for none. */
export function keepaliveSettings(options: ClientKeepaliveOptions | false | undefined): KeepaliveSettings | undefined {
  if (options === false) return undefined;
  if (options !== undefined && (typeof options !== "object" || options === null))
    throw new TypeError(`keepalive should be options or false, got ${shown(options)}`);
  const { afterMs = 20_000, timeoutMs = 10_000 } = options ?? {};
  if (options !== undefined) checkNames("keepalive", options, ["afterMs", "timeoutMs"]);
  return {
    afterMs: checkNumber("keepalive: afterMs", afterMs, { min: 100, max: 3_600_000 }),
    timeoutMs: checkNumber("keepalive: timeoutMs", timeoutMs, { min: 10, max: 300_000 }),
  };
}

/** What servers by default want between questions that no data follow (gRPC's A8; two may be nearer, a third not). */
const POLITE_MS = 300_000;

/** How many questions in a row may be nearer than that. */
const MOST_EARLY = 3;

interface Watched {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  readonly clock: Clock;
}

/** The watch over one connection, which runs while calls are open on it. */
export class Keepalive {
  readonly #watched: Watched;
  readonly #settings: KeepaliveSettings;
  #timer: Timer | undefined = undefined;
  /** Bytes that had come when the watch began anew. */
  #bytes = 0;
  #asked = 0;
  #isWaiting = false;
  #calls = 0;

  constructor(watched: Watched, settings: KeepaliveSettings) {
    this.#watched = watched;
    this.#settings = settings;
  }

  /** A call has begun. */
  begin(active: number): void {
    this.#calls++;
    if (active > 1) return;
    this.#asked = 0;
    this.#watch();
  }

  /** The last open call is over. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The peer hung up, with these words: it is asked less often from now on, over further connections too (gRPC's A8). */
  heed(words: Buffer | undefined): void {
    if (words?.toString("latin1") !== "too_many_pings") return;
    const { afterMs } = this.#settings;
    this.#settings.afterMs = Math.max(afterMs, Math.min(POLITE_MS, afterMs * 2));
  }

  #watch(): void {
    const { clock, socket } = this.#watched;
    this.#bytes = socket.bytesRead;
    this.#calls = 0;
    const { afterMs } = this.#settings;
    const waitMs = this.#asked < MOST_EARLY ? afterMs * 2 ** this.#asked : Math.max(POLITE_MS, afterMs);
    this.#timer = clock.expire(waitMs, this);
  }

  expire(): void {
    const { session, socket, clock } = this.#watched;
    if (this.#isWaiting) {
      socket.destroy(new Error(`the peer did not answer a ping within ${this.#settings.timeoutMs} ms`));
      return;
    }
    // Whatever came, came from somebody alive; and a new call is a reason to ask anew.
    if (socket.bytesRead !== this.#bytes) {
      this.#asked = 0;
      return this.#watch();
    }
    if (session.destroyed) return;
    this.#asked = this.#calls > 0 ? 1 : this.#asked + 1;
    this.#isWaiting = true;
    this.#timer = clock.expire(this.#settings.timeoutMs, this);
    try {
      session.ping(() => this.#answered());
    } catch {
      // It is being closed: its end comes by itself.
      this.#answered();
    }
  }

  #answered(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#watch();
  }
}
