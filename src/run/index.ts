/**
 * Servers and background tasks as one group: start, signals, drain, stop.
 *
 * @module
 */
export { run, type RunGroup } from "./run.ts";
export type { RunOptions } from "./options.ts";
export { task, type TaskOptions } from "./task.ts";
export { runEventLine, type MemberPhase, type RunEvent, type StopCause } from "./events.ts";

// For people who write adapters.
export type { Exit, SignalSource, StopSignal } from "./process.ts";
export type { Runnable } from "./runnable.ts";
