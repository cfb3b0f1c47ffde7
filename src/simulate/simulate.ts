/**
 * Runs a scenario in virtual time.
 *
 * @module
 */
import { checkNames } from "../internal/check.ts";
import { afterPromises, nextTurn } from "../internal/turn.ts";
import { Callers } from "./callers.ts";
import { checkScenario, checkSeed, SERVICE } from "./check-scenario.ts";
import { reportOf, type Report } from "./report.ts";
import type { Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** How a scenario is run. */
export interface SimulateOptions {
  /** In place of the scenario's. */
  readonly seed?: number | undefined;
}

/** After so many moments the platform has its turn: a run must not keep a process from being interrupted. */
const MOMENTS = 4096;
/** So much at one moment is a circle: an error is better than a run that never ends. */
const MOST_AT_ONCE = 1_000_000;
const CIRCLE = "something waits for 0 ms, again and again";

/**
 * Checks a scenario and gives it back, frozen: the place to write one down in a module for `servicekit simulate`.
 *
 * @throws {TypeError | RangeError} when something in it is wrong: the place, the rule, the value.
 *
 * @example
 * ```ts
 * import { scenario } from "servicekit/simulate";
 *
 * scenario({ durationMs: 1000, backends: [{ name: "pet", workers: 0 }], load: { perSecond: 10 } }); // throws backends[0].workers should be an integer of at least 1, got 0
 * ```
 */
export function scenario(given: Scenario): Scenario {
  checkScenario(given);
  return Object.freeze({ ...given });
}

/**
 * Runs a scenario: the real client, breakers, budgets, gates and whatever else it names, on a clock that jumps from one
 * event to the next. Between two moments every promise that is ready runs. The same scenario and seed give the same report.
 *
 * @throws {TypeError | RangeError} when something in the scenario is wrong.
 *
 * @example
 * ```ts
 * import { simulate } from "servicekit/simulate";
 *
 * const report = await simulate({
 *   durationMs: 2000,
 *   backends: [{ name: "pet", count: 3, latency: { medianMs: 10, sigma: 0.5 } }],
 *   load: { perSecond: 100 },
 * });
 * report.total.successRatio; // => 1
 * report.between(1000, 2000).p99Ms < 100; // => true
 * ```
 */
export async function simulate(given: Scenario, options: SimulateOptions = {}): Promise<Report> {
  checkScenario(given);
  checkNames("simulate", options, ["seed"]);
  const seed = checkSeed(options.seed ?? given.seed ?? 1);
  const simulation = new Simulation(given, seed);
  const { recorder, sites, news, time } = simulation;
  const loads = Array.isArray(given.load) ? (given.load as readonly Load[]) : [given.load as Load];
  const callers = loads.map((load) => new Callers(simulation, load));
  // Every call ends, at the latest by its deadline.
  await run(simulation, () => time.dueMs > given.durationMs && callers.every(({ open }) => open === 0));
  // Its timers are virtual too, and nobody moves them any more.
  void simulation.close();
  const places = sites.map(({ address, backend: { name, service = SERVICE } }) => ({ address, name, service }));
  return reportOf({ scenario: given, seed, recorder, places, news });
}

function run({ time, hasPromises }: Simulation, isOver: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let [moments, still] = [0, 0];
    const again = afterPromises(step);
    function step(): void {
      try {
        do {
          if (isOver()) return resolve();
          const beforeMs = time.now();
          time.fire();
          if (time.now() !== beforeMs) still = 0;
          else if (++still > MOST_AT_ONCE) throw new Error(`time stands still at ${beforeMs} ms: ${CIRCLE}`);
        } while (++moments % MOMENTS !== 0 && !hasPromises);
      } catch (error) {
        return reject(error as Error);
      }
      if (moments % MOMENTS === 0) nextTurn(again, undefined);
      else again();
    }
    again();
  });
}
