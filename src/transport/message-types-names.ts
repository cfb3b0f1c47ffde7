/**
 * Names of messages and fields that every wire with numbered fields takes.
 *
 * @module
 */
import { wrongSchema, type Scope } from "./json/schema.ts";

/** The names of a service's messages, each given once. */
export class MessageNames {
  readonly #taken: Set<string>;

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken);
  }

  has(name: string): boolean {
    return this.#taken.has(name);
  }

  /** Takes a name: this one, or this one with a number. */
  take(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** `get_user` and `getUser` as `GetUser`; empty when there is nothing to make a name of. */
export function pascalCase(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  return /^[0-9]/.test(name) ? `N${name}` : name;
}

/** Throws a TypeError that names the message unless a field may be called so. */
export function checkFieldName(name: string, scope: Scope): void {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== "__proto__") return;
  throw wrongSchema(
    scope,
    `the field ${JSON.stringify(name)} should be named with letters, digits and _, a digit not first, to have a number`,
  );
}
