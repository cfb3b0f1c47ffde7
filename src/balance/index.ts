/**
 * Which instance gets the next call.
 *
 * @module
 */
export {
  balancer,
  type Balancer,
  type BalancerOptions,
  type CanaryOptions,
  type MemberExplanation,
  type MemberSnapshot,
  type SubsetOptions,
} from "./balancer.ts";
export { consistentHash, sticky, type ConsistentHashOptions } from "./consistent-hash.ts";
export type { EjectionOptions, FailureShareOptions, SuccessRateOptions } from "./ejection-options.ts";
export type { BalanceEvent } from "./events.ts";
export { leastRequest, type LeastRequestOptions } from "./least-request.ts";
export { loadOf, loadReport, type LoadReportOptions } from "./load-report.ts";
export type { Ending, Member } from "./member.ts";
export { p2c, type P2cOptions } from "./p2c.ts";
export { random } from "./random-choice.ts";
export { roundRobin } from "./round-robin.ts";
export { weightedRandom } from "./weighted-random.ts";
export { weightedRoundRobin } from "./weighted-round-robin.ts";

// For people who write strategies.
export type { Chooser, Group, Learning, Strategy } from "./strategy.ts";
