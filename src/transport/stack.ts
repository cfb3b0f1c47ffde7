/**
 * What stands around one method, in order: the same list that the pipeline is built from is what `describe()` prints.
 *
 * @module
 */
import { descriptionOf, stateOf, type LayerState, type MethodInfo } from "../endpoint/index.ts";

/** One layer of a method's stack. */
export interface Layer {
  readonly kind:
    | "observer"
    | "gate"
    | "decode"
    | "middleware"
    | "handler"
    | "hedge"
    | "retry"
    | "balancer"
    | "transport";
  /** One line: what it is and how it is set. */
  readonly text: string;
  /** How it stands now, for those that have a state: a breaker, a limiter. */
  readonly state?: (() => LayerState | undefined) | undefined;
}

/** The layer that a function is in the stack of a method: its line, and its state if it has one. */
export function layerOf(kind: Layer["kind"], subject: (...args: never[]) => unknown, method: MethodInfo): Layer {
  const state = stateOf(subject);
  return { kind, text: descriptionOf(subject), state: state && (() => state(method)) };
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
