/**
 * The time a caller leaves, as a header says it.
 *
 * @module
 */

/** What is left of the caller's deadline by the header `request-timeout-ms`, at most the method's own time. */
export function timeoutOf(header: string | string[] | undefined, ownMs: number): number {
  if (typeof header !== "string" || !/^\d{1,9}$/.test(header)) return ownMs;
  return Math.min(Number(header), ownMs);
}
