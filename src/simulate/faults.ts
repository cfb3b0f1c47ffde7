/**
 * What befalls an instance, as it stands at one moment, and where a process that stood still goes on.
 *
 * @module
 */
import type { Backend, Fault } from "./backend.ts";

/** What holds for an instance at a moment. */
export interface Condition {
  readonly slow: number;
  readonly capacity: number;
  readonly fail: Fault["fail"];
  readonly isDown: boolean;
  readonly hangs: boolean;
  readonly isUnlisted: boolean;
  readonly marked: Fault["marked"];
}

/** When a fault begins and ends. */
export function spanOf({ atMs = 0, untilMs = Infinity }: Fault): { readonly atMs: number; readonly untilMs: number } {
  return { atMs, untilMs };
}

/** What holds at a moment under these faults. */
export function conditionAt(faults: readonly Fault[], nowMs: number): Condition {
  let [slow, capacity] = [1, 1];
  let [isDown, hangs, isUnlisted] = [false, false, false];
  let fail: Fault["fail"];
  let marked: Fault["marked"];
  for (const fault of faults) {
    const { atMs, untilMs } = spanOf(fault);
    if (nowMs < atMs || nowMs >= untilMs) continue;
    slow *= fault.slow ?? 1;
    capacity *= fault.capacity ?? 1;
    isDown ||= fault.down === true;
    hangs ||= fault.hang === true;
    isUnlisted ||= fault.unlisted === true;
    fail = fault.fail ?? fail;
    marked = fault.marked ?? marked;
  }
  return { slow, capacity, fail, isDown, hangs, isUnlisted, marked };
}

/** The moments at which something changes, in order. */
export function changesOf({ faults = [] }: Backend): readonly number[] {
  const moments = new Set(faults.flatMap((fault) => Object.values(spanOf(fault))));
  return [...moments].filter((ms) => ms !== Infinity).sort((a, b) => a - b);
}

/** When work of this length is done that begins at a moment: a process that stands still goes on later where it was. */
export function doneAt(stalls: readonly Fault[], startMs: number, workMs: number): number {
  let dueMs = startMs + workMs;
  for (const stall of stalls) {
    const { atMs, untilMs } = spanOf(stall);
    if (startMs < untilMs && dueMs > atMs) dueMs += untilMs - Math.max(startMs, atMs);
  }
  return dueMs;
}

/** The times in which a process stands still, in order. */
export function stallsOf({ faults = [] }: Backend): readonly Fault[] {
  return faults.filter(({ stall }) => stall === true).sort((a, b) => spanOf(a).atMs - spanOf(b).atMs);
}

/** What a fault is called. */
export function nameOf({ name, slow, capacity, fail, down, hang, stall, unlisted, marked }: Fault): string {
  if (name !== undefined) return name;
  const kinds = [
    slow !== undefined && `${slow} times slower`,
    capacity !== undefined && `${Math.round(capacity * 100)} % of the workers`,
    fail !== undefined && `fails${fail.ratio === undefined ? "" : ` ${fail.ratio * 100} %`}`,
    down === true && "down",
    hang === true && "hangs",
    stall === true && "stands still",
    unlisted === true && "unlisted",
    marked !== undefined && `marked ${marked}`,
  ];
  return kinds.filter((kind) => kind !== false).join(", ");
}
