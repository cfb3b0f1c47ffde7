/**
 * The options of a balancer, checked and filled in.
 *
 * @module
 */
import { instance, type Instance, type Source } from "../discovery/index.ts";
import { checkFunction, checkNames, checkNumber, checkString, shown } from "../internal/check.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { BalancerOptions, CanaryOptions } from "./balancer.ts";
import { ejectionRules, type EjectionRules } from "./ejection-options.ts";
import type { BalanceEvent } from "./events.ts";
import { p2c } from "./p2c.ts";
import type { PlanRules } from "./plan.ts";
import type { Learning, Strategy } from "./strategy.ts";
import { Subset } from "./subset.ts";

/** What a pool works with. */
export interface PoolSettings<T> {
  readonly source: Source | undefined;
  readonly list: readonly Instance[];
  /** Those that stand in the list more than once. */
  readonly copies: ReadonlyMap<string, number>;
  readonly open: (instance: Instance) => T;
  readonly close: ((value: T) => Promise<void> | void) | undefined;
  readonly strategy: Strategy;
  readonly learning: Learning;
  readonly ejection: EjectionRules | undefined;
  readonly slowStartMs: number;
  readonly zone: string | undefined;
  readonly canary: CanaryOptions | undefined;
  readonly rules: PlanRules;
  readonly subset: Subset | undefined;
  readonly onEvent: ((event: BalanceEvent) => void) | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES = [
  "from",
  "open",
  "close",
  "strategy",
  "ejection",
  "panicRatio",
  "zone",
  "canary",
  "subset",
  "slowStartMs",
  "onEvent",
  "clock",
  "random",
];
const LEARNING: Learning = { tauMs: 10_000, failureMs: 1000 };

/** Checks the options of a balancer. */
export function settingsOf<T>(options: BalancerOptions<T>): PoolSettings<T> {
  checkNames("balancer", options, NAMES);
  const { from, open, close, zone, canary, subset, onEvent } = options;
  checkFunction("open", open);
  if (close !== undefined) checkFunction("close", close);
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  if (zone !== undefined) checkString("zone", zone);
  if (canary !== undefined) {
    checkNames("canary", canary, ["version", "ratio"]);
    checkString("canary.version", canary.version);
    checkNumber("canary.ratio", canary.ratio, { min: 0, max: 1 });
  }
  const strategy = options.strategy ?? p2c();
  if (typeof (strategy as { start?: unknown }).start !== "function")
    throw new TypeError(`strategy should be one, for instance p2c(), got ${shown(strategy)}`);
  const isSource = typeof from === "object" && from !== null && "~source" in from;
  const copies = new Map<string, number>();
  return {
    source: isSource ? from : undefined,
    list: isSource ? [] : listOf(from, copies),
    copies,
    open,
    close,
    strategy,
    learning: strategy.learning ?? LEARNING,
    ejection: ejectionRules(options.ejection),
    slowStartMs: checkNumber("slowStartMs", options.slowStartMs ?? 10_000, { min: 0, max: 86_400_000 }),
    zone,
    canary,
    rules: {
      panicRatio: checkNumber("panicRatio", options.panicRatio ?? 0.5, { min: 0, max: 1 }),
      zone,
      canaryRatio: canary?.ratio ?? 0,
    },
    subset: subset === undefined ? undefined : new Subset(subset),
    onEvent,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function listOf(from: unknown, copies: Map<string, number>): readonly Instance[] {
  if (!Array.isArray(from)) throw new TypeError(`from should be a source or a list, got ${shown(from)}`);
  const byId = new Map<string, Instance>();
  for (const given of from) {
    const one = instance(given);
    const known = byId.get(one.id);
    if (known === undefined) byId.set(one.id, one);
    else if (known.address === one.address) copies.set(one.id, (copies.get(one.id) ?? 1) + 1);
    else throw new RangeError(`from should have one address for each id, got two for ${shown(one.id)}`);
  }
  return [...byId.values()];
}
