/**
 * At most so many calls at once: what one part of a service may take of it, so that the others go on when that part is slow.
 * A fixed number, for what has a fixed size, such as a pool of connections; where nobody knows the number,
 * `adaptiveConcurrency` finds it.
 *
 * @module
 */
import { described, type Gate, type LayerState } from "../endpoint/index.ts";
import {
  bulkheadSettings,
  type BulkheadLimits,
  type BulkheadOptions,
  type BulkheadSettings,
} from "./bulkhead-options.ts";
import { aroundFunctions, type AroundFunctions } from "./concurrency-function.ts";
import { slotsGate } from "./concurrency-gate.ts";
import { Slots } from "./concurrency-slots.ts";
import { WaitingLine } from "./queue.ts";

/** A bulkhead at one moment, fit for JSON. */
export interface BulkheadSnapshot {
  readonly name: string;
  readonly max: number;
  /** Calls at work. */
  readonly inFlight: number;
  /** Calls that wait. */
  readonly waiting: number;
  /** Calls let in since it was made. */
  readonly admitted: number;
  /** Calls refused since it was made: no room to wait, or waited too long. */
  readonly refused: number;
}

/** A gate, and around any function. All methods and functions it stands before share its places. */
export interface Bulkhead extends Gate, AroundFunctions {
  /**
   * Changes what is given; calls at work stay, and who waits goes on as soon as there is a place.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(limits: Partial<BulkheadLimits>): void;
  /** How it stands now, as plain data. */
  snapshot(): BulkheadSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

/**
 * Makes a bulkhead: at most `max` calls at once, then a bounded queue, then `overloaded`. One value is a gate for servers and
 * clients, and goes around functions by `run` and `wrap`. A streaming call keeps its place to its end.
 *
 * @throws {RangeError} when an option is out of range. Calls are refused with {ServiceError} `resource_exhausted` (reason
 * `overloaded`).
 *
 * @example
 * ```ts
 * import { bulkhead } from "servicekit/resilience";
 *
 * const pool = bulkhead({ max: 1, queue: { max: 1 } });
 * const query = pool.wrap(async (id: number) => id * 2);
 * const results = [query(1), query(2), query(3)];
 * await results[1]; // => 4
 * await results[2]; // throws too many calls are at work
 * pool.snapshot().refused; // => 1
 * ```
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  let settings = bulkheadSettings(options);
  const { name, clock } = settings;
  let limits: BulkheadLimits = options;
  const line = new WaitingLine(settings.rules, { clock, levels: 1 });
  const slots = new Slots(settings.max, line, { clock, listener: undefined });
  const pool = {
    ...aroundFunctions(slots),
    set(changed: Partial<BulkheadLimits>): void {
      const next = { ...changed, max: changed.max ?? limits.max, queue: changed.queue ?? limits.queue };
      settings = bulkheadSettings({ ...next, name, clock });
      limits = next;
      line.set(settings.rules);
      slots.limit = settings.max;
      slots.fill();
      described(textOf(settings), gate);
    },
    snapshot: (): BulkheadSnapshot => ({
      name,
      max: slots.limit,
      inFlight: slots.inFlight,
      waiting: line.size,
      admitted: slots.admitted,
      refused: line.refused,
    }),
    describe: (): string => textOf(settings),
  };
  const state = (): LayerState => ({ type: "bulkhead", ...pool.snapshot() });
  const gate = described(textOf(settings), Object.assign(slotsGate(slots, name), pool), state);
  return gate;
}

function textOf({ name, max, rules }: BulkheadSettings): string {
  const queue = rules.max === 0 ? "no queue" : `${rules.max} wait up to ${rules.intervalMs} ms`;
  return `${name} ${max} at once, ${queue}`;
}
