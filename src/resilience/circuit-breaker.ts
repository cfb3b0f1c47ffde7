/**
 * Stops calling what keeps failing, so that callers get their answer at once and the back-end gets its rest. Around any
 * function; for a method in a stack use `breaker`. One breaker stands for one upstream, never for several: a healthy one
 * would suffer with its neighbour.
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";
import { checkFunction } from "../internal/check.ts";
import { BreakerMachine } from "./breaker-machine.ts";
import { breakerSettings, type BreakerOptions, type BreakerSettings } from "./breaker-options.ts";
import type { BreakerSnapshot, BreakerState, BreakerTicket } from "./breaker-state.ts";
import { guardFunction, runGuarded } from "./guard-function.ts";
import { verdictOf, type Verdict } from "./verdict.ts";

/** A circuit breaker. */
export interface CircuitBreaker {
  readonly name: string;
  readonly state: BreakerState;
  /**
   * Calls `fn` if calls may pass. A plain value stays plain, a promise is followed with one `then`; a declared error that
   * is returned counts as little as one that is thrown.
   *
   * @throws {ServiceError} `unavailable` (reason `breaker_open`), with `retryAfterMs` where it is known, without calling
   * `fn`; as a rejection when `fn` is an `async` function.
   */
  run<R>(fn: () => R): R;
  /**
   * A function with this breaker around it, of the same manner: one that is `async`, or has answered with a promise
   * before, is refused with a rejection, any other with a throw.
   */
  wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R;
  /** A ticket for one call, to be settled exactly once; undefined: do not call. For what is no function, as a transport. */
  tryEnter(): BreakerTicket | undefined;
  /** The error to refuse with when there was no ticket. */
  refusal(): ServiceError<"breaker_open">;
  /** The call went well. Its duration matters only with `slow`; default: the time since its ticket was given. */
  succeed(ticket: BreakerTicket, durationMs?: number): void;
  /** The call failed. */
  fail(ticket: BreakerTicket, durationMs?: number, error?: unknown): void;
  /** The call says nothing, for instance because its caller left. */
  release(ticket: BreakerTicket): void;
  /** The call ended with an error: one of the three above, as `isFailure` and the rules for declared errors say. */
  record(ticket: BreakerTicket, error: unknown, durationMs?: number): void;
  /** Lets no call through until `reset`: for maintenance, or a back-end known to be broken. */
  isolate(): void;
  /** Closes it and forgets everything, whatever its state. */
  reset(): void;
  /** How it stands now, as plain data. */
  snapshot(): BreakerSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

class FunctionBreaker implements CircuitBreaker {
  readonly name: string;
  readonly #machine: BreakerMachine;
  readonly #settings: BreakerSettings;

  constructor(settings: BreakerSettings) {
    this.name = settings.name;
    this.#settings = settings;
    this.#machine = new BreakerMachine(settings);
  }

  get state(): BreakerState {
    return this.#machine.state;
  }

  run<R>(fn: () => R): R {
    checkFunction("run: fn", fn);
    return runGuarded(this, fn);
  }

  wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
    checkFunction("wrap: fn", fn);
    return guardFunction(this, fn);
  }

  tryEnter(): BreakerTicket | undefined {
    return this.#machine.tryEnter();
  }

  refusal(): ServiceError<"breaker_open"> {
    return policyError("breaker_open", { retryAfterMs: this.#machine.retryAfterMs() });
  }

  succeed(ticket: BreakerTicket, durationMs?: number): void {
    this.#machine.succeed(ticket, durationMs);
  }

  fail(ticket: BreakerTicket, durationMs?: number, error?: unknown): void {
    this.#machine.fail(ticket, durationMs, error);
  }

  release(ticket: BreakerTicket): void {
    this.#machine.release(ticket);
  }

  record(ticket: BreakerTicket, error: unknown, durationMs?: number): void {
    let verdict: Verdict = "failure";
    // The ticket is settled even when the judge throws: a probe must not stay out for that.
    try {
      verdict = verdictOf(error, this.#settings.isFailure);
    } finally {
      if (verdict === "failure") this.#machine.fail(ticket, durationMs, error);
      else if (verdict === "success") this.#machine.succeed(ticket, durationMs);
      else this.#machine.release(ticket);
    }
  }

  isolate(): void {
    this.#machine.isolate();
  }

  reset(): void {
    this.#machine.reset();
  }

  snapshot(): BreakerSnapshot {
    return this.#machine.snapshot();
  }

  describe(): string {
    return this.#settings.text;
  }
}

/**
 * Makes a circuit breaker. Closed, calls pass and failures are counted; after too many it opens, and for `openMs` no call
 * reaches the back-end; then `permitted` probes at a time go through, and their success closes it or a failure opens it
 * again. An answer that comes late, from before a change of state, changes nothing. Declared errors and calls that were
 * called off count as neither success nor failure.
 *
 * Closed, it reads the clock only with `slow` or a window by time. (Go kit `circuitbreaker/` with sony/gobreaker; windows
 * and slow calls as in resilience4j; isolation as in Polly.)
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { circuitBreaker } from "servicekit/resilience";
 *
 * const guard = circuitBreaker({ consecutive: 2 });
 * const load = guard.wrap(async (id: number) => Promise.reject(new Error(`no answer for ${id}`)));
 * await load(1); // throws no answer for 1
 * await load(2); // throws no answer for 2
 * await load(3); // throws circuit breaker is open
 * guard.state; // => "open"
 * ```
 */
export function circuitBreaker(options: BreakerOptions = {}): CircuitBreaker {
  return new FunctionBreaker(breakerSettings(options));
}
