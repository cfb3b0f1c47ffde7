/**
 * The way to an ensemble: one connection at a time, to whichever server answers, under one session that goes on from one
 * connection to the next. It stands while somebody holds it.
 *
 * @module
 */
import { policyError, ServiceError } from "../../errors/index.ts";
import type { Random, Timer } from "../../time/index.ts";
import { joined } from "../place.ts";
import type { Link } from "./link.ts";
import { openLink, type OpenOptions, type Session } from "./open-link.ts";
import { shuffled, type Ensemble, type Server } from "./servers.ts";

/** What a connection is made of. */
export interface ConnectionParts {
  readonly ensemble: Ensemble;
  readonly open: OpenOptions;
  readonly random: Random;
}

/** The first wait before another round of the servers, at most; it doubles up to half a session. */
const FIRST_WAIT_MS = 100;
/** A connection that stood this long was a good one. */
const STEADY_MS = 1000;

/** Shared by everything that was made with it. */
export class Connection {
  readonly #parts: ConnectionParts;
  readonly #servers: readonly Server[];
  #next = 0;
  #holders = 0;
  #life: AbortController | undefined = undefined;
  #link: Link | undefined = undefined;
  #opening: Promise<Link> | undefined = undefined;
  #session: Session | undefined = undefined;
  #lastZxid = 0n;
  /** When the session was last known to stand. */
  #heardMs = -Infinity;
  /** How often a server has closed a connection instead of taking the session, one after the other. */
  #turnedAway = 0;
  #rounds = 0;
  #wait: Timer | undefined = undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#servers = shuffled(parts.ensemble.servers, parts.random);
  }

  /** The node below which everything is: "" or "/a". */
  get chroot(): string {
    return this.#parts.ensemble.chroot;
  }

  /** The session that stands, or did last; undefined before the first. */
  get sessionId(): bigint | undefined {
    return this.#session?.id;
  }

  /** How long a session may be silent, as it was asked for: the server's own word is known only later. */
  get sessionTimeoutMs(): number {
    return this.#parts.open.sessionTimeoutMs;
  }

  /** Keeps it open until the function it returns is called; the last to call it closes the session. */
  hold(): () => void {
    this.#holders++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holders === 0) this.#close();
    };
  }

  /** The connection, made when there is none. Rejects when no server takes it; nothing is tried again but for the next who asks. */
  link(signal: AbortSignal): Promise<Link> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#holders === 0) return Promise.reject(policyError("canceled", { message: "nobody holds the connection" }));
    if (this.#link?.isUp === true) return Promise.resolve(this.#link);
    const opening = this.#open();
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      const done = (): void => signal.removeEventListener("abort", abort);
      opening.then(
        (link) => (done(), resolve(link)),
        (error: unknown) => (done(), reject(error as Error)),
      );
    });
  }

  #open(): Promise<Link> {
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#life ??= new AbortController();
    this.#opening ??= this.#round(this.#life.signal);
    return this.#opening;
  }

  async #round(signal: AbortSignal): Promise<Link> {
    try {
      return await this.#firstThatAnswers(signal);
    } catch (error) {
      if (!signal.aborted) this.#retryLater();
      throw error;
    } finally {
      if (this.#life?.signal === signal) this.#opening = undefined;
    }
  }

  async #firstThatAnswers(signal: AbortSignal): Promise<Link> {
    const errors: Error[] = [];
    while (errors.length < this.#servers.length) {
      const server = this.#servers[this.#next++ % this.#servers.length]!;
      try {
        return await this.#to(server, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        errors.push(error as Error);
      }
    }
    const [error] = errors;
    if (errors.length === 1) throw error!;
    const message = `no server of zookeeper can be reached: ${errors.map((one) => one.message).join("; ")}`;
    const { code, reason } = ServiceError.is(error) ? error : policyError("unreachable");
    throw new ServiceError(message, { code, reason, cause: new AggregateError(errors) });
  }

  async #to(server: Server, signal: AbortSignal): Promise<Link> {
    const { open } = this.#parts;
    for (;;) {
      try {
        const request = { server, session: this.#session, lastZxid: this.#lastZxid, signal };
        const opened = await openLink(open, request);
        if (opened === "expired") {
          // Told once of each session; a new one is not over before it began.
          if (this.#session === undefined)
            throw policyError("unreachable", {
              message: `zookeeper ${joined(server.host, server.port)} gives no session`,
            });
          this.#session = undefined;
          continue;
        }
        // Nobody wanted it any more when it was there.
        if (signal.aborted) {
          opened.link.close();
          throw signal.reason as Error;
        }
        this.#stands(opened.link, opened.session);
        return opened.link;
      } catch (error) {
        if (ServiceError.is(error) && error.reason === "connection_lost") this.#isTurnedAway();
        throw error;
      }
    }
  }

  #stands(link: Link, session: Session): void {
    this.#session = session;
    this.#link = link;
    this.#turnedAway = 0;
    const { clock } = this.#parts.open;
    const sinceMs = clock.now();
    this.#heardMs = sinceMs;
    link.listen({
      heard: () => (this.#heardMs = clock.now()),
      lost: () => {
        this.#lastZxid = link.lastZxid > this.#lastZxid ? link.lastZxid : this.#lastZxid;
        if (this.#link !== link) return;
        this.#link = undefined;
        if (this.#holders === 0) return;
        // At once: the session goes on only if another server takes it in time. But not of a server that takes and drops it.
        if (clock.now() - sinceMs < STEADY_MS) return this.#retryLater();
        this.#rounds = 0;
        this.#open().catch(() => {});
      },
    });
  }

  // Servers whose data is older than what was seen here turn a client away for ever: an ensemble that was made anew.
  #isTurnedAway(): void {
    const { now } = this.#parts.open.clock;
    const silentMs = now() - this.#heardMs;
    const isOver = silentMs > (this.#session?.timeoutMs ?? 0);
    if (++this.#turnedAway < 2 * this.#servers.length || !isOver) return;
    this.#session = undefined;
    this.#lastZxid = 0n;
    this.#turnedAway = 0;
  }

  // While nobody asks: a session that holds nodes has to be taken up again in time.
  #retryLater(): void {
    const { open, random } = this.#parts;
    const mostMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#rounds++, 20), open.sessionTimeoutMs / 2);
    this.#wait = open.clock.expire(random.fraction() * mostMs, {
      expire: () => {
        if (this.#holders > 0) this.#open().catch(() => {});
      },
    });
  }

  #close(): void {
    const link = this.#link;
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#link = undefined;
    this.#opening = undefined;
    this.#life?.abort(policyError("canceled", { message: "the connection to zookeeper was closed" }));
    this.#life = undefined;
    link?.close();
    // After that: a link that is over says how far it had come.
    this.#session = undefined;
    this.#lastZxid = 0n;
  }
}
