/**
 * Where an answer comes from, when it is not what was asked for but the next best: remembered beside the value, so that its
 * type stays as it is, and told to the caller as metadata of the reply.
 *
 * @module
 */
import type { Context } from "../endpoint/index.ts";

/** The metadata of a reply that says where the answer comes from; absent when it is fresh. */
export const ANSWER_MARK = "answer-mark";

const marks = new WeakMap<object, string>();

/** Marks an answer, and the reply it goes into. Only objects can be marked; the reply says it of any answer. */
export function markAnswer(value: unknown, mark: string, context?: Context): void {
  if (typeof value === "object" && value !== null) marks.set(value, mark);
  if (context?.method.side === "server") context.reply.set(ANSWER_MARK, mark);
}

/**
 * Where an answer comes from: "fresh" unless a fallback or cache in this process has put another in its place, such as
 * "stale" or "default". Answers that are no objects cannot be marked and are "fresh" always.
 *
 * @example
 * ```ts
 * import { markOf } from "servicekit/resilience";
 *
 * markOf({ price: 3 }); // => "fresh"
 * ```
 */
export function markOf(value: unknown): string {
  return (typeof value === "object" && value !== null ? marks.get(value) : undefined) ?? "fresh";
}
