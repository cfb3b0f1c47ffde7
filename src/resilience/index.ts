/**
 * What keeps one failing part from taking the rest with it: circuit breakers, deadlines, time-outs. Around any function,
 * or as middleware and gates in a stack.
 *
 * @module
 */
export { circuitBreaker, type CircuitBreaker } from "./circuit-breaker.ts";
export { breaker } from "./breaker.ts";
export { deadline, type DeadlineOptions } from "./deadline.ts";
export { timeout, type TimeoutOptions } from "./timeout.ts";
export { isFailure } from "./verdict.ts";
export { attemptsOf, type FailedAttempt } from "./attempts.ts";
export { budget, type Budget, type BudgetSnapshot } from "./budget.ts";
export { retry, type Retry, type RetryOptions, type RetrySnapshot, type RunOptions } from "./retry.ts";
export type { Attempt } from "./attempts-running.ts";
export type { RetryEnd, RetryEvent } from "./retry-plan.ts";
export { hedge, type Hedge, type HedgeOptions } from "./hedge.ts";
export type { HedgeChange, HedgeSnapshot } from "./hedge-plan.ts";
export {
  throttle,
  type Throttle,
  type ThrottleOptions,
  type ThrottlePolicy,
  type ThrottleSnapshot,
} from "./throttle.ts";
export type { BreakerOptions } from "./breaker-options.ts";
export type { BreakerEvent, BreakerSnapshot, BreakerState, BreakerTicket } from "./breaker-state.ts";
export type { ConsecutiveTrip, CountTrip, SlowRule, TimeTrip, Trip } from "./trip.ts";
export { adaptiveConcurrency, type AdaptiveConcurrency } from "./adaptive.ts";
export type { AdaptiveOptions, AdaptiveQueue, AdaptiveRules } from "./adaptive-options.ts";
export type { AdaptiveEvent, AdaptiveSnapshot } from "./adaptive-state.ts";
export { bulkhead, type Bulkhead, type BulkheadSnapshot } from "./bulkhead.ts";
export type { BulkheadLimits, BulkheadOptions, BulkheadQueue } from "./bulkhead-options.ts";
export type { AroundFunctions, PlaceOptions } from "./concurrency-function.ts";
export {
  cache,
  withCache,
  type Cache,
  type CacheControl,
  type CachedFunction,
  type CachedFunctionOptions,
} from "./cache.ts";
export type { CacheOptions } from "./cache-options.ts";
export type { CacheSnapshot } from "./cache-books.ts";
export { fallback, withFallback, type Marked, type Steps, type StepValue } from "./fallback.ts";
export { ANSWER_MARK, markOf } from "./mark.ts";
export { shed, type Shed, type ShedOptions, type ShedRules, type ShedSnapshot } from "./shed.ts";
export {
  flights,
  singleFlight,
  type Flights,
  type SharedCallOptions,
  type SingleFlight,
  type SingleFlightOptions,
} from "./single-flight.ts";
export { CRITICALITIES, criticalityOf, type Criticality } from "./criticality.ts";

// For people who write adapters.
export { deadlineError, isStalled } from "./stall.ts";
export { keepAttempts } from "./attempts.ts";
export { retryPlan, type RetryPlan, type RetryPlanOptions, type RetryState } from "./retry-plan.ts";
export { hedgePlan, type HedgePlan, type HedgePlanOptions } from "./hedge-plan.ts";
export { verdictOf, type Verdict } from "./verdict.ts";
