/**
 * What a bulkhead may be told, checked once.
 *
 * @module
 */
import { checkNames, checkNumber, checkString, shown } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import type { QueueRules } from "./queue.ts";

/** Who may wait for a place. */
export interface BulkheadQueue {
  /** The most that wait at once, an integer of at least 1. */
  readonly max: number;
  /**
   * The longest wait in milliseconds, at least 1. Default: 100: whoever waits longer mostly waits for nothing. The call's own
   * deadline ends the wait too.
   */
  readonly timeoutMs?: number | undefined;
}

/** How many may be at work; may change while it runs. */
export interface BulkheadLimits {
  /** The most at once, an integer of at least 1. */
  readonly max: number;
  /** Those who come when all places are taken, first come, first served. Default: nobody waits. */
  readonly queue?: BulkheadQueue | false | undefined;
}

/** What a bulkhead is made of. */
export interface BulkheadOptions extends BulkheadLimits {
  /** For snapshots. Default: "bulkhead". */
  readonly name?: string | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** The same, complete and checked. */
export interface BulkheadSettings {
  readonly name: string;
  readonly max: number;
  readonly rules: QueueRules;
  readonly clock: Clock;
}

const MOST = 1_000_000;
const TIMEOUT_MS = 100;

/** Checks the options and fills in what was left out. */
export function bulkheadSettings(options: BulkheadOptions = {} as BulkheadOptions): BulkheadSettings {
  checkNames("bulkhead", options, ["max", "queue", "name", "clock"]);
  const { name = "bulkhead", clock = systemClock, queue = false } = options;
  return {
    name: checkString("bulkhead: name", name),
    max: checkNumber("bulkhead: max", options.max, { min: 1, max: MOST, integer: true }),
    rules: queueRules(queue),
    clock,
  };
}

function queueRules(queue: BulkheadQueue | false): QueueRules {
  // The times are what refused callers are told to wait.
  if (queue === false) return { max: 0, intervalMs: TIMEOUT_MS, targetMs: TIMEOUT_MS };
  if (typeof queue !== "object" || queue === null)
    throw new TypeError(`bulkhead: queue should be an object or false, got ${shown(queue)}`);
  checkNames("bulkhead: queue", queue, ["max", "timeoutMs"]);
  const max = checkNumber("bulkhead: queue.max", queue.max, { min: 1, max: MOST, integer: true });
  const timeoutMs = checkNumber("bulkhead: queue.timeoutMs", queue.timeoutMs ?? TIMEOUT_MS, {
    min: 1,
    max: 86_400_000,
  });
  return { max, intervalMs: timeoutMs, targetMs: timeoutMs };
}
