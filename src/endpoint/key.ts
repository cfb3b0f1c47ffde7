/**
 * Typed values on a context.
 *
 * @module
 */

/** Names a value of type `T` on a context. Two keys with the same name are still two keys. */
export interface Key<T> {
  readonly name: string;
  readonly "~value"?: (value: T) => T;
}

/**
 * Makes a key. The name is for people; identity is the object.
 *
 * @example
 * ```ts
 * import { backgroundContext, key } from "servicekit";
 *
 * const user = key<{ id: string }>("user");
 * backgroundContext().with(user, { id: "ada" }).need(user).id; // => "ada"
 * ```
 */
export function key<T>(name: string): Key<T> {
  return { name };
}
