/**
 * Writes an answer piece by piece: the next piece is asked for when the peer has taken the last, and whoever stops reading
 * is cut off in time.
 *
 * @module
 */
import type { Writable } from "node:stream";
import { policyError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";

/** Where the pieces come from and go. */
export interface Pouring {
  readonly body: AsyncIterator<Uint8Array>;
  readonly to: Writable;
  readonly clock: Clock;
  /** How long the peer may take over one piece, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** How many bytes were announced; undefined when nobody knows. */
  readonly byteLength: number | undefined;
  /** Called before the first byte, when it is sure that there is one, or that the body is empty. */
  begin(): void;
  /** Called with the size of each piece that was written. */
  wrote(bytes: number): void;
  /** Whether nobody wants the rest. */
  isOver(): boolean;
}

/**
 * Pours all of a body, without ending what it is poured into. What the source throws is thrown on; before `begin` was
 * called, the peer can still be told.
 */
export async function pour(pouring: Pouring): Promise<void> {
  const { body, to, byteLength } = pouring;
  let bytes = 0;
  let isDone = false;
  try {
    for (let isFirst = true; ; isFirst = false) {
      const { done, value } = await body.next();
      isDone = done === true;
      if (pouring.isOver()) return;
      if (!isDone && !(value instanceof Uint8Array)) throw new TypeError("a stream of bytes should give Uint8Arrays");
      bytes += isDone ? 0 : value.length;
      if (byteLength !== undefined && (bytes > byteLength || (isDone && bytes < byteLength)))
        throw new RangeError(
          `the body should have the ${byteLength} bytes that were announced, it has ${isDone ? "fewer" : "more"}`,
        );
      if (isFirst) pouring.begin();
      if (isDone) return;
      pouring.wrote(value.length);
      if (value.length > 0 && !to.write(value)) await drained(pouring);
      if (pouring.isOver()) return;
    }
  } finally {
    if (!isDone) await body.return?.();
  }
}

function drained({ to, clock, writeTimeoutMs }: Pouring): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      to.removeListener("drain", settle);
      to.removeListener("close", settle);
      resolve();
    };
    const timer = clock.expire(writeTimeoutMs, {
      expire() {
        to.removeListener("drain", settle);
        to.removeListener("close", settle);
        reject(policyError("canceled", { message: "the peer stopped reading" }));
      },
    });
    to.on("drain", settle);
    to.on("close", settle);
    if (to.destroyed) settle();
  });
}
