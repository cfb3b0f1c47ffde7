/**
 * Two counts over the last so many milliseconds, such as calls and those of them that were accepted.
 *
 * @module
 */

/** A sliding window in steps; `turnTo` comes before anything else is asked or counted. */
export class PairWindow {
  /** The sums over the window. */
  first = 0;
  second = 0;
  /** How many steps there have been, up to a whole window. */
  age = 0;
  readonly #perMs: number;
  readonly #firsts: Float64Array;
  readonly #seconds: Float64Array;
  /** The newest step, counted from the clock's origin, and its place in the ring. */
  #step = -Infinity;
  #place = 0;

  constructor(windowMs: number, steps: number) {
    this.#perMs = steps / windowMs;
    this.#firsts = new Float64Array(steps);
    this.#seconds = new Float64Array(steps);
  }

  /** The second count in the newest step. */
  get secondInStep(): number {
    return this.#seconds[this.#place]!;
  }

  turnTo(nowMs: number): void {
    const step = Math.floor(nowMs * this.#perMs);
    // A clock that steps back must not bring old steps to life again.
    if (step > this.#step) this.#turn(step);
  }

  addFirst(): void {
    this.#firsts[this.#place]!++;
    this.first++;
  }

  addSecond(): void {
    this.#seconds[this.#place]!++;
    this.second++;
  }

  #turn(step: number): void {
    const size = this.#firsts.length;
    const passed = Math.min(size, step - this.#step);
    for (let i = 0; i < passed; i++) {
      this.#place = (this.#place + 1) % size;
      this.first -= this.#firsts[this.#place]!;
      this.second -= this.#seconds[this.#place]!;
      this.#firsts[this.#place] = 0;
      this.#seconds[this.#place] = 0;
    }
    this.age = this.#step === -Infinity ? 1 : Math.min(size, this.age + passed);
    this.#step = step;
  }
}
