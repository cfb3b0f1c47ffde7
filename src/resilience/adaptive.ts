/**
 * A limit on calls at work that finds itself: for servers, whose right number changes with every release and machine, and
 * toward an upstream, whose right number nobody tells. Where calls never wait for anything, so that only one is at work at a
 * time, there is nothing to count: use `shed`.
 *
 * @module
 */
import { described, type Gate, type LayerState } from "../endpoint/index.ts";
import { GradientLimit } from "./adaptive-limit.ts";
import {
  adaptiveSettings,
  type AdaptiveOptions,
  type AdaptiveRules,
  type AdaptiveSettings,
} from "./adaptive-options.ts";
import type { AdaptiveSnapshot } from "./adaptive-state.ts";
import { aroundFunctions, type AroundFunctions } from "./concurrency-function.ts";
import { slotsGate } from "./concurrency-gate.ts";
import { Slots } from "./concurrency-slots.ts";
import { CRITICALITIES } from "./criticality.ts";
import { WaitingLine } from "./queue.ts";

/** A gate, and around any function. All methods and functions it stands before share its limit. */
export interface AdaptiveConcurrency extends Gate, AroundFunctions {
  /**
   * Changes what is given, and goes on from the limit it has.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(rules: AdaptiveRules): void;
  /** How it stands now, as plain data. */
  snapshot(): AdaptiveSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

/**
 * Makes a limit on calls at work that finds itself from how long calls take, with a short queue before it. When there is too
 * much, the calls that matter least are refused first (`request-criticality`, see `criticalityOf`), and the newest go first,
 * since their callers still wait. What it learns from: calls that went well, declared errors, and deadlines that passed; on a
 * client an `overloaded` of the peer lowers it at once. Streams have a place but teach nothing. One value is a gate for
 * servers and clients, and goes around functions by `run` and `wrap`.
 *
 * @throws {RangeError} when an option is out of range. Calls are refused with {ServiceError} `resource_exhausted` (reason
 * `overloaded`).
 *
 * @example
 * ```ts
 * import { adaptiveConcurrency } from "servicekit/resilience";
 *
 * const limit = adaptiveConcurrency({ initial: 1, min: 1, queue: { max: 0 } });
 * const ask = limit.wrap(async (question: string) => question.length);
 * const first = ask("why?");
 * await ask("and why?"); // throws too many calls are at work
 * await first; // => 4
 * ```
 */
export function adaptiveConcurrency(options: AdaptiveOptions = {}): AdaptiveConcurrency {
  const settings = adaptiveSettings(options);
  const { name, clock } = settings;
  let given = options;
  const line = new WaitingLine(settings.queue, { clock, levels: CRITICALITIES.length });
  const listener = new GradientLimit(settings, () => slots);
  const slots = new Slots(Math.floor(settings.initial), line, { clock, listener });
  const limit = {
    ...aroundFunctions(slots),
    set(rules: AdaptiveRules): void {
      const queue = { ...given.queue, ...defined(rules.queue) };
      const changed = { ...given, ...defined(rules), queue, initial: undefined };
      listener.settings = adaptiveSettings(changed);
      given = changed;
      line.set(listener.settings.queue);
      listener.changed();
      slots.fill();
      described(textOf(listener.settings), gate);
    },
    snapshot: (): AdaptiveSnapshot => ({
      name,
      limit: slots.limit,
      inFlight: slots.inFlight,
      waiting: line.size,
      isOverloaded: line.isStanding(clock.now()),
      admitted: slots.admitted,
      refused: line.refused,
      latencyMs: listener.latencyMs,
      baselineMs: listener.baselineMs,
    }),
    describe: (): string => textOf(listener.settings),
  };
  const state = (): LayerState => ({ type: "adaptiveConcurrency", ...limit.snapshot() });
  const gate = described(textOf(settings), Object.assign(slotsGate(slots, name), limit), state);
  return gate;
}

/** What is said; the rest stays as it is. */
function defined<T extends object>(options: T = {} as T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function textOf({ name, min, max, queue }: AdaptiveSettings): string {
  return `${name} ${min} to ${max} at once, ${queue.max} wait up to ${queue.intervalMs} ms, ${queue.targetMs} ms when overloaded`;
}
