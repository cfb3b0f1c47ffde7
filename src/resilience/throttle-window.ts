/**
 * Calls and accepted calls of the last so many milliseconds.
 *
 * @module
 */

const STEPS = 20;

/** A sliding window in steps; `turnTo` comes before anything else is asked or counted. */
export class ThrottleWindow {
  /** Calls in the window. */
  calls = 0;
  /** Accepted ones. */
  accepts = 0;
  readonly #perMs: number;
  readonly #calls: Float64Array = new Float64Array(STEPS);
  readonly #accepts: Float64Array = new Float64Array(STEPS);
  #step = -Infinity;
  #place = 0;

  constructor(windowMs: number) {
    this.#perMs = STEPS / windowMs;
  }

  turnTo(nowMs: number): void {
    const step = Math.floor(nowMs * this.#perMs);
    // A clock that steps back must not bring old steps to life again.
    if (step > this.#step) this.#turn(step);
  }

  called(): void {
    this.#calls[this.#place]!++;
    this.calls++;
  }

  accepted(): void {
    this.#accepts[this.#place]!++;
    this.accepts++;
  }

  #turn(step: number): void {
    for (let i = Math.min(STEPS, step - this.#step); i > 0; i--) {
      this.#place = (this.#place + 1) % STEPS;
      this.calls -= this.#calls[this.#place]!;
      this.accepts -= this.#accepts[this.#place]!;
      this.#calls[this.#place] = 0;
      this.#accepts[this.#place] = 0;
    }
    this.#step = step;
  }
}
