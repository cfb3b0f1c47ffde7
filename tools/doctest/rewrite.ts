/**
 * Turns an example into a module that checks what the example claims. Lines stay lines, so that a type error at line n of
 * the module stands at line n of the example.
 *
 *     expr; // => value          the value, as a literal or as `util.inspect` prints it
 *     console.log(x); // => text the text that is printed
 *     expr; // throws text       the code, reason or name of what is thrown or rejected with, or a part of its message
 *
 * The comment may also stand alone on the next line.
 *
 * @module
 */
import { Visitor, type Expression, type ExpressionStatement } from "oxc-parser";
import { readSource } from "../source.ts";
import type { Example } from "./extract.ts";

/** An example as a module. */
export interface Rewritten {
  readonly code: string;
  /** How many claims it makes; each must be reached when it runs. */
  readonly claims: number;
}

/** @throws {Error} when the example cannot be parsed, or a claim stands behind nothing whose value could be looked at. */
export function rewrite(example: Example, observePath: string): Rewritten {
  const { text, parsed } = readSource(`${example.file}.${example.line}.ts`, example.code);
  const statements: ExpressionStatement[] = [];
  new Visitor({ ExpressionStatement: (statement) => void statements.push(statement) }).visit(parsed.program);
  let code = text;
  let claims = 0;
  // From the end, so that the offsets before stay true.
  for (const comment of parsed.comments.toReversed()) {
    const claim = /^ ?(=>|throws) (.+)$/.exec(comment.value);
    if (comment.type !== "Line" || claim === null) continue;
    const before = statements.filter(({ end }) => end <= comment.start).toSorted((a, b) => b.end - a.end)[0];
    if (!before || !/^[ \t]*\n?[ \t]*$/.test(text.slice(before.end, comment.start))) {
      const line = example.line + text.slice(0, comment.start).split("\n").length - 1;
      throw new Error(
        `${example.file}:${line} claims "${claim[0].trim()}" of nothing: put it behind an expression statement`,
      );
    }
    const { start, end } = before.expression;
    code = code.slice(0, start) + observed(before.expression, text, claim as unknown as Claim) + code.slice(end);
    claims++;
  }
  return { code: `${code}\nimport * as __doctest from ${JSON.stringify(observePath)};\n`, claims };
}

type Claim = readonly [whole: string, kind: "=>" | "throws", text: string];

function observed(expression: Expression, text: string, [, kind, claimed]: Claim): string {
  const source = text.slice(expression.start, expression.end);
  const quoted = JSON.stringify(claimed.trim());
  if (kind === "throws") return `await __doctest.throws(${quoted}, async () => (${source}))`;
  if (expression.type === "CallExpression" && source.startsWith("console.log(")) {
    return `__doctest.prints(${quoted}, ${source.slice("console.log(".length)}`;
  }
  return `__doctest.equals(${quoted}, (${source}))`;
}
