/**
 * How loud a line is, and from where on lines are written.
 *
 * @module
 */

/** How loud a line is, from the quietest to the loudest. */
export type Level = "debug" | "info" | "warn" | "error";

/** From which level on lines are written; "off" writes none. */
export type Threshold = Level | "off";

/** All thresholds, from the one that lets most through to the one that lets nothing through. */
export const thresholds: readonly Threshold[] = ["debug", "info", "warn", "error", "off"];

/** The order of the levels as numbers: a line is written when its rank is at least the threshold's. */
export const rankOf: Readonly<Record<Threshold, number>> = { debug: 0, info: 1, warn: 2, error: 3, off: 4 };
