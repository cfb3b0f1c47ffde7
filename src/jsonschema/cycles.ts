/**
 * Schemas that are made of themselves with no field or item between: no value would ever be done with.
 *
 * @module
 */
import { isNode, type Node } from "./keywords.ts";
import { wrong } from "./rules.ts";

const LISTS = ["allOf", "anyOf", "oneOf"];
const SINGLE = ["not", "if", "then", "else"];

/**
 * Looks at `root` and whatever is referred to: every cycle goes through a reference. What stands in `checked` is known to
 * be in order.
 *
 * @throws {TypeError} when a schema is made of itself.
 */
export function checkCycles(root: Node, lookup: Readonly<Record<string, Node | boolean>>, checked: Set<object>): void {
  const open = new Set<object>();
  function visit(node: unknown): void {
    if (!isNode(node) || checked.has(node)) return;
    if (open.has(node)) throw wrong("#", "should not be made of itself");
    open.add(node);
    if (typeof node["$ref"] === "string") visit(lookup[node["$ref"]]);
    for (const keyword of LISTS) for (const one of (node[keyword] ?? []) as readonly unknown[]) visit(one);
    for (const keyword of SINGLE) visit(node[keyword]);
    for (const one of Object.values((node["dependentSchemas"] ?? {}) as Node)) visit(one);
    open.delete(node);
    checked.add(node);
  }
  visit(root);
  // With those it inherits: the definitions that other schemas share.
  for (const ref in lookup) visit(lookup[ref]);
}
