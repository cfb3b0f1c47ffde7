/**
 * The real policies in virtual time: described back-ends, described load, the client as it is.
 *
 * @module
 */
export { scenario, simulate, type SimulateOptions } from "./simulate.ts";
export { plot } from "./plot.ts";
export { comparisonOf as comparison } from "./table.ts";
export type {
  Backend,
  ClientData,
  FailingFault,
  Fault,
  Load,
  LoadStep,
  Scenario,
  ServerData,
  World,
} from "./scenario.ts";
export type { Latency } from "./latency.ts";
export type { FaultSpan, RecoveryRule, Report } from "./report.ts";
export type { Figures } from "./figures.ts";
export type { News } from "./news.ts";
export type { SimulatedMethods, SimulatedRequest, SimulatedTypes } from "./contract.ts";
