/**
 * Names of components: from what schemas call themselves, else from where they stand.
 *
 * @module
 */

/** Words as one name in Pascal case: "shop.orders" and "a user's name" become ShopOrders and AUsersName. */
export function pascal(...words: readonly string[]): string {
  return words
    .join(" ")
    .replaceAll(/['’]/g, "")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** A name as components may have it (OpenAPI 3.1 §4.8.7): a name that already is one stays. */
export function componentName(name: string): string {
  return /^[A-Za-z0-9._-]+$/.test(name) ? name : pascal(name);
}

/** Whether a library numbered a definition for want of a name; the number may change from run to run. */
export function isNumbered(name: string): boolean {
  return /^(?:__schema|alias|domain|intersection|morph|proto|structure|type|union|unit)?\d+$/.test(name);
}

/** Gives out names, each once: the second of a kind gets a 2 at its end. */
export class Names {
  readonly #taken = new Set<string>();

  /** `name`, or the next free one after it. */
  take(name: string): string {
    const wanted = name === "" ? "Schema" : name;
    let free = wanted;
    for (let i = 2; this.#taken.has(free); i++) free = `${wanted}${i}`;
    this.#taken.add(free);
    return free;
  }
}
