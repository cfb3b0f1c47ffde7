/**
 * Which instance gets the next call.
 *
 * @module
 */
export type { Balancer, BalancerOptions, SubsetOptions } from "./balancer.ts";
export type { EjectionOptions, FailureShareOptions, SuccessRateOptions } from "./ejection-options.ts";
export type { BalanceEvent } from "./events.ts";
export type { Ending, Member } from "./member.ts";

// For people who write strategies.
export type { Chooser, Group, Strategy } from "./strategy.ts";
