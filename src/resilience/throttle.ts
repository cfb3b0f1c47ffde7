/**
 * Stops asking so much of a back-end that turns calls away: a client that sees refusals sends about twice as many calls as
 * are accepted, and refuses the rest itself. Around any function; for one upstream each. A breaker stops all calls of what
 * fails; this lets through what an overloaded one can still do. (Google, "Site Reliability Engineering", chapter 21,
 * "Client-side throttling".)
 *
 * @module
 */
import { policyError, type ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import { guardFunction, runGuarded, type Guard } from "./guard-function.ts";
import { settleThrottled } from "./throttle-verdict.ts";
import { PairWindow } from "./pair-window.ts";

/** The numbers of a throttle. */
export interface ThrottlePolicy {
  /**
   * How many calls are sent per accepted one, from 1 to 100. Default: 2: less and a recovery is seen late, more and the
   * back-end refuses more than it does.
   */
  readonly ratio?: number | undefined;
  /** How long a call counts, in milliseconds, from 1 s to 10 min. Default: 10 s: the longer, the later a recovery is believed. */
  readonly windowMs?: number | undefined;
  /** The most that is refused here, as a part of the calls from 0 to 1. Default: 0.99. */
  readonly maxReject?: number | undefined;
  /** After so long without a call the next one passes, whatever was seen, in milliseconds. Default: 1 s. */
  readonly probeMs?: number | undefined;
}

/** What a throttle is made of. */
export interface ThrottleOptions extends ThrottlePolicy {
  /**
   * Whether what was thrown means that the back-end turned the call away. Not asked about what says nothing of it: declared
   * errors, cancellation, refusals on this side. Default: `unavailable`, `resource_exhausted` and `deadline_exceeded`, and
   * whatever is no ServiceError.
   */
  readonly isRejection?: ((error: unknown) => boolean) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's. */
  readonly random?: Random | undefined;
}

/** A throttle at one moment, fit for JSON. */
export interface ThrottleSnapshot {
  /** Calls that ended in the window, also those refused here. */
  readonly calls: number;
  /** Calls that the back-end accepted, in the window. */
  readonly accepted: number;
  /** The part that is refused now. */
  readonly reject: number;
  /** Calls refused here since it was made. */
  readonly refused: number;
}

/** A client's throttle. */
export interface Throttle {
  /**
   * Calls `fn` if it may be called; a plain value stays plain.
   *
   * @throws {ServiceError} `resource_exhausted` (reason `overloaded`, origin "policy") without calling `fn`; as a rejection
   * when `fn` is an `async` function.
   */
  run<R>(fn: () => R): R;
  /** A function that does the same with its arguments; refuses as one that answers with promises once it has seen one. */
  wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R;
  /** Whether a call may be made; if so, tell by one of the next three how it went. For what is no function. */
  tryEnter(nowMs: number): boolean;
  /** The back-end took the call, whatever it answered. */
  accepted(nowMs: number): void;
  /** The back-end turned it away, or is not there. */
  rejected(nowMs: number): void;
  /** The call says nothing, for instance because its caller left. */
  released(nowMs: number): void;
  /** The error to refuse with. */
  refusal(): ServiceError<"overloaded">;
  /**
   * Changes what is named and leaves the rest as it is; another `windowMs` begins to count anew.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(options: ThrottlePolicy): void;
  /** How it stands now, as plain data. */
  snapshot(): ThrottleSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

type Numbers = Required<{ readonly [N in keyof ThrottlePolicy]: number }>;

const STEPS = 20;

/** So few calls that were turned away prove nothing. */
const PADDING = 8;

class FunctionThrottle implements Throttle {
  #numbers: Numbers;
  /** Calls, and those that were accepted. */
  #window: PairWindow;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #isRejection: ((error: unknown) => boolean) | undefined;
  readonly #guard: Guard<true>;
  #lastMs = -Infinity;
  #refused = 0;

  constructor(options: ThrottleOptions) {
    checkNames("throttle", options, [...POLICY, "isRejection", "clock", "random"]);
    const { ratio, windowMs, maxReject, probeMs, clock = systemClock, random = systemRandom } = options;
    if (options.isRejection !== undefined) checkFunction("throttle: isRejection", options.isRejection);
    this.#numbers = numbersOf({ ratio, windowMs, maxReject, probeMs }, DEFAULTS);
    this.#window = new PairWindow(this.#numbers.windowMs, STEPS);
    this.#clock = clock;
    this.#random = random;
    this.#isRejection = options.isRejection;
    this.#guard = {
      tryEnter: () => this.tryEnter(clock.now()) || undefined,
      refusal: () => this.refusal(),
      succeed: () => this.accepted(clock.now()),
      record: (_, error) => this.#settle(error),
    };
  }

  run<R>(fn: () => R): R {
    checkFunction("run: fn", fn);
    return runGuarded(this.#guard, fn);
  }

  wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
    checkFunction("wrap: fn", fn);
    return guardFunction(this.#guard, fn);
  }

  tryEnter(nowMs: number): boolean {
    const window = this.#window;
    window.turnTo(nowMs);
    const reject = this.#reject();
    if (reject > 0 && nowMs - this.#lastMs < this.#numbers.probeMs && this.#random.fraction() < reject) {
      window.addFirst();
      this.#refused++;
      return false;
    }
    this.#lastMs = nowMs;
    return true;
  }

  accepted(nowMs: number): void {
    this.#window.turnTo(nowMs);
    this.#window.addFirst();
    this.#window.addSecond();
  }

  // Counted when it is over, like one that was accepted: many at once are not many that were turned away.
  rejected(nowMs: number): void {
    this.#window.turnTo(nowMs);
    this.#window.addFirst();
  }

  released(_nowMs: number): void {
    // It says nothing, so it counts as nothing.
  }

  refusal(): ServiceError<"overloaded"> {
    return policyError("overloaded", { message: "the back-end turns too many calls away" });
  }

  set(options: ThrottlePolicy): void {
    checkNames("throttle", options, POLICY);
    const { windowMs } = this.#numbers;
    this.#numbers = numbersOf(options, this.#numbers);
    if (windowMs !== this.#numbers.windowMs) this.#window = new PairWindow(this.#numbers.windowMs, STEPS);
  }

  snapshot(): ThrottleSnapshot {
    this.#window.turnTo(this.#clock.now());
    const { first: calls, second: accepts } = this.#window;
    return { calls, accepted: accepts, reject: this.#reject(), refused: this.#refused };
  }

  describe(): string {
    const { ratio, windowMs, maxReject, probeMs } = this.#numbers;
    return `throttle ${ratio} calls per accepted one over ${windowMs} ms, at most ${maxReject} refused, a probe each ${probeMs} ms`;
  }

  #settle(error: unknown): void {
    settleThrottled(this, error, { isRejection: this.#isRejection, nowMs: this.#clock.now() });
  }

  #reject(): number {
    const { ratio, maxReject } = this.#numbers;
    const { first: calls, second: accepts } = this.#window;
    const excess = calls - ratio * accepts - PADDING;
    return excess > 0 ? Math.min(maxReject, excess / calls) : 0;
  }
}

/**
 * Makes a throttle. While the back-end accepts what it gets, everything passes. When it turns calls away, so many are
 * refused here that it gets about `ratio` times what it accepts; when it accepts nothing, a hundredth and at least one call
 * a second still go through, so that a recovery is seen and the rest follows in less than a minute. Its refusals count
 * neither for breakers nor for throttles around it, and are not tried again.
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { throttle } from "servicekit/resilience";
 *
 * const slower = throttle();
 * let sent = 0;
 * for (let nowMs = 0; nowMs < 1000; nowMs++) if (slower.tryEnter(nowMs)) sent++, slower.rejected(nowMs);
 * sent < 100; // => true
 * slower.refusal().origin; // => "policy"
 * ```
 */
export function throttle(options: ThrottleOptions = {}): Throttle {
  return new FunctionThrottle(options);
}

const POLICY: readonly string[] = ["ratio", "windowMs", "maxReject", "probeMs"];

const DEFAULTS: Numbers = { ratio: 2, windowMs: 10_000, maxReject: 0.99, probeMs: 1000 };

function numbersOf(options: ThrottlePolicy, before: Numbers): Numbers {
  return {
    ratio: checkNumber("throttle: ratio", options.ratio ?? before.ratio, { min: 1, max: 100 }),
    windowMs: checkNumber("throttle: windowMs", options.windowMs ?? before.windowMs, { min: 1000, max: 600_000 }),
    maxReject: checkNumber("throttle: maxReject", options.maxReject ?? before.maxReject, { min: 0, max: 1 }),
    probeMs: checkNumber("throttle: probeMs", options.probeMs ?? before.probeMs, { min: 1 }),
  };
}
