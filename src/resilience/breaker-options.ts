/**
 * What a breaker may be told, checked once.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkString } from "../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { BreakerEvent } from "./breaker-state.ts";
import type { Tally } from "./tally.ts";
import { tripRule, type SlowRule, type Trip } from "./trip.ts";
import { isFailure } from "./verdict.ts";

/** What a breaker is made of. */
export interface BreakerOptions {
  /** When it opens. Default: `{ consecutive: 5 }`, which suits any rate of calls. (Go kit's opens at the 6th failure.) */
  readonly trip?: Trip | undefined;
  /** Short for `trip: { consecutive }`, and not to be given beside it. */
  readonly consecutive?: number | undefined;
  /** Lets slow calls open it too; needs a trip over a window. A slow probe counts as failed. Default: off. */
  readonly slow?: SlowRule | undefined;
  /**
   * How long it stays open before it lets probes through, in milliseconds, at least 1. Default: 30 s: a restart has mostly
   * passed by then, and one probe in 30 s is no load. (Go kit: 60 s.)
   */
  readonly openMs?: number | undefined;
  /** By how much each opening in a row is longer than the one before, at least 1. Default: 1, always the same. */
  readonly growth?: number | undefined;
  /** The longest that `growth` leads to, in milliseconds, at least `openMs`. Default: ten times `openMs`. */
  readonly maxOpenMs?: number | undefined;
  /**
   * The part, from 0 to 1, by which an opening may be longer by chance, so that many clients do not probe together.
   * Default: 0, since each sends but `permitted` probes.
   */
  readonly jitter?: number | undefined;
  /** How many probes run at once when half open, an integer of at least 1. Default: 1. */
  readonly permitted?: number | undefined;
  /** How many probes must succeed before it closes, an integer of at least 1. Default: `permitted`. */
  readonly successes?: number | undefined;
  /**
   * How long a probe may take before it counts as failed, in milliseconds, at least 1: one that never ends must not hold
   * its place for ever. Longer than a call's time-out. Default: `openMs`.
   */
  readonly probeMs?: number | undefined;
  /**
   * Whether an error means that the back-end fails; if not, it counts as an answer. Not asked about what says nothing of
   * the back-end: declared errors, cancellation by the caller, refusals on this side. Default: `isFailure`.
   */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /** Is told of each change of state, after it. What it throws is dropped: news must not fail a call. Default: nobody. */
  readonly onEvent?: ((event: BreakerEvent) => void) | undefined;
  /** For events and snapshots. Default: "breaker", or service and method in a stack. */
  readonly name?: string | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** The chance of `jitter`. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** The same, complete and checked. */
export interface BreakerSettings {
  readonly name: string;
  readonly openMs: number;
  readonly growth: number;
  readonly maxOpenMs: number;
  readonly jitter: number;
  readonly permitted: number;
  readonly successes: number;
  readonly probeMs: number;
  /** From how many milliseconds on a call is slow; Infinity: durations are not measured. */
  readonly slowMs: number;
  readonly isFailure: (error: unknown) => boolean;
  readonly onEvent: ((event: BreakerEvent) => void) | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeTally: () => Tally;
  /** One line for people. */
  readonly text: string;
}

const NAMES =
  "trip consecutive slow openMs growth maxOpenMs jitter permitted successes probeMs isFailure onEvent name clock random";

/** Checks the options and fills in what was left out. */
export function breakerSettings(options: BreakerOptions): BreakerSettings {
  checkNames("circuitBreaker", options, NAMES.split(" "));
  const { consecutive, slow, onEvent, clock = systemClock, random = systemRandom } = options;
  if (options.trip !== undefined && consecutive !== undefined) {
    throw new RangeError("circuitBreaker: trip and consecutive should not be given together, got both");
  }
  const rule = tripRule(options.trip ?? { consecutive: consecutive ?? 5 }, slow);
  const openMs = checkNumber("circuitBreaker: openMs", options.openMs ?? 30_000, {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
  });
  const permitted = checkNumber("circuitBreaker: permitted", options.permitted ?? 1, {
    min: 1,
    max: 10_000,
    integer: true,
  });
  const judge = options.isFailure ?? isFailure;
  checkFunction("circuitBreaker: isFailure", judge);
  if (onEvent !== undefined) checkFunction("circuitBreaker: onEvent", onEvent);
  return {
    name: checkString("circuitBreaker: name", options.name ?? "breaker"),
    openMs,
    growth: checkNumber("circuitBreaker: growth", options.growth ?? 1, { min: 1, max: 1000 }),
    maxOpenMs: checkNumber("circuitBreaker: maxOpenMs", options.maxOpenMs ?? 10 * openMs, {
      min: openMs,
      max: Number.MAX_VALUE,
    }),
    jitter: checkNumber("circuitBreaker: jitter", options.jitter ?? 0, { min: 0, max: 1 }),
    permitted,
    successes: checkNumber("circuitBreaker: successes", options.successes ?? permitted, {
      min: 1,
      max: 1e6,
      integer: true,
    }),
    probeMs: checkNumber("circuitBreaker: probeMs", options.probeMs ?? openMs, { min: 1, max: Number.MAX_VALUE }),
    slowMs: slow?.ms ?? Infinity,
    isFailure: judge,
    onEvent,
    clock,
    random,
    makeTally: rule.makeTally,
    text: `breaker ${rule.text}, open ${openMs} ms, ${permitted} ${permitted === 1 ? "probe" : "probes"}`,
  };
}
