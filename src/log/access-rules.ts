/**
 * Which calls the access log writes, how loud, and what it says of them: the same for both ways of making a line.
 *
 * @module
 */
import { OTHER, type Call, type MethodInfo } from "../endpoint/index.ts";
import type { Outcome } from "../errors/index.ts";
import type { Random } from "../time/index.ts";
import type { Level } from "./level.ts";

/** What the observers of one access log share. */
export interface AccessRules {
  readonly sample: number;
  readonly slowMs: number;
  readonly random: Random;
}

/** How loud the end of a call is: a server at its limit is a warning, a fault is an error, all else is business. */
const LEVELS: Readonly<Record<Outcome, Level>> = {
  ok: "info",
  canceled: "info",
  unknown: "error",
  invalid_argument: "info",
  deadline_exceeded: "warn",
  not_found: "info",
  already_exists: "info",
  permission_denied: "info",
  resource_exhausted: "warn",
  failed_precondition: "info",
  aborted: "info",
  out_of_range: "info",
  unimplemented: "info",
  internal: "error",
  unavailable: "warn",
  data_loss: "error",
  unauthenticated: "info",
};

/** The level of the line of a call that did not end well and in time. */
export function levelOf(outcome: Outcome, isSlow: boolean): Level {
  const level = LEVELS[outcome];
  return isSlow && level === "info" ? "warn" : level;
}

/** Tells whether a call that ended well and in time is in the sample. */
export function isSampled(rules: AccessRules): boolean {
  return rules.sample === 1 || rules.random.fraction() < rules.sample;
}

/** What the line is called, seen from this side. */
export function messageOf(method: MethodInfo): string {
  return method.side === "server" ? "request" : "call";
}

/** A duration in whole microseconds; 0 when it is no duration. */
export function microsOf(durationMs: number): number {
  return durationMs > 0 && durationMs < 1e12 ? Math.round(durationMs * 1000) : 0;
}

/** What was asked for where no method fits, bounded; undefined for every other call. */
export function targetOf(call: Call): string | undefined {
  return call.method.service === OTHER && call.target !== "" ? call.target.slice(0, 256) : undefined;
}
