/**
 * Versions of the Kubernetes API: numbers without bound, as text.
 *
 * @module
 */

const NUMBER = /^(?:0|[1-9]\d*)$/;

/** Whether `one` is from before `other`; false where it cannot be told. */
export function isOlder(one: string, other: string): boolean {
  if (!NUMBER.test(one) || !NUMBER.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}
