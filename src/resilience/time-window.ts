/**
 * The calls of the last so many milliseconds, in steps: the oldest step falls out as a whole.
 *
 * @module
 */
import { exceeds, FAILED, SLOW, type Counts, type Tally, type Threshold } from "./tally.ts";

class Step implements Counts {
  calls = 0;
  failures = 0;
  slow = 0;
}

/** A sliding window by time; the size of its memory does not depend on the number of calls. */
export class TimeWindow implements Tally {
  readonly needsTime: boolean = true;
  readonly #stepMs: number;
  readonly #ring: Step[];
  readonly #sum: Step = new Step();
  readonly #threshold: Threshold;
  /** The number of the newest step, counted from the clock's origin. */
  #newest = -Infinity;

  constructor(size: { readonly windowMs: number; readonly buckets: number }, threshold: Threshold) {
    this.#stepMs = size.windowMs / size.buckets;
    this.#ring = Array.from({ length: size.buckets }, () => new Step());
    this.#threshold = threshold;
  }

  record(marks: number, nowMs: number): boolean {
    const step = this.#stepAt(nowMs);
    const sum = this.#sum;
    step.calls++;
    sum.calls++;
    if ((marks & FAILED) !== 0) {
      step.failures++;
      sum.failures++;
    }
    if ((marks & SLOW) !== 0) {
      step.slow++;
      sum.slow++;
    }
    return exceeds(this.#threshold, sum);
  }

  counts(nowMs: number): Counts {
    this.#stepAt(nowMs);
    return { calls: this.#sum.calls, failures: this.#sum.failures, slow: this.#sum.slow };
  }

  #stepAt(nowMs: number): Step {
    const ring = this.#ring;
    // A clock that steps back must not bring old steps to life again.
    const number = Math.max(Math.floor(nowMs / this.#stepMs), this.#newest);
    const first = Math.max(this.#newest + 1, number - ring.length + 1);
    for (let passed = first; passed <= number; passed++) this.#clear(ring[placeOf(passed, ring.length)]!);
    this.#newest = number;
    return ring[placeOf(number, ring.length)]!;
  }

  #clear(step: Step): void {
    this.#sum.calls -= step.calls;
    this.#sum.failures -= step.failures;
    this.#sum.slow -= step.slow;
    step.calls = 0;
    step.failures = 0;
    step.slow = 0;
  }
}

// The origin of a clock means nothing, so a step's number may be negative.
function placeOf(number: number, size: number): number {
  const place = number % size;
  return place < 0 ? place + size : place;
}
