/**
 * Schemas of OpenAPI 3.0 and 3.1 as JSON Schemas of draft 2020-12, with every reference into `$defs`.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { formsOf, type Form } from "../transport/json/form.ts";
import { isLocal, isObject, own, ownText, steps, type JsonObject, type Source } from "./generate-document.ts";
import { KEYWORDS, NOT_CHECKED, type Keyword } from "./generate-keywords.ts";
import { pascal, type Identifiers } from "./generate-names.ts";
import { breakCycles } from "./generate-cycles.ts";

/** Under this key a schema says what stands in its comment; a symbol, so that it is no part of the schema. */
export const DOC: unique symbol = Symbol("doc");

/** What a schema's comment says. */
export interface Doc {
  readonly text: string | undefined;
  readonly deprecated: boolean;
}

/** A schema as it is written out. */
export type Schema = { [keyword: string]: unknown; [DOC]?: Doc };

/** A schema with a name. */
export interface Definition {
  readonly name: string;
  /** Where the document has it. */
  readonly where: string;
  readonly schema: Schema | boolean;
}

const COMPONENTS = "#/components/schemas/";

/** Reads schemas, and gives those with a name their definition. */
export class SchemaReader {
  readonly #source: Source;
  readonly #names: Identifiers;
  readonly #byPointer = new Map<string, string>();
  readonly #definitions: { readonly name: string; readonly where: string; schema: Schema | boolean }[] = [];
  readonly #pending: { readonly at: number; readonly given: unknown }[] = [];

  constructor(source: Source, names: Identifiers) {
    this.#source = source;
    this.#names = names;
    const components = own(own(source.root, "components"), "schemas");
    for (const name of isObject(components) ? Object.keys(components) : [])
      this.#define(COMPONENTS + encoded(name), "#");
    this.#settle();
  }

  /** Whether every value that fits a schema is an object. */
  isObjectOnly(schema: Schema | boolean, outer: readonly unknown[] = []): boolean {
    if (typeof schema === "boolean" || outer.includes(schema)) return false;
    const inside = [...outer, schema];
    const { type, $ref } = schema;
    if (type !== undefined) return type === "object";
    if (typeof $ref === "string") {
      const target = this.#definitions.find(({ name }) => $ref === `#/$defs/${name}`);
      if (target !== undefined && this.isObjectOnly(target.schema, inside)) return true;
    }
    const parts = (keyword: string): readonly Schema[] => (schema[keyword] ?? []) as readonly Schema[];
    if (parts("allOf").some((one) => this.isObjectOnly(one, inside))) return true;
    return ["anyOf", "oneOf"].some(
      (keyword) => parts(keyword).length > 0 && parts(keyword).every((one) => this.isObjectOnly(one, inside)),
    );
  }

  /** Whether a schema is an object whose fields are scalars or lists of them, which a form can say. */
  isFlat(schema: Schema | boolean): boolean {
    const $defs = Object.fromEntries(this.#definitions.map((one) => [one.name, one.schema]));
    const scope = { root: { $defs }, where: "a form" };
    const isOne = (kinds: readonly Form[]): boolean => kinds.every(({ kind }) => kind !== "object" && kind !== "array");
    const isSayable = (form: Form): boolean =>
      form.kind === "array"
        ? [...form.head, form.items ?? false].every((item) => isOne(formsOf(item, scope)))
        : form.kind !== "object";
    try {
      return formsOf(schema, scope).every(
        (form) => form.kind === "object" && form.fields.every((field) => formsOf(field.schema, scope).every(isSayable)),
      );
    } catch {
      return false;
    }
  }

  /** All definitions, in the order of the document, then as they were referred to. Asked for when all is read. */
  definitions(): readonly Definition[] {
    breakCycles(this.#definitions, this.#source.notes);
    return this.#definitions;
  }

  /** Reads a schema; `where` is the place that notes name. */
  read(given: unknown, where: string): Schema | boolean {
    const schema = this.#read(given, where);
    this.#settle();
    return schema;
  }

  #read(given: unknown, where: string): Schema | boolean {
    if (typeof given === "boolean") return given;
    if (!isObject(given)) {
      this.#source.notes.add(where, `a schema should be an object, got ${shown(given)}: anything is taken`);
      return {};
    }
    const ref = own(given, "$ref");
    if (ref === undefined) return this.#nullable(given, this.#keywords(given, where));
    const name = this.#define(ref, where);
    const target: Schema = name === undefined ? {} : { $ref: `#/$defs/${name}` };
    // In 3.0 whatever stands beside a reference says nothing; that it may be null is meant all the same.
    if (this.#source.isOld) return this.#nullable(given, target);
    return { ...this.#keywords(given, where), ...target };
  }

  #keywords(given: JsonObject, where: string): Schema {
    const schema: Schema = {};
    for (const keyword of KEYWORDS) {
      const value = own(given, keyword.name);
      if (value !== undefined) this.#keyword(schema, { keyword, value, given, where });
    }
    for (const [name, why] of NOT_CHECKED) {
      if (own(given, name) !== undefined) this.#source.notes.add(where, `"${name}" is not checked${why}`);
    }
    const deprecated = own(given, "deprecated") === true;
    const text = ownText(given, "description") ?? ownText(given, "title");
    if (text !== undefined || deprecated) schema[DOC] = { text, deprecated };
    return schema;
  }

  #keyword(
    schema: Schema,
    { keyword, value, given, where }: { keyword: Keyword; value: unknown; given: JsonObject; where: string },
  ): void {
    const { name, holds } = keyword;
    if (holds === "schema") schema[name] = this.#read(value, where);
    else if (holds === "list" && Array.isArray(value) && value.length > 0)
      schema[name] = value.map((one) => this.#read(one, where));
    else if (holds === "map" && isObject(value)) schema[name] = this.#map(value, where);
    else if (holds === "value" && keyword.fits!(value)) schema[name] = value;
    else if (this.#source.isOld && name.startsWith("exclusive") && typeof value === "boolean")
      this.#bound(schema, given);
    else this.#source.notes.add(where, `"${name}" is not checked: it has a value that it should not, ${shown(value)}`);
    if (name === "required") this.#relax(schema, given, where);
    if (name === "not" && !hasScalarTypes(schema)) {
      delete schema["not"];
      this.#source.notes.add(where, '"not" is not checked beside objects and lists');
    }
  }

  #map(value: JsonObject, where: string): JsonObject {
    // Without a prototype, so that any name is a name.
    const map = Object.create(null) as Record<string, unknown>;
    for (const [name, one] of Object.entries(value)) map[name] = this.#read(one, where);
    return map;
  }

  // In 3.0 `exclusiveMinimum: true` says that the minimum itself is not in the range.
  #bound(schema: Schema, given: JsonObject): void {
    for (const [bound, exclusive] of [
      ["minimum", "exclusiveMinimum"],
      ["maximum", "exclusiveMaximum"],
    ] as const) {
      if (own(given, exclusive) !== true || typeof own(given, bound) !== "number") continue;
      delete schema[bound];
      schema[exclusive] = given[bound];
    }
  }

  // `readOnly` fields are required of answers only: one type serves both ways, so they become optional.
  #relax(schema: Schema, given: JsonObject, where: string): void {
    const required = schema["required"] as readonly string[] | undefined;
    const properties = own(given, "properties");
    const isOneWay = (name: string): boolean => {
      const field = this.#source.follow(own(properties, name), where);
      return own(field, "readOnly") === true || own(field, "writeOnly") === true;
    };
    const relaxed = required?.filter(isOneWay) ?? [];
    if (relaxed.length === 0) return;
    schema["required"] = required!.filter((name) => !relaxed.includes(name));
    const names = relaxed.slice(0, 8).map(shown).join(", ");
    this.#source.notes.add(
      where,
      `fields required one way only (readOnly, writeOnly) are optional both ways: ${names}`,
    );
  }

  #nullable(given: JsonObject, schema: Schema): Schema {
    if (!this.#source.isOld || own(given, "nullable") !== true) return schema;
    const { type, enum: values } = schema;
    if (typeof type !== "string") return Object.keys(schema).length === 0 ? schema : withDoc(schema);
    return {
      ...schema,
      type: [type, "null"],
      ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : undefined),
    };
  }

  /** The name of what a reference leads to; undefined, with a note, when that is nothing. */
  #define(ref: unknown, where: string): string | undefined {
    if (typeof ref !== "string" || !isLocal(ref)) {
      this.#source.notes.add(where, `the reference ${shown(ref)} leads out of the document: anything is taken`);
      return undefined;
    }
    const known = this.#byPointer.get(ref);
    if (known !== undefined) return known;
    const given = this.#source.at(ref);
    if (!isObject(given) && typeof given !== "boolean") {
      this.#source.notes.add(where, `the reference ${shown(ref)} leads to no schema: anything is taken`);
      return undefined;
    }
    const canonical = `#${steps(ref)
      .map((step) => `/${encoded(step)}`)
      .join("")}`;
    const before = canonical === ref ? undefined : this.#byPointer.get(canonical);
    const name = before ?? this.#names.take(pascal(placeName(canonical)) || "Schema");
    this.#byPointer.set(ref, name);
    this.#byPointer.set(canonical, name);
    if (before === undefined) {
      this.#pending.push({ at: this.#definitions.length, given });
      this.#definitions.push({ name, where: canonical, schema: {} });
    }
    return name;
  }

  // Not at once: a chain of references may be longer than a stack is deep.
  #settle(): void {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      const definition = this.#definitions[next.at]!;
      definition.schema = this.#read(next.given, definition.where);
    }
  }
}

/** What a schema is called by where it stands: `Pet`, or of a part `Pet items`. */
function placeName(pointer: string): string {
  const names = steps(pointer);
  return names[0] === "components" ? names.slice(2).join(" ") : names.slice(-3).join(" ");
}

function withDoc(schema: Schema): Schema {
  const doc = schema[DOC];
  return { anyOf: [schema, { type: "null" }], ...(doc === undefined ? undefined : { [DOC]: doc }) };
}

function hasScalarTypes({ type }: Schema): boolean {
  const types = [type].flat();
  return types[0] !== undefined && !types.includes("object") && !types.includes("array");
}

function encoded(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("%", "%25");
}
