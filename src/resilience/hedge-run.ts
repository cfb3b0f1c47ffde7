/**
 * One run of a function with the attempts beside it, from the first call to the end.
 *
 * @module
 */
import type { RunningAttempt } from "./attempts-running.ts";
import { FunctionRun, type RunWork } from "./function-run.ts";
import type { HedgePlan } from "./hedge-plan.ts";

/** What a run is made of. */
export interface HedgeWork<T> extends RunWork<T> {
  readonly plan: HedgePlan;
  readonly isLocal: (error: unknown) => boolean;
}

/** A run; `begin` starts it. */
export class HedgeRun<T> extends FunctionRun<T> {
  readonly #work: HedgeWork<T>;

  constructor(work: HedgeWork<T>) {
    super(work);
    this.#work = work;
  }

  protected override patienceMs(): number {
    const { plan, context } = this.#work;
    // A layer above tries again already: then nothing is asked twice here.
    const isLast = this.begun >= plan.tries || (context?.attempt ?? 1) > 1;
    return isLast ? Infinity : plan.delayMs();
  }

  protected override late(nowMs: number): void {
    if (this.#work.plan.take(nowMs)) this.attempt(nowMs);
    else this.arm(nowMs, Infinity);
  }

  protected override answered(): void {
    const { plan, clock } = this.#work;
    plan.answered(clock.now() - this.startMs);
  }

  protected override failed(_attempt: RunningAttempt, thrown: unknown): void {
    // What failed quickly is not late: with nothing left at work the run is over.
    if (this.running.length === 0) return this.fail(thrown);
    let isLocal: boolean;
    try {
      isLocal = this.#work.isLocal(thrown);
    } catch (error) {
      // The caller's judge is broken: it has to hear of that, and nobody else is there to be told.
      return this.fail(error);
    }
    if (!isLocal) this.fail(thrown);
  }
}
