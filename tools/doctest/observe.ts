/**
 * What the rewritten examples call: compares what happened with what the documentation claims.
 *
 * @module
 */
import { format, inspect } from "node:util";
import { parseSync } from "oxc-parser";
import { expect } from "vitest";

let reached = 0;

/** How many claims were checked since the last call. */
export function takeReached(): number {
  const count = reached;
  reached = 0;
  return count;
}

/** Checks a value against a literal, or against what `util.inspect` makes of it; returns the value. */
export function equals<T>(claimed: string, value: T): T {
  reached++;
  const shown = inspect(value, { breakLength: Infinity, depth: Infinity });
  if (shown === claimed) return value;
  if (isLiteral(claimed)) expect(value, "the example's value").toEqual(evaluate(claimed));
  else expect(shown, "the example's value as util.inspect shows it").toBe(claimed);
  return value;
}

/** Checks what `console.log` would print. */
export function prints(claimed: string, ...values: readonly unknown[]): void {
  reached++;
  expect(format(...values), "what the example prints").toBe(claimed);
}

interface Thrown {
  readonly message: string;
  readonly name?: string;
  readonly code?: string;
  readonly reason?: string;
}

/** Checks that something throws or rejects, and with what. */
export async function throws(claimed: string, run: () => Promise<unknown>): Promise<void> {
  reached++;
  let thrown: unknown;
  try {
    await run();
  } catch (error) {
    thrown = error;
  }
  if (thrown === undefined) throw new Error(`the example claims to throw ${claimed}, and throws nothing`);
  const { code, reason, name, message } = (thrown instanceof Error ? thrown : { message: inspect(thrown) }) as Thrown;
  if ([code, reason, name].includes(claimed) || message.includes(claimed)) return;
  throw new Error(`the example claims to throw ${claimed}, and throws ${name} ${code}: ${message}`);
}

// prettier-ignore
const LITERALS = new Set([
  "Literal", "ObjectExpression", "ArrayExpression", "Property", "TemplateLiteral", "TemplateElement",
  "UnaryExpression", "NewExpression",
]);
const NAMES = new Set(["undefined", "NaN", "Infinity", "Map", "Set", "Date", "Uint8Array"]);

/** Whether a text is a value that can be written down: no name in it but a few of the language's own. */
function isLiteral(text: string): boolean {
  const { program, errors } = parseSync("claim.ts", `(${text})`, { preserveParens: false });
  const statement = program.body[0];
  if (errors.length > 0 || program.body.length !== 1 || statement?.type !== "ExpressionStatement") return false;
  return onlyLiterals(statement.expression);
}

function onlyLiterals(node: unknown, key = ""): boolean {
  if (Array.isArray(node)) return node.every((one) => onlyLiterals(one));
  if (typeof node !== "object" || node === null || !("type" in node)) return true;
  if (node.type === "Identifier") return key === "key" || NAMES.has((node as unknown as { name: string }).name);
  if (!LITERALS.has(String(node.type))) return false;
  return Object.entries(node).every(([name, value]) => onlyLiterals(value, name));
}

function evaluate(text: string): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval -- our own documentation, and only literals: see isLiteral
  return new Function(`return (${text})`)() as unknown;
}
