/**
 * What a run has shown.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import { nameOf, spanOf } from "./faults.ts";
import { Figures, type FiguresSource } from "./figures.ts";
import type { News } from "./news.ts";
import { plot } from "./plot.ts";
import type { Scenario } from "./scenario.ts";
import { tableOf } from "./table.ts";

/** What counts as well again. */
export interface RecoveryRule {
  /** From when on one looks: mostly the end of a fault. */
  readonly afterMs: number;
  /** The least part of successes, from 0 to 1. Default: 0.99. */
  readonly successRatio?: number | undefined;
  /** The most the 99th percentile may be. Default: any. */
  readonly p99Ms?: number | undefined;
  /** How long a stretch is looked at. Default: 1 s. */
  readonly windowMs?: number | undefined;
}

/** A fault of a scenario, for people. */
export interface FaultSpan {
  /** `pet: 100 times slower`. */
  readonly name: string;
  readonly atMs: number;
  /** Never beyond the end of the run. */
  readonly untilMs: number;
}

/** What a run has shown: figures of any span of time, and what was said meanwhile. */
export interface Report {
  /** The name of the scenario. */
  readonly name: string;
  readonly seed: number;
  readonly durationMs: number;
  /** Everything after the warm-up. */
  readonly total: Figures;
  /** Each second of the run. */
  readonly seconds: readonly Figures[];
  /** All requests that began between two moments. @throws {RangeError} when the second is not after the first. */
  between(fromMs: number, untilMs: number): Figures;
  /**
   * How long after `afterMs` it was until every stretch to the end was well; Infinity: it never was.
   *
   * @throws {RangeError} when a part of the rule is out of range, such as an `afterMs` past the end.
   */
  recoveryMs(rule: RecoveryRule): number;
  /** What befell the back-ends. */
  readonly faults: readonly FaultSpan[];
  /** What the clients' logs said of instances: ejections, breakers, panics. */
  readonly news: readonly News[];
  /** A table for people. */
  toText(): string;
  /** A plot of it, as SVG. */
  toSvg(): string;
  /** Everything as plain numbers, for `JSON.stringify`. */
  toJSON(): Readonly<Record<string, unknown>>;
}

/** What a report is made of. */
export interface ReportParts extends FiguresSource {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly news: readonly News[];
}

/** Makes a report. */
export function reportOf(parts: ReportParts): Report {
  const { scenario, seed, news } = parts;
  const { name = "scenario", durationMs, warmupMs = 0 } = scenario;
  const faults = faultsOf(scenario);
  let seconds: readonly Figures[] | undefined;
  let total: Figures | undefined;
  function between(fromMs: number, untilMs: number): Figures {
    checkNumber("fromMs", fromMs, { min: 0 });
    if (!(untilMs > fromMs)) throw new RangeError(`untilMs should be above fromMs (${fromMs}), got ${untilMs}`);
    return new Figures(parts, fromMs, untilMs);
  }
  const report: Report = {
    name,
    seed,
    durationMs,
    faults,
    news,
    between,
    get total() {
      return (total ??= new Figures(parts, warmupMs, durationMs));
    },
    get seconds() {
      return (seconds ??= windows(0, durationMs, 1000).map(([from, until]) => between(from, until)));
    },
    recoveryMs(rule) {
      checkNames("recoveryMs", rule, ["afterMs", "successRatio", "p99Ms", "windowMs"]);
      const { afterMs, successRatio = 0.99, p99Ms = Infinity, windowMs = 1000 } = rule;
      checkNumber("windowMs", windowMs, { min: 1, max: durationMs });
      // Past the end nothing is looked at, and nothing would be found wrong.
      checkNumber("afterMs", afterMs, { min: 0, max: durationMs - windowMs / 2 });
      checkNumber("successRatio", successRatio, { min: 0, max: 1 });
      checkNumber("p99Ms", p99Ms, { min: 0 });
      let wellFromMs = afterMs;
      let isWell = true;
      for (const [from, until] of windows(afterMs, durationMs, windowMs)) {
        const figures = between(from, until);
        isWell = figures.successRatio >= successRatio && figures.p99Ms <= p99Ms;
        if (!isWell) wellFromMs = until;
      }
      return isWell ? wellFromMs - afterMs : Infinity;
    },
    toText: () => tableOf(report),
    toSvg: () => plot([report]),
    toJSON: () => ({ name, seed, durationMs, faults, total: report.total, seconds: report.seconds, news }),
  };
  return report;
}

// The last one is left out when it is too short to say much.
function windows(fromMs: number, untilMs: number, windowMs: number): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let ms = fromMs; ms < untilMs; ms += windowMs) {
    if (ms + windowMs / 2 <= untilMs) found.push([ms, Math.min(ms + windowMs, untilMs)]);
  }
  return found;
}

function faultsOf({ backends, durationMs }: Scenario): readonly FaultSpan[] {
  return backends.flatMap(({ name, faults = [] }) =>
    faults.map((fault) => {
      const { atMs, untilMs } = spanOf(fault);
      return { name: `${name}: ${nameOf(fault)}`, atMs, untilMs: Math.min(untilMs, durationMs) };
    }),
  );
}
