/**
 * The observers of one method as one, on either side of a call.
 *
 * @module
 */
import { fuse, type FusedObserver, type MethodInfo, type Observe } from "../endpoint/index.ts";

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
