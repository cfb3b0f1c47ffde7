/**
 * Reading a property of a value that somebody else made, by a name that a schema declares.
 *
 * @module
 */

/** An object whose properties are read by declared names. */
export type Wire = Readonly<Record<string, unknown>>;

/**
 * Whether every object has a property of this name without anybody having given it one: `constructor`, `toString`,
 * `__proto__`. Such a name counts only when it is the value's own; any other may be a getter of its class.
 */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** The value of a declared property, undefined when the object does not have it. */
export function ownValue(from: Wire, name: string): unknown {
  return isInherited(name) && !Object.hasOwn(from, name) ? undefined : from[name];
}
