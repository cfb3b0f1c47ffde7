/**
 * One thing a service depends on, and the rules its check runs under: bounded in time, never twice at once, remembered
 * for a while.
 *
 * @module
 */
import { policyError, ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";
import type { Clock, Expiring, Timer } from "../time/index.ts";
import type { PartEvent, PartReport } from "./report.ts";

/**
 * Looks whether a part works. It fails by throwing, by rejecting, or by giving `false`. The signal aborts when its time
 * is over: hand it on to whatever is called.
 */
export type Check = (signal: AbortSignal) => void | boolean | PromiseLike<unknown>;

/** What a part is made of. */
export interface PartOptions {
  /**
   * Looks whether the part works, when a probe asks. Default: none, and the part is told by `set`: then it is not ok until
   * told (ok, where it affects "live": not having heard is no reason to be restarted).
   */
  readonly check?: Check | undefined;
  /**
   * How long a check may take, in milliseconds, 1 to an hour. Default: 800, because a Kubernetes probe gives up after
   * one second and would then name no part.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a result is used again, in milliseconds, 0 to an hour. Default: 1000: however many probes ask, a back-end
   * sees one check a second, and no probe sees a result older than the usual period between two.
   */
  readonly cacheMs?: number | undefined;
  /**
   * What the part decides. Default: "ready", so that a lost database stops the requests and not the process: "live" gets
   * the process restarted (and takes readiness as well), which helps only against what a restart can cure.
   */
  readonly affects?: "ready" | "live" | undefined;
  /** Whether the service is of no use without it. Default: true; false shows the part in reports and decides nothing. */
  readonly critical?: boolean | undefined;
}

/** What came of looking at a part. */
export interface Finding {
  readonly ok: boolean;
  readonly message: string | undefined;
  readonly error: unknown;
}

const HOUR_MS = 3_600_000;
const NAME = {
  pattern: /^[A-Za-z][\w.-]{0,63}$/,
  says: "a name of at most 64 letters, digits, underscores, dots or dashes",
};
const OPTIONS = ["check", "timeoutMs", "cacheMs", "affects", "critical"];

// A check that does not mind its signal counts as running for so many time-outs. Then it is given up as lost, because a
// promise that never settles (a query on a dead socket) would otherwise hold its part down until the process restarts.
const LOST_AFTER_TIMEOUTS = 10;

/** Who has parts. */
export interface Watch {
  readonly clock: Clock;
  readonly found: (change: PartEvent | undefined) => void;
}

/** A part with its last finding. */
export class Part {
  readonly name: string;
  readonly affects: "ready" | "live";
  readonly critical: boolean;
  /** Whether anything has been found yet. */
  known: boolean;
  ok: boolean;
  readonly #check: Check | undefined;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  readonly #clock: Clock;
  readonly #found: (change: PartEvent | undefined) => void;
  #message: string | undefined;
  #durationMs = 0;
  #checkedAtMs: number | undefined = undefined;
  #freshUntilMs = -Infinity;
  #running: Running | undefined = undefined;

  /** `found` is called after every finding, with an event where the part began or ceased to be ok. */
  constructor(name: string, options: PartOptions, watch: Watch) {
    this.name = checkString("part", name, NAME);
    // A bare function would pass for options without a check.
    if (typeof options !== "object") throw new TypeError(`part ${name} should be options, got ${shown(options)}`);
    checkNames(`part ${name}`, options, OPTIONS);
    if (options.check !== undefined) checkFunction(`${name}.check`, options.check);
    this.affects = checkOneOf(`${name}.affects`, options.affects ?? "ready", ["ready", "live"]);
    this.critical = options.critical ?? true;
    this.#check = options.check;
    this.#timeoutMs = checkNumber(`${name}.timeoutMs`, options.timeoutMs ?? 800, { min: 1, max: HOUR_MS });
    this.#cacheMs = checkNumber(`${name}.cacheMs`, options.cacheMs ?? 1000, { min: 0, max: HOUR_MS });
    this.#clock = watch.clock;
    this.#found = watch.found;
    this.known = options.check === undefined;
    this.ok = this.known && this.affects === "live";
    this.#message = this.ok ? undefined : "not known yet";
  }

  /** Whether it is told by `set` rather than checked. */
  get told(): boolean {
    return this.#check === undefined;
  }

  /** Checks if what is known has grown old; returns a promise only where there is something to wait for. */
  refresh(): Promise<void> | undefined {
    const running = this.#running;
    const nowMs = this.#clock.now();
    if (this.#check === undefined) return undefined;
    if (running === undefined) return nowMs < this.#freshUntilMs ? undefined : this.#begin(this.#check, nowMs);
    if (!running.isLate) return running.finished;
    if (nowMs - running.startedMs < this.#timeoutMs * LOST_AFTER_TIMEOUTS) return undefined;
    this.#running = undefined;
    return this.#begin(this.#check, nowMs);
  }

  /** Takes over a finding. */
  settle(finding: Finding, startedMs: number): void {
    const nowMs = this.#clock.now();
    const durationMs = thousandths(nowMs - startedMs);
    const isChange = !this.known || this.ok !== finding.ok;
    this.known = true;
    this.ok = finding.ok;
    this.#message = finding.message;
    this.#durationMs = durationMs;
    this.#checkedAtMs = nowMs;
    this.#freshUntilMs = nowMs + this.#cacheMs;
    this.#found(isChange ? { kind: "part", part: this.name, ...finding, durationMs } : undefined);
  }

  report(nowMs: number): PartReport {
    const { ok } = this;
    const checkedAgoMs = this.#checkedAtMs === undefined ? undefined : thousandths(nowMs - this.#checkedAtMs);
    return { ok, message: this.#message, durationMs: this.#durationMs, checkedAgoMs };
  }

  #begin(check: Check, nowMs: number): Promise<void> | undefined {
    const controller = new AbortController();
    let answer: ReturnType<Check>;
    try {
      answer = check(controller.signal);
    } catch (error) {
      this.settle(failure(error), nowMs);
      return undefined;
    }
    if (!isThenable(answer)) {
      this.settle(success(answer), nowMs);
      return undefined;
    }
    const running = new Running(this, controller, nowMs);
    this.#running = running;
    const ended = (finding: Finding): void => {
      // A late answer belongs to a time that is over: it only makes way for a new check.
      const isLate = running.end();
      if (this.#running !== running) return;
      this.#running = undefined;
      if (isLate) this.#freshUntilMs = -Infinity;
      else this.settle(finding, nowMs);
      running.resolve();
    };
    running.timer = this.#clock.expire(this.#timeoutMs, running);
    answer.then(
      (value) => ended(success(value)),
      (error: unknown) => ended(failure(error)),
    );
    return running.finished;
  }
}

class Running implements Expiring {
  readonly startedMs: number;
  readonly finished: Promise<void>;
  timer: Timer | undefined = undefined;
  isLate = false;
  resolve!: () => void;
  readonly #part: Part;
  readonly #controller: AbortController;

  constructor(part: Part, controller: AbortController, startedMs: number) {
    this.#part = part;
    this.#controller = controller;
    this.startedMs = startedMs;
    this.finished = new Promise((resolve) => (this.resolve = resolve));
  }

  /** The check has settled; says whether that was too late. */
  end(): boolean {
    this.timer?.cancel();
    return this.isLate;
  }

  expire(): void {
    this.isLate = true;
    const error = policyError("deadline_exceeded", { message: "timed out" });
    this.#part.settle({ ok: false, message: error.message, error }, this.startedMs);
    this.#controller.abort(error);
    this.resolve();
  }
}

function success(answer: unknown): Finding {
  const ok = answer !== false;
  return { ok, message: ok ? undefined : "failed", error: undefined };
}

function failure(error: unknown): Finding {
  return { ok: false, message: ServiceError.is(error) ? error.message : "failed", error };
}

function isThenable(value: ReturnType<Check>): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof value.then === "function";
}

// Fractions of microseconds only make a report harder to read.
const thousandths = (ms: number): number => Math.round(ms * 1000) / 1000;
