/**
 * Requests and answers as text: the declaration of a type where it needs one, its name, and the schema that checks it.
 *
 * @module
 */
import { pascal, type Identifiers } from "./generate-names.ts";
import type { MethodPart } from "./generate-operation.ts";
import { isObject } from "./generate-document.ts";
import { DOC, type Schema } from "./generate-schema.ts";
import { Code, docComment, literal, WIDTH } from "./generate-text.ts";
import { membersOf, typeOf } from "./generate-type.ts";

/** A message: the type that stands for it, and the code that makes its schema. */
export interface WrittenMessage {
  readonly type: string;
  readonly code: string;
}

/** A method with the names of its types. */
export interface WrittenMethod {
  readonly method: MethodPart;
  /** The name of the interface that holds its types. */
  readonly types: string;
  readonly request: WrittenMessage;
  readonly response: WrittenMessage;
  readonly declarations: readonly string[];
}

/** Names the types of a method and writes its messages. */
export function writtenMethod(method: MethodPart, names: Identifiers): WrittenMethod {
  const base = pascal(method.name);
  const declarations: string[] = [];
  const message = (schema: Schema | boolean, suffix: string): WrittenMessage => {
    const inline = inlineType(schema);
    const type = inline ?? names.take(`${base}${suffix}`);
    if (inline === undefined) declarations.push(declaration(type, schema, []));
    return { type, code: schemaCode(schema, type, "    ") };
  };
  const request = message(method.request, "Request");
  const { schema } = method.answer;
  const response = schema === undefined ? { type: "null", code: "noContent" } : message(schema, "Response");
  return { method, types: names.take(`${base}Types`), request, response, declarations };
}

/** The declaration of a type: an interface where it is an object, since editors show and extend those best. */
export function declaration(name: string, schema: Schema | boolean, notes: readonly string[]): string {
  const doc = isObject(schema) ? (schema as Schema)[DOC] : undefined;
  const comment = docComment([doc?.text, ...notes.map((says) => `Note: ${says}.`)], "", doc?.deprecated);
  const members = membersOf(schema, "  ");
  if (members === undefined) return `${comment}export type ${name} = ${typeOf(schema, "")};\n`;
  return `${comment}export interface ${name} {${members === "" ? "" : `\n${members}`}}\n`;
}

/** The code that makes a schema of a type. */
export function schemaCode(schema: Schema | boolean, type: string, indent: string): string {
  const plain: object = schema === true ? {} : schema === false ? { not: {} } : schema;
  const whole = hasReference(plain) ? { ...plain, $defs: new Code("$defs") } : plain;
  return `fromJsonSchema<${type}>(${literal(whole, indent, type.length + 28)})`;
}

/** The type itself where it is short enough to stand in several places. */
function inlineType(schema: Schema | boolean): string | undefined {
  if (membersOf(schema, "") !== undefined) return undefined;
  const type = typeOf(schema, "");
  return type.includes("\n") || type.length > WIDTH / 2 ? undefined : type;
}

function hasReference(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isObject(value) && typeof value["$ref"] === "string") return true;
  return Object.values(value).some(hasReference);
}
