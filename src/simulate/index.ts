/**
 * The real policies in virtual time: described back-ends, described load, the client as it is.
 *
 * @module
 */
export { scenario, simulate, type SimulateOptions } from "./simulate.ts";
export { plot } from "./plot.ts";
export { comparison } from "./table.ts";
export type { ClientData, Scenario, World } from "./scenario.ts";
export type { Backend, FailingFault, Fault, ServerData } from "./backend.ts";
export type { Load, LoadStep } from "./load.ts";
export type { Latency } from "./latency.ts";
export type { FaultSpan, RecoveryRule, Report } from "./report.ts";
export type { Figures } from "./figures.ts";
export type { News } from "./news.ts";
export type { SimulatedMethods, SimulatedRequest, SimulatedTypes } from "./contract.ts";
