/**
 * Refuses calls while this process cannot keep up: when its event loop is late, whatever is let in is late too, and what is
 * refused at once can be asked elsewhere. For servers whose work is computing, where calls never pile up and a limit on calls
 * at work sees nothing.
 *
 * @module
 */
import { described, type Admission, type Context, type Gate, type LayerState } from "../endpoint/index.ts";
import { policyError } from "../errors/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Expiring, type Random } from "../time/index.ts";
import { levelOf } from "./criticality.ts";

/** When calls are refused; may change while it runs. */
export interface ShedRules {
  /**
   * The delay of the event loop from which calls of criticality "default" are refused, in milliseconds, at least 1: few at
   * first, all at twice as much. "background" begins at half of it, "sheddable" at three quarters, "critical" at one and a
   * half, "critical_plus" at twice as much. Default: 100: a long garbage collection is no reason, a caller begins to notice.
   */
  readonly maxDelayMs?: number | undefined;
  /** What refused callers are told to wait, in milliseconds. Default: 1000. */
  readonly retryAfterMs?: number | undefined;
}

/** What load shedding is made of. */
export interface ShedOptions extends ShedRules {
  /** How often the delay is measured while calls come, in milliseconds, at least 1. Default: 20. */
  readonly tickMs?: number | undefined;
  /**
   * The delay now, in milliseconds, where something else measures it, for instance
   * `() => histogram.mean / 1e6 - 20` with `monitorEventLoopDelay({ resolution: 20 })` of `node:perf_hooks`. Default: how much
   * later than asked a timer of `tickMs` fires.
   */
  readonly measure?: (() => number) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Chooses who is refused when not all are. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** How load shedding stands at one moment, fit for JSON. */
export interface ShedSnapshot {
  /** How late the event loop is, smoothed, in milliseconds; 0 while no calls come. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** Calls let in and refused since it was made. */
  readonly admitted: number;
  readonly refused: number;
}

/** A gate that refuses calls while the process is late. */
export interface Shed extends Gate {
  /**
   * Changes what is given.
   *
   * @throws {RangeError} when a value is out of range, and then nothing has changed.
   */
  set(rules: ShedRules): void;
  /** How it stands now, as plain data. */
  snapshot(): ShedSnapshot;
  /** What it is set to, in one line. */
  describe(): string;
}

const RULES = ["maxDelayMs", "retryAfterMs"];

/** By criticality: where refusing begins, in parts of `maxDelayMs`. */
const BEGINS = [2, 1.5, 1, 0.75, 0.5];

/** A turn of the shared timer wheel is up to this late by itself. */
const WHEEL_MS = 8;

/** Without calls for so many ticks the timer rests. */
const IDLE_TICKS = 50;

/**
 * Makes a gate that refuses calls with `overloaded` while the event loop is late, the least important first. One value stands
 * before all methods of a server, since they share one event loop. Its timer starts with the first call, rests when none come,
 * and keeps no process alive.
 *
 * @throws {RangeError} when an option is out of range. Calls are refused with {ServiceError} `resource_exhausted` (reason
 * `overloaded`), with `retryAfterMs`.
 *
 * @example
 * ```ts
 * import { backgroundContext, ServiceError } from "servicekit";
 * import { shed } from "servicekit/resilience";
 *
 * const gate = shed({ maxDelayMs: 100, measure: () => 500 });
 * const context = backgroundContext();
 * ServiceError.is(gate(context, context.method)); // => true
 * gate.set({ maxDelayMs: 1000 });
 * gate(context, context.method) === context; // => true
 * ```
 */
export function shed(options: ShedOptions = {}): Shed {
  checkNames("shed", options, [...RULES, "tickMs", "measure", "clock", "random"]);
  const { clock = systemClock, random = systemRandom, measure } = options;
  if (measure !== undefined) checkFunction("shed: measure", measure);
  const tickMs = checkNumber("shed: tickMs", options.tickMs ?? 20, { min: 1, max: 10_000 });
  const loop = new LoopDelay({ clock, tickMs, measure });
  let rules = checkedRules(options);
  let admitted = 0;
  let refused = 0;
  function shedLoad(context: Context): Admission {
    loop.called();
    // Nobody is refused before this: then nothing need be read or reckoned.
    if (loop.delayMs <= rules.maxDelayMs * 0.5 || !isOut(loop.delayMs, context)) {
      admitted++;
      return context;
    }
    refused++;
    return policyError("overloaded", { retryAfterMs: rules.retryAfterMs });
  }
  function isOut(delayMs: number, context: Context): boolean {
    const beginsMs = rules.maxDelayMs * BEGINS[levelOf(context)]!;
    return delayMs > beginsMs && random.fraction() * beginsMs < delayMs - beginsMs;
  }
  const gate = {
    set(changed: ShedRules): void {
      checkNames("shed", changed, RULES);
      rules = checkedRules({
        maxDelayMs: changed.maxDelayMs ?? rules.maxDelayMs,
        retryAfterMs: changed.retryAfterMs ?? rules.retryAfterMs,
      });
      described(textOf(rules), shedLoad);
    },
    snapshot: (): ShedSnapshot => ({ delayMs: loop.delayMs, maxDelayMs: rules.maxDelayMs, admitted, refused }),
    describe: (): string => textOf(rules),
  };
  const state = (): LayerState => ({ type: "shed", ...gate.snapshot() });
  return described(textOf(rules), Object.assign(shedLoad, gate), state);
}

interface CheckedRules {
  readonly maxDelayMs: number;
  readonly retryAfterMs: number;
}

function checkedRules({ maxDelayMs = 100, retryAfterMs = 1000 }: ShedRules): CheckedRules {
  return {
    maxDelayMs: checkNumber("shed: maxDelayMs", maxDelayMs, { min: 1, max: 60_000 }),
    retryAfterMs: checkNumber("shed: retryAfterMs", retryAfterMs, { min: 0, max: 3_600_000 }),
  };
}

function textOf({ maxDelayMs }: CheckedRules): string {
  return `shed from ${maxDelayMs} ms of event loop delay on`;
}

interface Measuring {
  readonly clock: Clock;
  readonly tickMs: number;
  readonly measure: (() => number) | undefined;
}

/** How late the event loop is, while anybody asks. */
class LoopDelay implements Expiring {
  delayMs = 0;
  readonly #options: Measuring;
  #isRunning = false;
  #idle = 0;
  #dueMs = 0;

  constructor(options: Measuring) {
    this.#options = options;
  }

  called(): void {
    this.#idle = 0;
    if (this.#isRunning) return;
    this.#isRunning = true;
    if (this.#options.measure !== undefined) this.delayMs = finite(this.#options.measure());
    this.#start();
  }

  expire(): void {
    const { clock, measure } = this.#options;
    const lateMs = finite(measure?.() ?? Math.max(0, clock.now() - this.#dueMs - WHEEL_MS));
    // Half: one stall alone counts half, and is forgotten within a few ticks; a loop that is always late counts whole.
    this.delayMs = (this.delayMs + lateMs) / 2;
    if (++this.#idle < IDLE_TICKS) return this.#start();
    this.#isRunning = false;
    this.delayMs = 0;
  }

  #start(): void {
    const { clock, tickMs } = this.#options;
    this.#dueMs = clock.now() + tickMs;
    clock.expire(tickMs, this);
  }
}

// A histogram that has seen nothing yet has no mean; one NaN in an average would stay for ever.
function finite(delayMs: number): number {
  return Number.isFinite(delayMs) ? delayMs : 0;
}
