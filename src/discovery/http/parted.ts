/**
 * Options of a registry and options of every source or registrar, told apart again.
 *
 * @module
 */

/** The options with these names, and the others. */
export function parted<T extends object, N extends keyof T>(
  options: T,
  names: readonly N[],
): [own: Pick<T, N>, rest: Omit<T, N>] {
  const isOwn = ([name]: [string, unknown]): boolean => (names as readonly string[]).includes(name);
  const entries = Object.entries(options) as [string, unknown][];
  const part = (own: boolean): object => Object.fromEntries(entries.filter((entry) => isOwn(entry) === own));
  return [part(true) as Pick<T, N>, part(false) as Omit<T, N>];
}
