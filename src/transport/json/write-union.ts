/**
 * Writes a value by the first of several forms that it fits: chosen by its type where that decides, by a constant field
 * where all candidates have one, and by matching otherwise.
 *
 * @module
 */
import type { Write } from "./compiled.ts";
import { formsOf, type Form, type ObjectForm } from "./form.ts";
import { matcher } from "./match.ts";
import { jsonForm, Misfit } from "./misfit.ts";
import type { Wire } from "./own.ts";
import type { Scope } from "./schema.ts";
import { listed, NAMES } from "./write-scalar.ts";

/** A form and its writer. */
export interface Branch {
  readonly form: Form;
  readonly write: Write;
}

type JsonKind = "string" | "number" | "boolean" | "null" | "array" | "object";

/** Compiles the writer of a union; `branches` are in the schema's order. */
export function unionWriter(branches: readonly Branch[], scope: Scope): Write {
  const rule = `should be ${[...new Set(branches.map(({ form }) => nameOf(form)))].join(" or ")}`;
  function misfit(value: unknown): string {
    throw new Misfit(rule, value);
  }
  const by = (kind: JsonKind): Write => {
    const candidates = branches.filter(({ form }) => mayBe(form, kind));
    const enough = candidates.findIndex(({ form }) => isAlways(form, kind));
    return chooser(enough === -1 ? candidates : candidates.slice(0, enough + 1), scope) ?? misfit;
  };
  const byString = by("string");
  const byNumber = by("number");
  const byBoolean = by("boolean");
  const byNull = by("null");
  const byArray = by("array");
  const byObject = by("object");

  function writeUnion(value: unknown): string {
    switch (typeof value) {
      case "string":
        return byString(value);
      case "number":
        return byNumber(value);
      case "boolean":
        return byBoolean(value);
      case "object":
        break;
      default:
        return misfitOrNumber(value);
    }
    if (value === null) return byNull(value);
    if ((value as Wire)["toJSON"] !== undefined) return converted(value);
    return Array.isArray(value) ? byArray(value) : byObject(value);
  }

  function misfitOrNumber(value: unknown): string {
    const plain = jsonForm(value);
    return typeof plain === "number" ? byNumber(plain) : misfit(value);
  }

  function converted(value: object): string {
    const plain = jsonForm(value);
    if (typeof plain !== "object" || plain === null) return writeUnion(plain);
    return Array.isArray(plain) ? byArray(plain) : byObject(plain);
  }
  return writeUnion;
}

function nameOf(form: Form): string {
  if (form.kind === "object") return "an object of a declared form";
  if (form.kind === "array") return "an array of a declared form";
  return form.kind === "values" ? listed(form.values) : NAMES[form.kind];
}

function mayBe(form: Form, kind: JsonKind): boolean {
  if (form.kind === "values") return form.values.some((value) => kindOf(value) === kind);
  return form.kind === "any" || form.kind === kind || (form.kind === "integer" && kind === "number");
}

function kindOf(value: unknown): JsonKind {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : (typeof value as JsonKind);
}

/** Whether a form takes every value of a kind, so that what comes after it is never reached. */
function isAlways(form: Form, kind: JsonKind): boolean {
  return form.kind === "any" || (form.kind === kind && kind !== "object" && kind !== "array");
}

/** The writer for values of one kind; undefined when there is none. */
function chooser(candidates: readonly Branch[], scope: Scope): Write | undefined {
  // A single candidate says what is wrong with the value better than "it fits none" does.
  if (candidates.length <= 1) return candidates[0]?.write;
  return byConstant(candidates, scope) ?? byMatch(candidates, scope);
}

function byMatch(candidates: readonly Branch[], scope: Scope): Write {
  const fits = candidates.map(({ form }) => matcher(form, scope));
  const writes = candidates.map(({ write }) => write);
  const rule = `should fit one of its ${candidates.length} declared forms`;
  function writeFirst(value: unknown): string {
    for (let i = 0; i < fits.length; i++) if (fits[i]!(value, true)) return writes[i]!(value);
    // What is not declared is left out, also where a schema forbids it: then the rest must fit.
    for (let i = 0; i < fits.length; i++) if (fits[i]!(value, false)) return writes[i]!(value);
    throw new Misfit(rule, value);
  }
  return writeFirst;
}

/** A discriminated union: a required field whose constants tell the candidates apart. */
function byConstant(candidates: readonly Branch[], scope: Scope): Write | undefined {
  const objects = candidates.map(({ form }) => form);
  if (!objects.every((form) => form.kind === "object")) return undefined;
  for (const { name } of objects[0]!.fields) {
    const constants = objects.map((form) => constantsOf(form, name, scope));
    if (constants.some((values) => values === undefined)) continue;
    const writes = new Map(constants.flatMap((values, i) => values!.map((value) => [value, candidates[i]!.write])));
    if (writes.size < constants.flat().length) continue;
    const rule = `should have .${name} ${listed([...writes.keys()])}`;
    return function writeByConstant(value) {
      const write = writes.get((value as Wire)[name]);
      if (write === undefined) throw new Misfit(rule, value);
      return write(value);
    };
  }
  return undefined;
}

function constantsOf(form: ObjectForm, name: string, scope: Scope): readonly unknown[] | undefined {
  const field = form.fields.find((one) => one.name === name);
  if (field === undefined || !field.required) return undefined;
  const forms = formsOf(field.schema, scope);
  if (!forms.every((one) => one.kind === "values")) return undefined;
  const values = forms.flatMap((one) => one.values);
  return values.every((value) => typeof value !== "object" || value === null) ? values : undefined;
}
