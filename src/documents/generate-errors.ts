/**
 * Declared errors, where the document has some that can be told apart: an object with a constant `reason`, as problem
 * details of this package have one. All other errors stay what a client makes of their status.
 *
 * @module
 */
import { codes, isCode, reasons, type Code } from "../errors/index.ts";
import { codeOf } from "../transport/http/status.ts";
import { isJson } from "./generate-content.ts";
import { isObject, own, ownList, ownObject, ownText, type JsonObject, type Source } from "./generate-document.ts";
import { camel, pascal, type Identifiers } from "./generate-names.ts";
import type { ParameterSource } from "./generate-parameters.ts";
import type { Schema, SchemaReader } from "./generate-schema.ts";

/** A declared error. */
export interface ErrorPart {
  /** The name of its constant. */
  readonly name: string;
  readonly reason: string;
  readonly code: Code;
  readonly message: string | undefined;
  /** Its details and the name of their type, when it has some. */
  readonly details: { readonly schema: Schema | boolean; readonly type: string } | undefined;
}

/** Reads the errors of operations, each once. */
export class ErrorReader {
  readonly #byKey = new Map<string, ErrorPart>();
  readonly #values: Identifiers;
  readonly #types: Identifiers;

  constructor(values: Identifiers, types: Identifiers) {
    this.#values = values;
    this.#types = types;
  }

  /** All that were found, in the order in which they were. */
  all(): readonly ErrorPart[] {
    return [...this.#byKey.values()];
  }

  /** The declared errors of one operation, each reason once. */
  read({ source, schemas, operation, where }: ParameterSource): readonly ErrorPart[] {
    const found = new Map<string, ErrorPart>();
    for (const [status, given] of Object.entries(ownObject(operation, "responses"))) {
      if (!/^(?:[45](?:\d\d|XX)|default)$/.test(status)) continue;
      const content = ownObject(source.follow(given, where), "content");
      const type = Object.keys(content).find(isJson);
      const forms = type === undefined ? [] : formsOf(source, own(own(content, type), "schema"), where);
      if (Object.keys(content).length > 0 && !forms.some(({ properties }) => properties.has("reason")))
        source.notes.add(
          "#",
          "errors without a `reason` come as a ServiceError by their status, their bodies are not carried",
        );
      if (!/^\d+$/.test(status)) continue;
      for (const form of forms) {
        const part = this.#part(form, { status: Number(status), source, schemas, where });
        if (part !== undefined && !found.has(part.reason)) found.set(part.reason, part);
      }
    }
    return [...found.values()];
  }

  #part(
    form: ErrorForm,
    { status, source, schemas, where }: { status: number; source: Source; schemas: SchemaReader; where: string },
  ): ErrorPart | undefined {
    const reason = constantOf(form.properties.get("reason"));
    if (reason === undefined || Object.hasOwn(reasons, reason)) return undefined;
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(reason)) {
      source.notes.add(where, `the error "${reason}" is not declared: a reason is a lower-case identifier`);
      return undefined;
    }
    const said = constantOf(form.properties.get("code"));
    const code = said !== undefined && isCode(said) ? said : codeOf(status);
    const given = form.properties.get("details");
    const hasDetails = given !== undefined && form.required.has("details");
    if (given !== undefined && !hasDetails)
      source.notes.add(where, `the details of the error "${reason}" are not carried: they may be missing`);
    const schema = hasDetails ? schemas.read(given, where) : undefined;
    const key = JSON.stringify([reason, codes.indexOf(code), schema]);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const part: ErrorPart = {
      name: this.#values.take(camel(reason)),
      reason,
      code,
      message: form.message,
      details: schema === undefined ? undefined : { schema, type: this.#types.take(`${pascal(reason)}Details`) },
    };
    this.#byKey.set(key, part);
    return part;
  }
}

/** One form that an error's body may have. */
interface ErrorForm {
  readonly properties: Map<string, unknown>;
  readonly required: Set<string>;
  readonly message: string | undefined;
}

const MAX_FORMS = 64;

/** The branches of a schema, each with what `allOf` brings together. */
function formsOf(source: Source, given: unknown, where: string): readonly ErrorForm[] {
  const branches: unknown[] = [given];
  const forms: ErrorForm[] = [];
  for (let at = 0; at < branches.length && at < MAX_FORMS; at++) {
    const schema = source.follow(branches[at], where);
    if (schema === undefined) continue;
    const union = [...ownList(schema, "anyOf"), ...ownList(schema, "oneOf")];
    if (union.length > 0) branches.push(...union);
    else {
      const form: ErrorForm = { properties: new Map(), required: new Set(), message: ownText(schema, "description") };
      gather(source, schema, { form, where, depth: 0 });
      forms.push(form);
    }
  }
  return forms;
}

function gather(
  source: Source,
  schema: JsonObject,
  { form, where, depth }: { form: ErrorForm; where: string; depth: number },
): void {
  if (depth > 8) return;
  for (const part of ownList(schema, "allOf")) {
    const one = source.follow(part, where);
    if (one !== undefined) gather(source, one, { form, where, depth: depth + 1 });
  }
  const properties = own(schema, "properties");
  if (isObject(properties)) for (const [name, one] of Object.entries(properties)) form.properties.set(name, one);
  for (const name of ownList(schema, "required")) if (typeof name === "string") form.required.add(name);
}

function constantOf(schema: unknown): string | undefined {
  const only = ownList(schema, "enum");
  const value = own(schema, "const") ?? (only.length === 1 ? only[0] : undefined);
  return typeof value === "string" ? value : undefined;
}
