/**
 * Dates in ISO 8601 for lines that come in thousands a second: the part up to the second is made once a second, and the
 * lines of one millisecond share their text.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";

/** The date of now as text between a fixed start and end, e.g. `2026-01-01T00:00:00.000Z`. */
export class Stamp {
  readonly #clock: Clock;
  readonly #start: string;
  readonly #end: string;
  #dateMs = NaN;
  #secondMs = NaN;
  #second = "";
  #text = "";

  constructor(clock: Clock, start: string = "", end: string = "") {
    this.#clock = clock;
    this.#start = start;
    this.#end = end;
  }

  /** @throws {RangeError} when the clock's date is none. */
  text(): string {
    const dateMs = this.#clock.date();
    return dateMs === this.#dateMs ? this.#text : this.#made(dateMs);
  }

  #made(dateMs: number): string {
    const ms = Math.floor(dateMs) - this.#secondMs;
    if (ms >= 0 && ms < 1000) {
      // Joined, because a concatenation would be taken apart again by each line that holds it.
      this.#text = [this.#second, String(ms).padStart(3, "0"), "Z", this.#end].join("");
    } else {
      const iso = new Date(dateMs).toISOString();
      this.#second = this.#start + iso.slice(0, -4);
      this.#secondMs = Math.floor(dateMs / 1000) * 1000;
      this.#text = this.#start + iso + this.#end;
    }
    this.#dateMs = dateMs;
    return this.#text;
  }
}
