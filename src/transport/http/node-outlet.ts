/**
 * Writing many small messages to a stream of node's: what is said in one turn goes out in one piece, no faster than the
 * peer takes it, and with other work in between.
 *
 * @module
 */
import type { Writable } from "node:stream";

/** Above this, what is gathered goes out before the turn is over. */
const PIECE = 16_384;

/**
 * How many messages may go out before others have their turn: writing to a peer that keeps up is over at once, and a
 * handler that always has more to say would never let go of the loop.
 */
const TURN = 64;

/** Who is told when there is room again. */
export interface OutletUser {
  /** There is room again. */
  go(): void;
  /** The peer takes no more for now. */
  stalled(): void;
  /** It takes again. */
  released(): void;
}

/** The way out of one stream. */
export class Outlet {
  readonly #to: Writable;
  readonly #user: OutletUser;
  #text = "";
  #sinceTurn = 0;
  #isScheduled = false;
  #isStalled = false;
  #isResting = false;
  #isOver = false;

  constructor(to: Writable, user: OutletUser) {
    this.#to = to;
    this.#user = user;
  }

  /** Whether to wait for `go`. */
  get isBehind(): boolean {
    return this.#isStalled || this.#isResting;
  }

  /** Writes; returns how many bytes that is. */
  write(text: string): number {
    if (this.#isOver) return 0;
    this.#text = this.#text === "" ? text : this.#text + text;
    this.#sinceTurn++;
    if (this.#text.length >= PIECE) this.#flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(flush, this);
    }
    if (this.#sinceTurn >= TURN && !this.#isResting) this.#rest();
    return Buffer.byteLength(text);
  }

  /** Writes the last. */
  end(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const last = this.#text + text;
    this.#text = "";
    if (last === "") this.#to.end();
    else this.#to.end(last);
  }

  /** Nothing goes out any more. */
  stop(): void {
    this.#isOver = true;
    this.#text = "";
  }

  flushNow(): void {
    this.#isScheduled = false;
    if (this.#text !== "") this.#flush();
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    if (this.#to.write(text) || this.#isStalled) return;
    this.#isStalled = true;
    this.#to.once("drain", () => {
      this.#isStalled = false;
      this.#user.released();
      this.#rest();
    });
    this.#user.stalled();
  }

  #rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    // oxlint-disable-next-line no-restricted-globals -- a turn of the loop for others, not a wait
    setImmediate(rested, this);
  }

  rested(): void {
    this.#isResting = false;
    this.#sinceTurn = 0;
    if (!this.#isStalled && !this.#isOver) this.#user.go();
  }
}

function flush(outlet: Outlet): void {
  outlet.flushNow();
}

function rested(outlet: Outlet): void {
  outlet.rested();
}
