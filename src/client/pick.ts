/**
 * Which instance gets the next attempt. This file is all that knows how one is chosen.
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Random } from "../time/index.ts";
import { Attempt, type Target } from "./instance.ts";

/** Chooses among the targets of a method. */
export interface Picker {
  /** For people, in `describe`. */
  readonly text: string;
  /**
   * The right to one attempt.
   *
   * @throws {ServiceError} breaker_open when every target's breaker is open, no_instances after `close`.
   */
  pick<S>(targets: readonly Target<S>[]): Attempt<S>;
  /** Gives out nothing any more. */
  close(): void;
}

/** One after the other, without those whose breaker is open (Go kit `sd/lb/round_robin.go`, which begins with the first). */
export function roundRobin(instances: number, random: Random): Picker {
  let next = Math.floor(random.fraction() * instances);
  let isClosed = false;
  return {
    text: `round robin over ${instances} ${instances === 1 ? "instance" : "instances"}`,
    pick(targets) {
      if (isClosed) throw policyError("no_instances", { message: "the client is closed" });
      for (let tries = 0; tries < targets.length; tries++) {
        const target = targets[next]!;
        next = next + 1 === targets.length ? 0 : next + 1;
        if (target.breaker === undefined) return new Attempt(target, undefined);
        const ticket = target.breaker.tryEnter();
        if (ticket !== undefined) return new Attempt(target, ticket);
      }
      throw refusal(targets);
    },
    close() {
      isClosed = true;
    },
  };
}

function refusal(targets: readonly Target<unknown>[]): ServiceError {
  let soonest: ServiceError | undefined;
  for (const { breaker } of targets) {
    const error = breaker!.refusal();
    if (soonest === undefined || (error.retryAfterMs ?? Infinity) < (soonest.retryAfterMs ?? Infinity)) soonest = error;
  }
  return soonest!;
}
