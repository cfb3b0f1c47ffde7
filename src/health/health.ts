/**
 * Whether a service lives, is ready, has started: made of parts, asked by probes. For the process as a whole, not for
 * single calls: there a breaker decides.
 *
 * @module
 */
import type { Subscription } from "../endpoint/index.ts";
import { checkFunction, checkNames, shown } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { Part, type PartOptions } from "./part.ts";
import type { HealthEvent, HealthReport, HealthState, PartEvent, PartReport } from "./report.ts";

/** What health is made of. */
export interface HealthOptions {
  /** The parts by name: a letter, then letters, digits, `_`, `.` or `-`, at most 64. Default: none, further ones by `add`. */
  readonly parts?: Readonly<Record<string, PartOptions>> | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * The health of a service. A report comes as a plain value where everything is known, and as a promise where a check has
 * to be waited for, never longer than the longest `timeoutMs` of the parts.
 */
export interface Health {
  /** Where the service is in its life, by what was last found; nothing is checked. */
  readonly state: HealthState;
  /** Whether the process should go on: false asks for a restart. Looks at the parts that affect "live"; true while draining. */
  live(): HealthReport | Promise<HealthReport>;
  /** Whether the service should get requests: started, not draining, and every critical part ok. */
  ready(): HealthReport | Promise<HealthReport>;
  /** Whether start-up is over. */
  startup(): HealthReport | Promise<HealthReport>;
  /** Says that start-up is over, and looks at every part for the first time. */
  started(): void;
  /** Turns readiness off for good. Parts are not checked any more: what they stand for is about to be closed. */
  drain(): void;
  /**
   * Tells how a part without a check is.
   *
   * @param message is shown in public.
   * @throws {RangeError} when there is no such part, or it has a check.
   */
  set(part: string, ok: boolean, message?: string): void;
  /**
   * Adds a part.
   *
   * @throws {RangeError} when the name is taken or an option is wrong.
   */
  add(part: string, options: PartOptions): void;
  /**
   * Calls `listener` whenever the state changes, or a part begins or ceases to be ok (its first result included). What a
   * listener throws is dropped: a broken log is no reason to fail a probe.
   */
  onChange(listener: (event: HealthEvent) => void): Subscription;
}

/**
 * Makes the health of a service. Checks run when a probe asks, never in the background; probes that ask at the same time
 * share one check. (Kubernetes: liveness, readiness and start-up probes. Go kit promised health checks in its RFCs and has
 * none.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { health } from "servicekit/health";
 *
 * const mine = health({ parts: { db: { check: () => Promise.resolve() }, registry: {} } });
 * mine.started();
 * (await mine.ready()).parts["registry"]; // => { ok: false, message: "not known yet", durationMs: 0 }
 * mine.set("registry", true);
 * (await mine.ready()).ok; // => true
 * mine.drain();
 * mine.state; // => "draining"
 * ```
 */
export function health(options: HealthOptions = {}): Health {
  checkNames("health", options, ["parts", "clock"]);
  return new PartedHealth(options);
}

class PartedHealth implements Health {
  readonly #parts = new Map<string, Part>();
  readonly #listeners = new Set<{ run: (event: HealthEvent) => void }>();
  readonly #clock: Clock;
  #isStarted = false;
  #state: HealthState = "starting";

  constructor(options: HealthOptions) {
    this.#clock = options.clock ?? systemClock;
    for (const [name, part] of Object.entries(options.parts ?? {})) this.add(name, part);
  }

  get state(): HealthState {
    return this.#state;
  }

  live(): HealthReport | Promise<HealthReport> {
    const parts = this.#affecting((part) => part.affects === "live");
    return this.#after(parts, () => this.#report(this.#state === "draining" || parts.every(fine), parts));
  }

  ready(): HealthReport | Promise<HealthReport> {
    const parts = this.#affecting(() => true);
    return this.#after(parts, () => this.#report(this.#state === "ready", parts));
  }

  startup(): HealthReport {
    return this.#report(this.#isStarted, []);
  }

  started(): void {
    this.#isStarted = true;
    if (this.#state !== "draining") for (const part of this.#parts.values()) void part.refresh();
    this.#review();
  }

  drain(): void {
    this.#become("draining");
  }

  set(name: string, ok: boolean, message?: string): void {
    const part = this.#parts.get(name);
    if (part === undefined) throw new RangeError(`part should be one of ${this.#told()}, got ${shown(name)}`);
    if (!part.told) throw new RangeError(`part ${name} should have no check to be set, its check decides`);
    part.settle({ ok, message, error: undefined }, this.#clock.now());
  }

  add(name: string, options: PartOptions): void {
    if (this.#parts.has(name)) throw new RangeError(`part should have a name of its own, got ${shown(name)} again`);
    const part = new Part(name, options, { clock: this.#clock, found: this.#found });
    this.#parts.set(name, part);
    if (this.#isStarted && this.#state !== "draining") void part.refresh();
    this.#review();
  }

  onChange(listener: (event: HealthEvent) => void): Subscription {
    checkFunction("listener", listener);
    const entry = { run: listener };
    this.#listeners.add(entry);
    return { cancel: () => void this.#listeners.delete(entry) };
  }

  #affecting(wanted: (part: Part) => boolean): readonly Part[] {
    return [...this.#parts.values()].filter(wanted);
  }

  #after(parts: readonly Part[], report: () => HealthReport): HealthReport | Promise<HealthReport> {
    if (this.#state === "draining") return report();
    const waits = parts.map((part) => part.refresh()).filter((wait) => wait !== undefined);
    return waits.length === 0 ? report() : Promise.all(waits).then(report);
  }

  #report(ok: boolean, parts: readonly Part[]): HealthReport {
    const nowMs = this.#clock.now();
    const shownParts: Record<string, PartReport> = {};
    for (const part of parts) shownParts[part.name] = part.report(nowMs);
    return { ok, state: this.#state, parts: shownParts };
  }

  readonly #found = (change: PartEvent | undefined): void => {
    if (change !== undefined) this.#tell(change);
    this.#review();
  };

  // What was found decides the state. Until every part has been looked at once, the service is still starting; a part that
  // is added later counts from its first finding on.
  #review(): void {
    if (this.#state === "draining" || !this.#isStarted) return;
    const parts = [...this.#parts.values()];
    if (this.#state === "starting" && !parts.every((part) => part.known)) return;
    this.#become(parts.every((part) => !part.known || fine(part)) ? "ready" : "not_ready");
  }

  #become(state: HealthState): void {
    const previous = this.#state;
    if (state === previous) return;
    this.#state = state;
    this.#tell({ kind: "state", state, previous });
  }

  #tell(event: HealthEvent): void {
    for (const { run } of this.#listeners) {
      try {
        run(event);
      } catch {
        // See `onChange`.
      }
    }
  }

  #told(): string {
    return (
      [...this.#parts.values()]
        .filter((part) => part.told)
        .map((part) => part.name)
        .join(", ") || "no parts"
    );
  }
}

const fine = (part: Part): boolean => part.ok || !part.critical;
