/**
 * What a group may be told, with every default and its reason.
 *
 * @module
 */
import type { Health } from "../health/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { runEventLine, type RunEvent } from "./events.ts";
import { exitProcess, processSignals, writeError, type Exit, type SignalSource } from "./process.ts";

/** How a group starts, stops, and tells of it. Times are in milliseconds, 0 to an hour. */
export interface RunOptions {
  /** Told when all members have started, and first of all when the group stops. Default: none. */
  readonly health?: Pick<Health, "started" | "drain"> | undefined;
  /** How long each member may take to start. Default: 30,000, the time a cold back-end or a slow disk may need. */
  readonly startMs?: number | undefined;
  /**
   * How long to go on serving after readiness is off, before draining. Default: 5000 with `health`, else 0. Kubernetes and
   * load balancers need some seconds to forget an instance, and until then every refused connection is a failed request.
   * Not waited after SIGINT and `stop()`, where somebody sits and waits, nor when start-up was not over.
   */
  readonly graceMs?: number | undefined;
  /**
   * How long all members together may take to finish what they have begun. Default: 10,000, three times the default
   * deadline of a call; with `graceMs` and `closeMs` it stays below the 30 s that Kubernetes waits before it kills.
   */
  readonly drainMs?: number | undefined;
  /** How long all members together may take to close, and before that to leave. Default: 5000: closing cuts what is left, so more means that it hangs. */
  readonly closeMs?: number | undefined;
  /** Where SIGINT and SIGTERM come from; false listens to none. Default: this process, where there is one. */
  readonly signals?: SignalSource | false | undefined;
  /**
   * Takes the exit code; false for nobody. Default: sets `process.exitCode` to 1 after a failure, and calls `process.exit`
   * after a second signal only; nobody where `signals` is given, since who does not own the signals does not own the exit.
   */
  readonly exit?: Exit | false | undefined;
  /**
   * Told of every step; what it throws is dropped, a broken log is no reason not to drain. Default: writes failures to
   * stderr, because an exit code of 1 without a word helps nobody.
   */
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** Options with every default filled in. */
export interface RunSettings {
  readonly health: Pick<Health, "started" | "drain"> | undefined;
  readonly startMs: number;
  readonly graceMs: number;
  readonly drainMs: number;
  readonly closeMs: number;
  readonly signals: SignalSource | undefined;
  readonly exit: Exit | undefined;
  readonly onEvent: (event: RunEvent) => void;
  readonly clock: Clock;
}

const NAMES = ["health", "startMs", "graceMs", "drainMs", "closeMs", "signals", "exit", "onEvent", "clock"];
const HOUR_MS = 3_600_000;

/** Checks the options and fills in the defaults. */
export function runSettings(options: RunOptions): RunSettings {
  checkNames("run", options, NAMES);
  const time = (name: "startMs" | "graceMs" | "drainMs" | "closeMs", defaultMs: number): number =>
    checkNumber(name, options[name] ?? defaultMs, { min: 0, max: HOUR_MS });
  const { health, signals, exit, onEvent = writeFailures, clock = systemClock } = options;
  checkFunction("onEvent", onEvent);
  if (exit !== undefined && exit !== false) checkFunction("exit", exit);
  if (signals !== undefined && signals !== false) {
    checkFunction("signals.on", signals.on);
    checkFunction("signals.off", signals.off);
  }
  return {
    health,
    startMs: time("startMs", 30_000),
    graceMs: time("graceMs", health === undefined ? 0 : 5000),
    drainMs: time("drainMs", 10_000),
    closeMs: time("closeMs", 5000),
    signals: signals === undefined ? processSignals() : signals || undefined,
    exit: exit === undefined && signals === undefined ? exitProcess : exit || undefined,
    onEvent,
    clock,
  };
}

function writeFailures(event: RunEvent): void {
  if (event.kind === "failed" || event.kind === "late") writeError(runEventLine(event));
}
