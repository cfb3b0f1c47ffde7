/**
 * What is simulated, as plain data: back-ends, who calls them, and with which policies.
 *
 * @module
 */
import type { ClientOptions } from "../client/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { Backend } from "./backend.ts";
import type { SimulatedMethods } from "./contract.ts";
import type { Load } from "./load.ts";

/** Something to simulate. All times are milliseconds from the beginning. */
export interface Scenario {
  /** For people. Default: "scenario". */
  readonly name?: string | undefined;
  /** Where chance begins, an integer from 0: the same seed gives the same run, to the last digit. Default: 1. */
  readonly seed?: number | undefined;
  /** How long requests come. Calls that are open then are waited for. */
  readonly durationMs: number;
  /** So much of the beginning is left out of the totals. Default: 0. */
  readonly warmupMs?: number | undefined;
  /** Who answers, at least one. Those with `calls` call others in turn. */
  readonly backends: readonly Backend[];
  /** Who asks. */
  readonly load: Load | readonly Load[];
  /** How many clients share the load, each with what it has learned by itself. Default: 1. */
  readonly clients?: number | undefined;
  /**
   * The options of the clients, as `client()` takes them; a function, where they hold what needs a clock. false: no client
   * at all, requests go to the instances in turn and nothing stands between. Default: `client()`'s own defaults.
   */
  readonly client?: ClientData | ((world: World) => ClientData) | false | undefined;
}

/** Options of a simulated client: all of `client()`'s but what the simulation gives it. */
export type ClientData = Omit<ClientOptions<SimulatedMethods>, "from" | "clock" | "random">;

/** What policies inside a simulation are built with. */
export interface World {
  /** The simulated time. Whatever waits or measures takes this, or it would never move. */
  readonly clock: Clock;
  /** The simulated chance. */
  readonly random: Random;
  /** Which client or instance this is for, from 0. */
  readonly index: number;
}
