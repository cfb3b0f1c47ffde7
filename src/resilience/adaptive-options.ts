/**
 * What an adaptive limit may be told, checked once.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkString, shown } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import type { AdaptiveEvent } from "./adaptive-state.ts";
import type { QueueRules } from "./queue.ts";

/** Who may wait for a place. */
export interface AdaptiveQueue {
  /** The most that wait at once, an integer from 0. Default: 1000: time bounds it, this bounds memory. */
  readonly max?: number | undefined;
  /** How long one waits at most once there is too much for longer than a burst, in milliseconds, at least 1. Default: 5. */
  readonly targetMs?: number | undefined;
  /** How long one waits at most before that, and what a burst may last, in milliseconds. Default: 100. */
  readonly intervalMs?: number | undefined;
}

/** How the limit is found; may change while it runs. */
export interface AdaptiveRules {
  /** The lowest limit, an integer of at least 1. Default: 4: enough to see whether more would do. */
  readonly min?: number | undefined;
  /** The highest limit, an integer of at least `min`. Default: 1000. */
  readonly max?: number | undefined;
  /** How much longer calls may take than they usually do before the limit falls, from 1 to 10. Default: 1.5. */
  readonly tolerance?: number | undefined;
  /** How much of the way to its new value the limit goes at each step, above 0 and at most 1. Default: 0.2. */
  readonly smoothing?: number | undefined;
  /** How often the limit is looked at, in milliseconds, at least 1. Default: 100. */
  readonly windowMs?: number | undefined;
  /**
   * How often the limit is halved for a moment while it is used up, in milliseconds, at least 100: only so can it be told
   * whether calls take long because they are many, or because the work has grown. Default: 10 s.
   */
  readonly probeMs?: number | undefined;
  readonly queue?: AdaptiveQueue | undefined;
}

/** What an adaptive limit is made of. */
export interface AdaptiveOptions extends AdaptiveRules {
  /** The limit to begin with. Default: 20, within `min` and `max`. */
  readonly initial?: number | undefined;
  /** Is told when the limit changes by a whole number, after it. What it throws is dropped. Default: nobody. */
  readonly onEvent?: ((event: AdaptiveEvent) => void) | undefined;
  /** For events and snapshots. Default: "adaptiveConcurrency". */
  readonly name?: string | undefined;
  /** Default: the machine's clock. On a server or client, its clock. */
  readonly clock?: Clock | undefined;
}

/** The same, complete and checked. */
export interface AdaptiveSettings {
  readonly name: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly tolerance: number;
  readonly smoothing: number;
  readonly windowMs: number;
  readonly probeMs: number;
  readonly queue: QueueRules;
  readonly onEvent: ((event: AdaptiveEvent) => void) | undefined;
  readonly clock: Clock;
}

const NAMES = "initial min max tolerance smoothing windowMs probeMs queue onEvent name clock".split(" ");
const MOST = 1_000_000;
const HOUR_MS = 3_600_000;

/** Checks the options and fills in what was left out. */
export function adaptiveSettings(options: AdaptiveOptions): AdaptiveSettings {
  checkNames("adaptiveConcurrency", options, NAMES);
  const { name = "adaptiveConcurrency", clock = systemClock, onEvent, smoothing = 0.2 } = options;
  const min = checkNumber("adaptiveConcurrency: min", options.min ?? 4, { min: 1, max: MOST, integer: true });
  const max = checkNumber("adaptiveConcurrency: max", options.max ?? Math.max(1000, min), {
    min,
    max: MOST,
    integer: true,
  });
  const initial = options.initial ?? Math.min(Math.max(20, min), max);
  if (onEvent !== undefined) checkFunction("adaptiveConcurrency: onEvent", onEvent);
  if (!(smoothing > 0 && smoothing <= 1))
    throw new RangeError(
      `adaptiveConcurrency: smoothing should be a number above 0 and at most 1, got ${shown(smoothing)}`,
    );
  return {
    name: checkString("adaptiveConcurrency: name", name),
    initial: checkNumber("adaptiveConcurrency: initial", initial, { min, max }),
    min,
    max,
    tolerance: checkNumber("adaptiveConcurrency: tolerance", options.tolerance ?? 1.5, { min: 1, max: 10 }),
    smoothing,
    windowMs: checkNumber("adaptiveConcurrency: windowMs", options.windowMs ?? 100, { min: 1, max: HOUR_MS }),
    probeMs: checkNumber("adaptiveConcurrency: probeMs", options.probeMs ?? 10_000, { min: 100, max: HOUR_MS }),
    queue: queueRules(options.queue),
    onEvent,
    clock,
  };
}

function queueRules(queue: AdaptiveQueue = {}): QueueRules {
  if (typeof queue !== "object" || queue === null)
    throw new TypeError(`adaptiveConcurrency: queue should be an object, got ${shown(queue)}`);
  checkNames("adaptiveConcurrency: queue", queue, ["max", "targetMs", "intervalMs"]);
  const targetMs = checkNumber("adaptiveConcurrency: queue.targetMs", queue.targetMs ?? 5, { min: 1, max: HOUR_MS });
  return {
    max: checkNumber("adaptiveConcurrency: queue.max", queue.max ?? 1000, { min: 0, max: MOST, integer: true }),
    targetMs,
    intervalMs: checkNumber("adaptiveConcurrency: queue.intervalMs", queue.intervalMs ?? Math.max(100, targetMs), {
      min: targetMs,
      max: HOUR_MS,
    }),
  };
}
