/**
 * What the library finds, as issues: short, plain, with a path, and never with the value.
 *
 * @module
 */
import type { OutputUnit } from "@cfworker/json-schema";
import type { Issue } from "../errors/index.ts";
import type { Compiled } from "./compile.ts";
import { isNode, type Node } from "./keywords.ts";
import { messageOf } from "./messages.ts";

/** The most issues of one value. */
const MAX_ISSUES = 20;

/** Say only that something within is wrong, and that follows. */
const WRAPPERS: ReadonlySet<string> = new Set(
  (
    "$ref properties patternProperties additionalProperties unevaluatedProperties items prefixItems additionalItems " +
    "unevaluatedItems allOf if dependentSchemas"
  ).split(" "),
);

/** The issues of a value that does not fit; at least one. */
export function issuesOf(errors: readonly OutputUnit[], compiled: Compiled, value: unknown): readonly Issue[] {
  const issues: Issue[] = [];
  collect(errors, { compiled, value, issues, seen: new Set() });
  if (issues.length === 0) issues.push({ message: "should fit the schema" });
  return issues;
}

interface Findings {
  readonly compiled: Compiled;
  readonly value: unknown;
  readonly issues: Issue[];
  readonly seen: Set<string>;
}

function collect(errors: readonly OutputUnit[], findings: Findings): void {
  for (let i = 0; i < errors.length && findings.issues.length < MAX_ISSUES; i++) {
    const error = errors[i]!;
    const { keyword } = error;
    if (WRAPPERS.has(keyword)) continue;
    if (keyword === "anyOf" || keyword === "oneOf" || keyword === "propertyNames" || keyword === "contains") {
      const within = withinOf(errors, i);
      i += within.length;
      const likely = keyword === "anyOf" || keyword === "oneOf" ? likelyBranch(error, within) : undefined;
      if (likely !== undefined) {
        collect(likely, findings);
        continue;
      }
    }
    add(error, findings);
  }
}

/** The errors after a union's that belong to its branches. */
function withinOf(errors: readonly OutputUnit[], at: number): readonly OutputUnit[] {
  const prefix = `${errors[at]!.keywordLocation}/`;
  let end = at + 1;
  // The library gives the schema `false` no place of its own; it comes after the error around it.
  while (end < errors.length && (errors[end]!.keywordLocation.startsWith(prefix) || errors[end]!.keyword === "false"))
    end++;
  return errors.slice(at + 1, end);
}

/** The errors of the only branch that a value may have been meant for; undefined when there is not exactly one. */
function likelyBranch(union: OutputUnit, within: readonly OutputUnit[]): readonly OutputUnit[] | undefined {
  const branches = new Map<string, OutputUnit[]>();
  let branch = "";
  for (const error of within) {
    if (error.keyword !== "false")
      branch = error.keywordLocation.slice(union.keywordLocation.length + 1).split("/")[0]!;
    branches.set(branch, [...(branches.get(branch) ?? []), error]);
  }
  const likely = [...branches.values()].filter((errors) => !errors.some((error) => tellsApart(error, union)));
  return likely.length === 1 ? likely[0] : undefined;
}

function tellsApart({ keyword, instanceLocation }: OutputUnit, union: OutputUnit): boolean {
  return keyword === "const" || (/^(type|enum)$/.test(keyword) && instanceLocation === union.instanceLocation);
}

function add(error: OutputUnit, { compiled, value, issues, seen }: Findings): void {
  const { keyword, instanceLocation, keywordLocation } = error;
  // `required` is told of once for each name that is missing, under one place.
  const id = `${instanceLocation} ${keyword} ${keywordLocation}`;
  if (seen.has(id)) return;
  seen.add(id);
  const path = steps(instanceLocation);
  const node = keyword === "false" ? {} : nodeAt(compiled, steps(keywordLocation));
  if (keyword !== "required") {
    issues.push(issue(messageOf(keyword, node[keyword]), path));
    return;
  }
  const given = valueAt(value, path);
  for (const name of node["required"] as readonly string[]) {
    if (issues.length === MAX_ISSUES) return;
    if (!Object.hasOwn(given as object, name)) issues.push(issue("should be given", [...path, name]));
  }
}

function issue(message: string, path: readonly PropertyKey[]): Issue {
  return path.length === 0 ? { message } : { message, path };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((at, name) => (at as Node)[name], value);
}

/** The schema that the last step of a keyword's place stands in. */
function nodeAt({ root, lookup }: Compiled, path: readonly string[]): Node {
  let at: unknown = root;
  for (const step of path.slice(0, -1)) {
    if (!isNode(at) && !Array.isArray(at)) return {};
    at = step === "$ref" ? lookup[(at as Node)["$ref"] as string] : (at as Node)[step];
  }
  return isNode(at) ? at : {};
}

function steps(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));
}
