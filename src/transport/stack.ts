/**
 * What stands around one method, in order: the same list that the pipeline is built from is what `describe()` prints.
 *
 * @module
 */

/** One layer of a method's stack. */
export interface Layer {
  readonly kind: "observer" | "gate" | "decode" | "middleware" | "handler" | "balancer" | "transport";
  /** One line: what it is and how it is set. */
  readonly text: string;
}

/**
 * Prints the stacks of methods, outermost layer first; methods with the same stack share one block.
 *
 * @example
 * ```ts
 * import { printStacks } from "servicekit/transport";
 *
 * printStacks([{ name: "add.sum", layers: [{ kind: "gate", text: "deadline" }] }]); // => "add.sum\n  gate        deadline\n"
 * ```
 */
export function printStacks(methods: readonly { readonly name: string; readonly layers: readonly Layer[] }[]): string {
  const blocks = new Map<string, string[]>();
  for (const { name, layers } of methods) {
    const block = layers.map(({ kind, text }) => `  ${kind.padEnd(11)} ${text}\n`).join("");
    const names = blocks.get(block);
    if (names === undefined) blocks.set(block, [name]);
    else names.push(name);
  }
  return [...blocks].map(([block, names]) => `${names.join(", ")}\n${block}`).join("");
}
