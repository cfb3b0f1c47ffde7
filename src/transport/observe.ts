/**
 * The observers of one method as one, on either side of a call.
 *
 * @module
 */
import { fuse, observeOf, type FusedObserver, type Gate, type MethodInfo, type Observe } from "../endpoint/index.ts";

/** The observers of one method, joined. */
export function observerOf(
  observes: readonly Observe[],
  info: MethodInfo,
  report: (error: unknown, where: MethodInfo) => void,
): FusedObserver {
  const observers = observes.map((observe) => observe(info)).filter((one) => one !== undefined);
  return fuse(observers, function reported(error) {
    try {
      report(error, info);
    } catch {
      // Nobody is left to be told.
    }
  });
}

/**
 * The observers of a method with those of its gates behind them: what a limit counts is given back before anybody else hears
 * that the call is over. A gate that stands there twice is told once.
 */
export function withGates(observes: readonly Observe[], gates: readonly Gate[]): readonly Observe[] {
  const behind = [...new Set(gates)].map(observeOf).filter((one) => one !== undefined);
  return behind.length === 0 ? observes : [...observes, ...behind];
}
