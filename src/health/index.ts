/**
 * Live, ready, started: health made of parts, asked by probes.
 *
 * @module
 */
export { health, type Health, type HealthOptions } from "./health.ts";
export type { Check, PartOptions } from "./part.ts";
export type { HealthEvent, HealthReport, HealthState, PartEvent, PartReport, StateEvent } from "./report.ts";
