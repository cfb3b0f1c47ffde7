/**
 * What happens to a group, step by step, for its log.
 *
 * @module
 */
import type { StopSignal } from "./process.ts";

/** A step of one member that can go wrong. */
export type MemberPhase = "start" | "run" | "leave" | "drain" | "close";

/** Why a group stopped: the first that asked. */
export type StopCause =
  | { readonly kind: "signal"; readonly signal: StopSignal }
  | { readonly kind: "asked" }
  | { readonly kind: "ended"; readonly member: string }
  | { readonly kind: "failed"; readonly member: string; readonly error: unknown };

/**
 * One step of a group, in the order of the life of a service: `starting` and `started` for each member, then `running`;
 * `signal`, `ended` or `failed` may come at any time; `stopping` (readiness is off), `left` for each
 * member that has to (then `graceMs` are waited), `draining`, `drained` and `closed` for each member, `stopped`. `late` tells of a member whose time ran out.
 */
export type RunEvent =
  | { readonly kind: "starting"; readonly member: string }
  | {
      readonly kind: "started";
      readonly member: string;
      readonly addresses: readonly string[];
      readonly durationMs: number;
    }
  | { readonly kind: "running"; readonly durationMs: number }
  | { readonly kind: "signal"; readonly signal: StopSignal; readonly isForced: boolean }
  | { readonly kind: "ended"; readonly member: string }
  | { readonly kind: "failed"; readonly member: string; readonly phase: MemberPhase; readonly error: unknown }
  | { readonly kind: "stopping"; readonly cause: StopCause; readonly graceMs: number }
  | { readonly kind: "left"; readonly member: string; readonly durationMs: number }
  | { readonly kind: "draining"; readonly drainMs: number }
  | { readonly kind: "drained"; readonly member: string; readonly durationMs: number }
  | {
      readonly kind: "late";
      readonly member: string;
      readonly phase: "leave" | "drain" | "close";
      readonly afterMs: number;
    }
  | { readonly kind: "closed"; readonly member: string; readonly durationMs: number }
  | { readonly kind: "stopped"; readonly code: number; readonly cause: StopCause; readonly durationMs: number };

/**
 * Tells an event in one line of plain words. Errors are told by their message, which is for the log and not for peers.
 *
 * @example
 * ```ts
 * import { runEventLine } from "servicekit/run";
 *
 * runEventLine({ kind: "signal", signal: "SIGTERM", isForced: false }); // => "received SIGTERM"
 * runEventLine({ kind: "failed", member: "http", phase: "start", error: new Error("port 80 is taken") }); // => "http failed to start: port 80 is taken"
 * ```
 */
export function runEventLine(event: RunEvent): string {
  switch (event.kind) {
    case "starting":
      return `starting ${event.member}`;
    case "started":
      return `${event.member} started${places(event.addresses)} in ${whole(event.durationMs)} ms`;
    case "running":
      return `running, started in ${whole(event.durationMs)} ms`;
    case "signal":
      return `received ${event.signal}${event.isForced ? " again, ending at once" : ""}`;
    case "ended":
      return `${event.member} ended`;
    case "failed":
      return `${event.member} failed${FAILED[event.phase]}: ${messageOf(event.error)}`;
    case "stopping":
      return `stopping because ${because(event.cause)}, not ready${event.graceMs > 0 ? `, waiting ${event.graceMs} ms` : ""}`;
    case "left":
      return `${event.member} left in ${whole(event.durationMs)} ms`;
    case "draining":
      return `draining for at most ${event.drainMs} ms`;
    case "drained":
      return `${event.member} drained in ${whole(event.durationMs)} ms`;
    case "late":
      return `${event.member} did not ${event.phase} within ${whole(event.afterMs)} ms`;
    case "closed":
      return `${event.member} closed in ${whole(event.durationMs)} ms`;
    case "stopped":
      return `stopped with exit code ${event.code} in ${whole(event.durationMs)} ms`;
  }
}

const FAILED = { start: " to start", run: "", leave: " to leave", drain: " to drain", close: " to close" } as const;

function because(cause: StopCause): string {
  switch (cause.kind) {
    case "signal":
      return `${cause.signal} was received`;
    case "asked":
      return "it was asked to";
    case "ended":
      return `${cause.member} ended`;
    case "failed":
      return `${cause.member} failed`;
  }
}

const places = (addresses: readonly string[]): string => (addresses.length === 0 ? "" : ` at ${addresses.join(" ")}`);

const whole = (ms: number): string => ms.toFixed(0);

// One event is one line, whatever the message holds.
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s+/g, " ");
}
