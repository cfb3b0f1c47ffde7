/**
 * Names for what is generated: identifiers made of whatever the document says, each once, the same in every run.
 *
 * @module
 */

const RESERVED = new Set(
  (
    "abstract any arguments as async await bigint boolean break case catch class const constructor continue debugger declare " +
    "default delete do else enum eval export extends false finally for from function get if implements import in " +
    "infer instanceof interface is keyof let module namespace never new null number object of package private " +
    "protected public readonly require return set static string super switch symbol this throw true try type " +
    "typeof undefined unique unknown using var void while with yield NaN Infinity globalThis"
  ).split(" "),
);

/** The longest name: a method's may have 64 characters, and there is room for what is added. */
const MAX_NAME = 48;

/** A name in camel case: "get pet-by id" becomes getPetById. Empty when the text has no letter that can stay. */
export function camel(text: string): string {
  const [first = "", ...others] = wordsOf(text);
  // "URLOf" becomes urlOf, "ID" id: a word that begins with several capitals begins with a word of them.
  const capitals = /^[A-Z]+(?![a-z])/.exec(first)?.[0] ?? first.slice(0, 1);
  return joined([capitals.toLowerCase() + first.slice(capitals.length), ...others.map(capital)], "n");
}

/** A name in Pascal case: "get pet-by id" becomes GetPetById. Empty when the text has no letter that can stay. */
export function pascal(text: string): string {
  return joined(wordsOf(text).map(capital), "N");
}

function wordsOf(text: string): readonly string[] {
  const plain = text.normalize("NFKD").replaceAll(/['’\p{Mark}]/gu, "");
  return plain.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function joined(words: readonly string[], beforeDigit: string): string {
  const name = words.join("");
  return (/^[0-9]/.test(name) ? beforeDigit + name : name).slice(0, MAX_NAME);
}

/** Gives out names of one scope. */
export class Identifiers {
  readonly #taken: Set<string>;
  readonly #areKeys: boolean;

  /**
   * @param taken names that are in use.
   * @param areKeys whether the names are only keys of objects, which may be words of the language.
   */
  constructor(taken: readonly string[] = [], areKeys = false) {
    this.#taken = new Set(taken);
    this.#areKeys = areKeys;
  }

  /** The name, or the next free one: with a 2 at its end, then a 3. */
  take(name: string): string {
    const isUsable = !isEverywhere(name) && (this.#areKeys || !RESERVED.has(name));
    const wanted = isUsable ? name : `${name}_`;
    let free = wanted;
    for (let i = 2; this.#taken.has(free); i++) free = `${wanted}${i}`;
    this.#taken.add(free);
    return free;
  }
}

/** Whether every object or promise has something of that name. */
function isEverywhere(name: string): boolean {
  return name in Object.prototype || name === "then";
}
