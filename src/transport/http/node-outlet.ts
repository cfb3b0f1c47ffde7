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

/** The way out of one stream, whatever is gathered: texts, or messages in frames. */
export abstract class PacedOutlet<Piece> {
  readonly #to: Writable;
  readonly #user: OutletUser;
  #sinceTurn = 0;
  #isScheduled = false;
  #isStalled = false;
  #isResting = false;
  #isOver = false;

  constructor(to: Writable, user: OutletUser) {
    this.#to = to;
    this.#user = user;
  }

  /** How much is gathered: characters of text, or bytes. */
  protected abstract readonly gathered: number;

  /** Adds a piece to what is gathered; returns how many bytes it has. */
  protected abstract gather(piece: Piece): number;

  /** All that is gathered, which begins anew. */
  protected abstract taken(): string | Uint8Array;

  /** Whether to wait for `go`. */
  get isBehind(): boolean {
    return this.#isStalled || this.#isResting;
  }

  /** Writes; returns how many bytes that is. */
  write(piece: Piece): number {
    if (this.#isOver) return 0;
    const bytes = this.gather(piece);
    this.#sinceTurn++;
    if (this.gathered >= PIECE) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(flush, this);
    }
    if (this.#sinceTurn >= TURN && !this.#isResting) this.#rest();
    return bytes;
  }

  /** Writes the last, if there is one more, and ends the stream. */
  end(piece?: Piece): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (piece !== undefined) this.gather(piece);
    if (this.gathered === 0) this.#to.end();
    else this.#to.end(this.taken());
  }

  /** Nothing goes out any more. */
  stop(): void {
    this.#isOver = true;
    this.taken();
  }

  flushNow(): void {
    this.#isScheduled = false;
    if (this.gathered > 0) this.flush();
  }

  protected flush(): void {
    if (this.#to.write(this.taken()) || this.#isStalled) return;
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

/** The same for text. */
export class Outlet extends PacedOutlet<string> {
  #text = "";

  protected get gathered(): number {
    return this.#text.length;
  }

  protected gather(text: string): number {
    this.#text = this.#text === "" ? text : this.#text + text;
    return Buffer.byteLength(text);
  }

  protected taken(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

function flush(outlet: PacedOutlet<unknown>): void {
  outlet.flushNow();
}

function rested(outlet: PacedOutlet<unknown>): void {
  outlet.rested();
}
