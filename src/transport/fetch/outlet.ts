/**
 * The way out of a stream of messages where bodies are web streams: asks for more when the platform does.
 *
 * @module
 */

import { nextTurn } from "../../internal/turn.ts";

/** Who is told. */
export interface OutletUser {
  /** The platform wants more. */
  go(): void;
  /** Nobody reads any more. */
  lost(): void;
}

/** As node's own streams have it. */
const HIGH_WATER_BYTES = 16_384;

/** How many messages may go out before others have their turn: a handler that always has more would never let go. */
const TURN = 64;

const encoder = new TextEncoder();

/** Writes text into a body; what is said in one turn goes out in one piece. */
export class Outlet {
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined = undefined;
  readonly #user: OutletUser;
  #text = "";
  #sinceTurn = 0;
  #isResting = false;
  #isOver = false;

  constructor(user: OutletUser) {
    this.#user = user;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => (this.#isResting ? undefined : user.go()),
        cancel: () => {
          this.#isOver = true;
          user.lost();
        },
      },
      { highWaterMark: HIGH_WATER_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
    );
  }

  /** Whether to wait until the platform asks. */
  get isBehind(): boolean {
    return this.#isResting || (this.#controller!.desiredSize ?? 0) <= this.#text.length;
  }

  /** Writes; returns how many bytes that is. */
  write(text: string): number {
    if (this.#isOver) return 0;
    if (this.#text === "") queueMicrotask(() => this.#flush());
    this.#text += text;
    if (++this.#sinceTurn >= TURN && !this.#isResting) {
      this.#isResting = true;
      nextTurn(rested, this);
    }
    return utf8Length(text);
  }

  rested(): void {
    this.#isResting = false;
    this.#sinceTurn = 0;
    if (!this.#isOver && !this.isBehind) this.#user.go();
  }

  /** Writes the last. */
  end(text: string): void {
    if (this.#isOver) return;
    this.#text += text;
    this.#flush();
    this.#isOver = true;
    this.#controller!.close();
  }

  #flush(): void {
    if (this.#isOver || this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#controller!.enqueue(encoder.encode(text));
  }
}

function rested(outlet: Outlet): void {
  outlet.rested();
}

/** The bytes of a text as UTF-8, without encoding it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Each half of a pair counts two, which makes the four of both.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
