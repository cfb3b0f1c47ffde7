/**
 * What picks read of all members, in one array: eight numbers a member, which are one line of the processor's cache. As fields of objects each
 * number would be an object of its own, and a pick among ten thousand would wait for memory a dozen times.
 *
 * @module
 */
import type { Learning } from "./strategy.ts";

const WIDTH = 8;
const PENDING = 0;
const WEIGHT = 1;
/** How long answers take. */
const LATENCY = 2;
/** Which part of the calls fails. */
const FAILING = 3;
/** What the member says of its load. */
const LOAD = 4;
/** From how many calls this was learned, and when the last of it. */
const LEARNED = 5;
const LEARNED_MS = 6;

/** Above every cost that was learned: a member of which nothing is known gets one call, and no second before it answers. */
const UNKNOWN_MS = 1e9;

/** Keeps calls in the reckoning when answers take no measurable time. */
const LEAST_MS = 0.01;

/** A failure moves the mean of failures by this much, once there were as many calls. */
const FAILURE_STEP = 1 / 16;

/** A load near 1 must not make a member unreachable: it would never report again. */
const MOST_LOAD = 0.95;

/** The numbers of the members of one balancer. */
export class Ledger {
  #numbers: Float64Array = new Float64Array(16 * WIDTH);
  #rows = 0;
  readonly #free: number[] = [];
  /** The row of all that are closed: whoever still holds one must not write into another's. */
  readonly gone: number;
  readonly #tauMs: number;
  readonly #failureMs: number;
  /** What is younger than this is as good as new, which saves reckoning. */
  readonly #freshMs: number;

  constructor({ tauMs, failureMs }: Learning) {
    this.#tauMs = tauMs;
    this.#failureMs = failureMs;
    this.#freshMs = tauMs / 64;
    this.gone = this.take(1);
  }

  /** Begins a row. */
  take(weight: number): number {
    const row = this.#free.pop() ?? this.#rows++ * WIDTH;
    if (row === this.#numbers.length) {
      const numbers = new Float64Array(row * 2);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    this.#numbers.fill(0, row, row + WIDTH);
    this.#numbers[row + WEIGHT] = weight;
    return row;
  }

  /** Ends a row. */
  release(row: number): void {
    this.#free.push(row);
  }

  pending(row: number): number {
    return this.#numbers[row + PENDING]!;
  }

  /** One call more or less. */
  count(row: number, change: 1 | -1): void {
    this.#numbers[row + PENDING]! += change;
  }

  weight(row: number): number {
    return this.#numbers[row + WEIGHT]!;
  }

  weigh(row: number, weight: number): void {
    this.#numbers[row + WEIGHT] = weight;
  }

  report(row: number, load: number): void {
    if (load >= 0) this.#numbers[row + LOAD] = Math.min(load, MOST_LOAD);
  }

  /** What one more call would cost, see `Member.cost`. */
  cost(row: number, meanWeight: number, nowMs: number): number {
    const numbers = this.#numbers;
    const pending = numbers[row + PENDING]!;
    const waiting = pending === 0 ? 1 : 1 + (pending * meanWeight) / numbers[row + WEIGHT]!;
    if (numbers[row + LEARNED] === 0) return pending === 0 ? 0 : UNKNOWN_MS * waiting;
    let latencyMs = numbers[row + LATENCY]!;
    let failing = numbers[row + FAILING]!;
    // Its first call has paid for the connection: one more says what the others will take.
    if (numbers[row + LEARNED] === 1 && pending === 0 && failing === 0) return 0;
    let load = numbers[row + LOAD]!;
    // What is old counts less, so that one that was slow is tried again; but not while calls to it are out, which may be stuck.
    const idleMs = nowMs - numbers[row + LEARNED_MS]!;
    if (pending === 0 && idleMs > this.#freshMs) {
      const left = Math.exp(-idleMs / this.#tauMs);
      latencyMs *= left;
      failing *= left;
      load *= left;
    }
    const cost = (latencyMs + LEAST_MS) * waiting + this.#failureMs * failing * failing;
    return load === 0 ? cost : cost / (1 - load);
  }

  /** Peak EWMA: up at once, down slowly. (Finagle's, with the time since the last answer as its weight.) */
  succeed(row: number, tookMs: number, nowMs: number): void {
    const numbers = this.#numbers;
    const left = this.#learn(row, 0, nowMs);
    const latencyMs = numbers[row + LATENCY]!;
    numbers[row + LATENCY] =
      tookMs >= latencyMs || numbers[row + LEARNED]! <= 2 ? tookMs : latencyMs * left + tookMs * (1 - left);
  }

  /** A failure in no time says nothing good: it never lowers what is known. */
  fail(row: number, tookMs: number, nowMs: number): void {
    this.#learn(row, 1, nowMs);
    if (tookMs > this.#numbers[row + LATENCY]!) this.#numbers[row + LATENCY] = tookMs;
  }

  /**
   * Whoever left would have waited at least so long. Without this, one whose slow calls are all called off (by hedges) would stay
   * as cheap as it was, and a newcomer that never answers would be asked again and again.
   */
  endure(row: number, tookMs: number, nowMs: number): void {
    const numbers = this.#numbers;
    const learned = numbers[row + LEARNED]!;
    if (learned > 0 && tookMs <= numbers[row + LATENCY]!) return;
    numbers[row + LATENCY] = tookMs;
    numbers[row + LEARNED_MS] = nowMs;
    // No further call for nothing: it did not answer the first.
    if (learned < 2) numbers[row + LEARNED] = 2;
  }

  /** Counts a success (0) or failure (1), and gives the part that is left of what was known. */
  #learn(row: number, failed: 0 | 1, nowMs: number): number {
    const numbers = this.#numbers;
    const idleMs = nowMs - numbers[row + LEARNED_MS]!;
    const learned = ++numbers[row + LEARNED]!;
    numbers[row + LEARNED_MS] = nowMs;
    const left = idleMs > 0 && learned > 1 ? Math.exp(-idleMs / this.#tauMs) : 1;
    const failing = numbers[row + FAILING]! * left;
    numbers[row + FAILING] = failing + (failed - failing) * Math.max(FAILURE_STEP, 1 / learned);
    return left;
  }
}
