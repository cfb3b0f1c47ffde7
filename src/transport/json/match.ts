/**
 * Whether a value looks like a branch of a union, so that the writer can choose one. Shallow on purpose: three levels of
 * properties and items, then types alone; a union inside a union inside a union then costs no more than its parts.
 *
 * @module
 */
import { formsOf, type ArrayForm, type Form, type ObjectForm } from "./form.ts";
import { sameJson } from "./merge.ts";
import { jsonForm } from "./misfit.ts";
import { ownValue, type Wire } from "./own.ts";
import type { JsonSchema, Scope } from "./schema.ts";

/** Whether a value fits; when `exact`, what the schema forbids (`additionalProperties: false`) must be absent too. */
export type Fits = (value: unknown, exact: boolean) => boolean;

/** How many levels of properties and items a matcher looks at. */
const LEVELS = 3;

/** Compiles the matcher of one form. */
export function matcher(form: Form, scope: Scope, levels: number = LEVELS): Fits {
  const shallow = shallowMatcher(form);
  if (levels === 0 || (form.kind !== "object" && form.kind !== "array")) return shallow;
  const deep = form.kind === "object" ? objectMatcher(form, scope, levels) : arrayMatcher(form, scope, levels);
  return function fits(value, exact) {
    const plain = jsonForm(value);
    return shallow(plain, exact) && deep(plain as never, exact);
  };
}

function shallowMatcher(form: Form): Fits {
  const is = typeTest(form);
  return function looks(value) {
    return is(value) || is(jsonForm(value));
  };
}

function typeTest(form: Form): (value: unknown) => boolean {
  switch (form.kind) {
    case "any":
      return (value) => value !== undefined;
    case "string":
    case "boolean":
      return (value) => typeof value === form.kind;
    case "number":
      return Number.isFinite;
    case "integer":
      return Number.isInteger;
    case "null":
      return (value) => value === null;
    case "values":
      return (value) => form.values.some((one) => sameJson(one, value));
    case "array":
      return Array.isArray;
    case "object":
      return (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  }
}

/** The matcher of a schema, made when first asked: most branches are told apart before it comes to that. */
function lazily(schema: JsonSchema, scope: Scope, levels: number): Fits {
  let branches: readonly Fits[] | undefined;
  return function fitsOne(value, exact) {
    branches ??= formsOf(schema, scope).map((form) => matcher(form, scope, levels));
    for (const fits of branches) if (fits(value, exact)) return true;
    return false;
  };
}

/** Constants first: they are what tells branches apart. */
function rank({ schema, required }: ObjectForm["fields"][number]): number {
  const isConstant = typeof schema === "object" && (schema["const"] ?? schema["enum"]) !== undefined;
  return isConstant ? 0 : required ? 1 : 2;
}

function objectMatcher(form: ObjectForm, scope: Scope, levels: number): (value: Wire, exact: boolean) => boolean {
  const fields = form.fields
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ name, schema, required }) => ({ name, required, fits: lazily(schema, scope, levels - 1) }));
  const names = new Set(form.fields.map(({ name }) => name));
  const patterns = form.patterns.map(({ test, schema }) => ({ test, fits: lazily(schema, scope, levels - 1) }));
  const extra = form.extra === undefined ? undefined : lazily(form.extra, scope, levels - 1);
  const fitsExtra = (name: string, value: unknown, exact: boolean): boolean => {
    const pattern = patterns.find(({ test }) => test.test(name));
    if (pattern !== undefined) return pattern.fits(value, exact);
    if (extra !== undefined && (form.allows?.(name) ?? true)) return extra(value, exact);
    return !(exact && form.strict);
  };
  const looksFurther = patterns.length > 0 || extra !== undefined || form.strict;
  return function fitsObject(value, exact) {
    for (const { name, required, fits } of fields) {
      const one = ownValue(value, name);
      if (one === undefined ? required : !fits(one, exact)) return false;
    }
    if (!looksFurther) return true;
    return Object.keys(value).every(
      (name) => names.has(name) || value[name] === undefined || fitsExtra(name, value[name], exact),
    );
  };
}

function arrayMatcher(
  form: ArrayForm,
  scope: Scope,
  levels: number,
): (value: readonly unknown[], exact: boolean) => boolean {
  const head = form.head.map((schema) => lazily(schema, scope, levels - 1));
  const items = form.items === undefined ? undefined : lazily(form.items, scope, levels - 1);
  return function fitsArray(value, exact) {
    if (value.length < form.least || (exact && form.strict && value.length > head.length)) return false;
    return value.every((one, i) => (head[i] ?? items)?.(one, exact) ?? true);
  };
}
