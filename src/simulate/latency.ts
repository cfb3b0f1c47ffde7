/**
 * How long work takes: a distribution as plain data.
 *
 * @module
 */
import { checkNames, checkNumber, shown } from "../internal/check.ts";
import type { Random } from "../time/index.ts";

/**
 * How long a back-end works on a request, in milliseconds: always the same (a number), lognormal (half of them take less than
 * the median; a sigma of 0.5 is an ordinary service, 1 one with a long tail), exponential, or a part `ratio` of another kind
 * among them.
 */
export type Latency =
  | number
  | { readonly medianMs: number; readonly sigma: number }
  | { readonly meanMs: number }
  | { readonly mostly: Latency; readonly ratio: number; readonly otherwise: Latency };

/** Draws a duration in milliseconds. */
export type Sampler = (random: Random) => number;

/**
 * Makes what draws from a distribution.
 *
 * @throws {TypeError | RangeError} when it is none.
 */
export function sampler(name: string, latency: Latency): Sampler {
  if (typeof latency === "number") {
    const ms = checkNumber(name, latency, { min: 0 });
    return () => ms;
  }
  if (typeof latency !== "object" || latency === null)
    throw new TypeError(`${name} should be a number of milliseconds or a distribution, got ${shown(latency)}`);
  if ("medianMs" in latency) {
    checkNames(name, latency, ["medianMs", "sigma"]);
    const medianMs = checkNumber(`${name}.medianMs`, latency.medianMs, { min: 0 });
    const sigma = checkNumber(`${name}.sigma`, latency.sigma, { min: 0, max: 5 });
    return (random) => medianMs * Math.exp(sigma * normal(random));
  }
  if ("meanMs" in latency) {
    checkNames(name, latency, ["meanMs"]);
    const meanMs = checkNumber(`${name}.meanMs`, latency.meanMs, { min: 0 });
    return (random) => meanMs * exponential(random);
  }
  checkNames(name, latency, ["mostly", "ratio", "otherwise"]);
  const ratio = checkNumber(`${name}.ratio`, latency.ratio, { min: 0, max: 1 });
  const mostly = sampler(`${name}.mostly`, latency.mostly);
  const otherwise = sampler(`${name}.otherwise`, latency.otherwise);
  return (random) => (random.fraction() < ratio ? otherwise : mostly)(random);
}

/** A draw from the exponential distribution with mean 1. */
export function exponential(random: Random): number {
  return -Math.log(1 - random.fraction());
}

// Box and Muller's; the second value of the pair is not kept, so that each draw takes the same numbers from the seed.
function normal(random: Random): number {
  return Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random.fraction());
}
