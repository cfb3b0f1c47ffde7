/**
 * Fields of a request that travel in headers: one value, a list (RFC 9110 §5.6.1), or entity tags without their quotes.
 *
 * @module
 */
import type { JsonSchemaObject } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { stringCoercer } from "../json/coerce.ts";
import { formsOf } from "../json/form.ts";
import { entityTag, parseTags, tagText } from "./entity-tag.ts";

/** What a header is read into. */
export interface HeaderField {
  /** The field's schema. */
  readonly schema: JsonSchemaObject | true;
  /** What references in it point into. */
  readonly root: JsonSchemaObject;
  /** Whether a request cannot be without it. */
  readonly isRequired: boolean;
}

/** Takes the texts of one field out of a header; undefined where there is nothing. */
export type HeaderTexts = (value: string | undefined) => readonly string[] | undefined;

/**
 * Compiles how a header is read. Of tags those that cannot be a value of the field are left out: they are somebody else's,
 * or of an older release, and fit nothing there is.
 */
export function headerTexts(name: string, field: HeaderField): HeaderTexts {
  switch (name.toLowerCase()) {
    case "if-match":
      return matchTexts(field);
    case "if-none-match":
      return noneMatchTexts(field);
    default:
      return isList(field) ? (value) => (value === undefined ? undefined : parts(value)) : one;
  }
}

function matchTexts(field: HeaderField): HeaderTexts {
  const fits = fitting(field);
  return function matchTexts(value) {
    if (value === undefined) {
      // RFC 6585 §3: else two who change the same thing would not notice.
      if (field.isRequired) throw policyError("precondition_required");
      return undefined;
    }
    const tags = parseTags(value);
    if (tags === "*") return ["*"];
    if (tags === undefined)
      throw policyError("malformed_message", { message: "the condition is no list of entity tags" });
    // RFC 9110 §13.1.1: a weak tag is never good enough to change something by.
    const texts = tags.flatMap(({ isWeak, opaque }) => (isWeak ? [] : [tagText(opaque)])).filter(fits);
    if (texts.length === 0) throw policyError("precondition_failed");
    return texts;
  };
}

// What a caller has is only a hint here: where it says nothing to the handler, the answer is given in full.
function noneMatchTexts(field: HeaderField): HeaderTexts {
  const fits = fitting(field);
  const isMany = takesMany(field);
  return function noneMatchTexts(value) {
    const tags = value === undefined ? undefined : parseTags(value);
    const texts = (tags === "*" ? ["*"] : (tags ?? []).map(({ opaque }) => tagText(opaque))).filter(fits);
    return texts.length === 1 || (isMany && texts.length > 0) ? texts : undefined;
  };
}

/** Tells texts that can be the field, or one of its items, from those that cannot. */
function fitting({ schema, root }: HeaderField): (text: string) => boolean {
  const scope = { root, where: "" };
  const forms = formsOf(schema, scope).flatMap((form) =>
    form.kind === "array" ? formsOf(form.items ?? true, scope) : [form],
  );
  const takesText = forms.some(({ kind }) => kind === "string" || kind === "any");
  const coerce = stringCoercer(schema, "", root);
  return function fits(text) {
    const value = coerce([text]);
    const item: unknown = Array.isArray(value) ? value[0] : value;
    return (
      takesText ||
      typeof item !== "string" ||
      forms.some((form) => form.kind === "values" && form.values.includes(item))
    );
  };
}

/** The header for the texts of a field, which may be several or not; undefined for nothing. */
export function headerValue(name: string, texts: readonly string[], isMany: boolean): string | undefined {
  if (texts.length === 0) return undefined;
  if (name === "if-match" || name === "if-none-match")
    return texts.map((text) => (text === "*" ? text : entityTag(text))).join(", ");
  if (isMany && texts.some((text) => text === "" || /[,"]|^\s|\s$/.test(text)))
    throw policyError("invalid_request", { message: `header ${name} cannot hold a list with such a text` });
  return texts.join(", ");
}

function one(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}

/** Whether several values of a header can be the field. */
export function takesMany({ schema, root }: Pick<HeaderField, "schema" | "root">): boolean {
  return formsOf(schema, { root, where: "" }).some(({ kind }) => kind === "array");
}

function isList({ schema, root }: HeaderField): boolean {
  const forms = formsOf(schema, { root, where: "" });
  return forms.length > 0 && forms.every(({ kind }) => kind === "array");
}

function parts(value: string): readonly string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
