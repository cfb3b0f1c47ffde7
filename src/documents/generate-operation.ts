/**
 * The operations of a document as methods: their names, where their fields travel, what they answer.
 *
 * @module
 */
import { answerOf, bodyOf, type AnswerPart } from "./generate-content.ts";
import { isObject, own, ownList, ownObject, ownText, type JsonObject, type Source } from "./generate-document.ts";
import type { ErrorPart, ErrorReader } from "./generate-errors.ts";
import { camel, Identifiers } from "./generate-names.ts";
import { parametersOf, type FieldPart, type ParameterSource } from "./generate-parameters.ts";
import type { Schema, SchemaReader } from "./generate-schema.ts";

/** An operation as a method. */
export interface MethodPart {
  readonly name: string;
  /** `GET /pets/{id}`, as the document has it. */
  readonly where: string;
  readonly description: readonly string[];
  readonly isDeprecated: boolean;
  readonly verb: string;
  /** The path, its parameters under the names of their fields. */
  readonly path: string;
  readonly fields: readonly FieldPart[];
  /** The field that is the body, "*" when the request is, undefined when there is none. */
  readonly body: string | undefined;
  /** Whether the body is a form, not JSON. */
  readonly form: boolean;
  readonly request: Schema | boolean;
  readonly answer: AnswerPart;
  readonly errors: readonly ErrorPart[];
}

/** What operations are read with. */
export interface OperationReaders {
  readonly source: Source;
  readonly schemas: SchemaReader;
  readonly errors: ErrorReader;
}

const VERBS = ["get", "put", "post", "patch", "delete"];
const OTHER_VERBS = ["head", "options", "trace"];
const MAX_SEGMENTS = 32;

interface Found {
  readonly item: JsonObject;
  readonly operation: JsonObject;
  readonly verb: string;
  readonly path: string;
}

/** Reads all operations, in the document's order; of those that are left out there is a note. */
export function methodsOf(readers: OperationReaders): readonly MethodPart[] {
  const found = operationsIn(readers.source);
  const prefix = commonPrefix(found.map(({ operation }) => ownText(operation, "operationId")));
  const names = new Identifiers([], true);
  return found.flatMap((one) => {
    const id = ownText(one.operation, "operationId")?.slice(prefix.length) ?? "";
    const name = names.take(camel(id) || camel(`${one.verb} ${one.path}`) || one.verb);
    return methodOf(one, name, readers) ?? [];
  });
}

/** The service's name that stands before every operation's, with its dot; empty when there is none. */
export function commonPrefix(ids: readonly (string | undefined)[]): string {
  if (ids.length === 0 || ids.includes(undefined)) return "";
  const parts = ids.map((id) => id!.split("."));
  const most = Math.min(...parts.map(({ length }) => length)) - 1;
  const first = parts[0]!;
  let same = 0;
  while (same < most && parts.every((one) => one[same] === first[same])) same++;
  return same === 0 ? "" : `${first.slice(0, same).join(".")}.`;
}

/** The operation ids of a document that are carried by verb. */
export function operationIds(source: Source): readonly (string | undefined)[] {
  return operationsIn(source).map(({ operation }) => ownText(operation, "operationId"));
}

function operationsIn(source: Source): readonly Found[] {
  return Object.entries(ownObject(source.root, "paths")).flatMap(([path, given]) => {
    const item = source.follow(given, path);
    if (item === undefined) return [];
    for (const verb of OTHER_VERBS) {
      if (isObject(own(item, verb)))
        source.notes.add(`${verb.toUpperCase()} ${path}`, "left out: this verb is no method of a contract");
    }
    return VERBS.flatMap((verb) => {
      const operation = own(item, verb);
      return isObject(operation) ? [{ item, operation, verb, path }] : [];
    });
  });
}

function methodOf(
  { item, operation, verb, path }: Found,
  name: string,
  readers: OperationReaders,
): MethodPart | undefined {
  const { source, schemas, errors } = readers;
  const where = `${verb.toUpperCase()} ${path}`;
  const template = templateOf(path);
  if (typeof template === "string") {
    source.notes.add(where, `left out: ${template}`);
    return undefined;
  }
  const from: ParameterSource = { source, schemas, item, operation, inPath: template.names, where };
  noteOthers(from);
  const fields = parametersOf(from);
  const body = bodyOf(from);
  const answer = answerOf(from);
  if (fields === undefined || body === null || answer === undefined) return undefined;
  const isWhole = body !== undefined && fields.length === 0 && body.required && schemas.isObjectOnly(body.schema);
  const field = new Identifiers(
    fields.map((one) => one.field),
    true,
  ).take("body");
  const all = fields.map(({ field, schema, required }) => ({ field, schema, required }));
  if (body !== undefined) all.push({ field, schema: body.schema, required: body.required });
  return {
    name,
    where,
    description: [ownText(operation, "summary"), ownText(operation, "description")].filter((one) => one !== undefined),
    isDeprecated: own(operation, "deprecated") === true,
    verb: verb.toUpperCase(),
    path: template.write((name) => fields.find((one) => one.place === "path" && one.name === name)!.field),
    fields,
    body: body === undefined ? undefined : isWhole ? "*" : field,
    form: body?.form === true,
    request: isWhole ? body.schema : objectOf(all),
    answer,
    errors: errors.read(from),
  };
}

function objectOf(
  fields: readonly { readonly field: string; readonly schema: Schema | boolean; readonly required: boolean }[],
): Schema {
  const properties = Object.create(null) as Record<string, unknown>;
  for (const { field, schema } of fields) properties[field] = schema;
  const required = fields.filter((one) => one.required).map(({ field }) => field);
  return { type: "object", properties, ...(required.length === 0 ? undefined : { required }) };
}

interface PathTemplate {
  readonly names: readonly string[];
  write(fieldOf: (name: string) => string): string;
}

/** A path of whole parameters; or why it is none. */
function templateOf(path: string): PathTemplate | string {
  if (!path.startsWith("/")) return "a path should begin with a slash";
  if (/[?#]/.test(path)) return "the path has a query or a fragment in it";
  const segments = path.slice(1).split("/");
  if (segments.length > MAX_SEGMENTS) return `a path may have ${MAX_SEGMENTS} segments`;
  const names: string[] = [];
  for (const segment of segments) {
    if (!/[{}]/.test(segment)) continue;
    const name = /^\{([^{}]+)\}$/.exec(segment)?.[1];
    if (name === undefined) return `a parameter should be a whole segment of the path, got ${JSON.stringify(segment)}`;
    if (names.includes(name)) return `the path names ${JSON.stringify(name)} twice`;
    names.push(name);
  }
  if (/\p{Surrogate}/u.test(path)) return "the path has half a character in it";
  return {
    names,
    write: (fieldOf) =>
      segments.map((one) => `/${one.startsWith("{") ? `{${fieldOf(one.slice(1, -1))}}` : plain(one)}`).join(""),
  };
}

/** A segment in the signs a path may have (RFC 3986 §3.3), the others percent-encoded. */
function plain(segment: string): string {
  return segment.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@%]+/gu, encodeURIComponent);
}

function noteOthers({ source, item, operation, where }: ParameterSource): void {
  const { notes } = source;
  const callbacks = Object.keys(ownObject(operation, "callbacks"));
  if (callbacks.length > 0) notes.add(where, `callbacks are not carried: ${callbacks.join(", ")}`);
  if (ownList(operation, "servers").length + ownList(item, "servers").length > 0)
    notes.add(where, "it has servers of its own: a client has one address for all methods");
}
