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
export type { Budget } from "./budget.ts";
export type { BreakerOptions } from "./breaker-options.ts";
export type { BreakerEvent, BreakerSnapshot, BreakerState, BreakerTicket } from "./breaker-state.ts";
export type { ConsecutiveTrip, CountTrip, SlowRule, TimeTrip, Trip } from "./trip.ts";

// For people who write adapters.
export { deadlineError } from "./stall.ts";
export { keepAttempts } from "./attempts.ts";
export type { RetryPlan, RetryState } from "./retry-plan.ts";
export type { HedgePlan } from "./hedge-plan.ts";
