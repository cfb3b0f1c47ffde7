/**
 * Looking through values before they are checked.
 *
 * @module
 */

/** Whether a value has fewer than `max` parts; it stops counting there. */
export function isSmall(value: unknown, max: number): boolean {
  return count(value, max) < max;
}

function count(value: unknown, max: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let parts = 1;
  for (const name in value) {
    parts += count((value as Record<string, unknown>)[name], max - parts);
    if (parts >= max) break;
  }
  return parts;
}

/** A copy of a value in which no field is undefined. */
export function withoutUndefined(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutUndefined);
  const kept = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(kept.map(([name, one]) => [name, withoutUndefined(one)]));
}
