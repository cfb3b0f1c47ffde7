/**
 * Waiting for the last of something, with the process alive meanwhile, and not for ever.
 *
 * @module
 */
import { checkNumber } from "../internal/check.ts";
import type { Clock } from "../time/index.ts";

/** Longer than any delivery may take: it is only there to be cancelled. */
const HOLD_MS = 3_600_000;

/** Bounds waits; see `closeMs` of those who have one. */
export class Ending {
  readonly #clock: Clock;
  readonly #closeMs: number;

  constructor(clock: Clock, closeMs = 4000) {
    this.#clock = clock;
    this.#closeMs = checkNumber("closeMs", closeMs, { min: 0 });
  }

  /**
   * Resolves when `work` has ended. What it waits for may only have timers that keep no process alive, so one that does is
   * held meanwhile: a program whose last line waits for a flush would end in the middle of it.
   */
  async awake(work: Promise<void>): Promise<void> {
    const timer = this.#clock.after(HOLD_MS, ignore);
    await work.finally(() => timer.cancel());
  }

  /** Resolves when `work` has ended, its time is over or `deadline` aborts. Keeps the process alive too. */
  within(work: Promise<void>, deadline?: AbortSignal): Promise<void> {
    if (deadline?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(this.#closeMs, end);
      function end(): void {
        timer.cancel();
        deadline?.removeEventListener("abort", end);
        resolve();
      }
      deadline?.addEventListener("abort", end, { once: true });
      work.then(end, end);
    });
  }
}

function ignore(): void {}
