/**
 * Turns policies as data into what they put around a method. The order is fixed: limit before the body is read, breaker
 * around the handler.
 *
 * @module
 */
import type { Gate, Middleware } from "../endpoint/index.ts";
import type { MethodPolicy } from "../contract/index.ts";
import { rateLimit } from "../ratelimit/index.ts";
import { breaker, type BreakerEvent } from "../resilience/index.ts";
import type { Clock } from "../time/index.ts";

/** What the policies of one method put around it. */
export interface PolicyLayers {
  readonly gates: readonly Gate[];
  readonly middlewares: readonly Middleware[];
}

/** The gates and middlewares of a method's policies. */
export function policiesOf(policy: MethodPolicy, clock: Clock, turned?: (event: BreakerEvent) => void): PolicyLayers {
  const { limit, breaker: trip } = policy;
  const gates: Gate[] = [];
  const middlewares: Middleware[] = [];
  if (limit !== undefined && limit !== false) {
    const { perSecond, burst, per = "method" } = limit;
    gates.push(rateLimit({ perSecond, burst, key: per === "peer" ? "peer" : undefined, clock }));
  }
  if (trip !== undefined && trip !== false) middlewares.push(breaker({ ...trip, clock, onEvent: turned }));
  return { gates, middlewares };
}
