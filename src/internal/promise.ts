/**
 * Telling a promise from a plain value.
 *
 * @module
 */

/** Whether a value is a promise, of any library: some (Prisma's) are not instances of Promise. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
