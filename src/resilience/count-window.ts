/**
 * The last so many calls: a ring of marks, and their sums.
 *
 * @module
 */
import { exceeds, FAILED, SLOW, type Counts, type Tally, type Threshold } from "./tally.ts";

/** A sliding window by number of calls. One byte a call. */
export class CountWindow implements Tally, Counts {
  readonly needsTime: boolean = false;
  readonly #ring: Uint8Array;
  readonly #threshold: Threshold;
  #next = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  constructor(size: number, threshold: Threshold) {
    this.#ring = new Uint8Array(size);
    this.#threshold = threshold;
  }

  record(marks: number): boolean {
    const ring = this.#ring;
    const place = this.#next;
    if (this.calls === ring.length) this.#add(ring[place]!, -1);
    else this.calls++;
    ring[place] = marks;
    this.#next = place + 1 === ring.length ? 0 : place + 1;
    this.#add(marks, 1);
    return exceeds(this.#threshold, this);
  }

  counts(): Counts {
    return { calls: this.calls, failures: this.failures, slow: this.slow };
  }

  #add(marks: number, by: 1 | -1): void {
    if ((marks & FAILED) !== 0) this.failures += by;
    if ((marks & SLOW) !== 0) this.slow += by;
  }
}
