/**
 * How the request of one method is written: as `POST /service/method`, or as a route says. Compiled once per method.
 *
 * @module
 */
import type { AnyMethod, JsonSchemaObject, Shape } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { schemaOf, type Codec } from "../codec.ts";
import { stringsOf } from "../json/coerce.ts";
import type { RequestDraft } from "./client-draft.ts";
import { headerValue, takesMany } from "./header-field.ts";
import type { Route } from "./routes.ts";

/** Writes requests of one method. */
export interface RequestForm {
  readonly verb: string;
  /** The path before any parameter is put in: the template. */
  readonly path: string;
  /** Whether requests have a body, and so a content type. */
  readonly hasBody: boolean;
  /** Puts a request (wire form) into `draft`, whose path is the template's base. */
  write(request: unknown, draft: RequestDraft): void;
}

/** What a form is made for. */
export interface FormOptions {
  readonly method: AnyMethod;
  readonly codec: Codec;
  /** `service.method`, for error messages. */
  readonly where: string;
}

/** Puts the body of a request into its draft. */
type WriteBody = (value: unknown, draft: RequestDraft) => void;

function writerOf(codec: Codec, shape: Shape, where: string): WriteBody {
  const toStream = codec.streamWriter?.(shape, where, "invalid_request");
  if (toStream !== undefined) return (value, draft) => void (draft.stream = toStream(value));
  const encode = codec.writer(shape, where, "invalid_request");
  return (value, draft) => void (draft.body = encode(value));
}

/** `POST {base}/{service}/{method}` with the whole request as the body. */
export function plainForm(path: string, { method, codec, where }: FormOptions): RequestForm {
  const encode = writerOf(codec, method.request, `${where} request`);
  return {
    verb: "POST",
    path,
    hasBody: true,
    write: (request, draft) => encode(request, draft),
  };
}

/**
 * The form a route gives: each field in the path, the query, a header or the body. A method with several routes is
 * called by the first.
 *
 * @throws {TypeError} when the request's schema cannot be read.
 */
export function routeForm(basePath: string, route: Route, options: FormOptions): RequestForm {
  const { method, where } = options;
  const verb = route.verb === "*" ? "POST" : route.verb;
  // Its schema need not tell of fields where none is named.
  if (isWhole(route)) return { ...plainForm(basePath + route.path, options), verb };
  const schema = schemaOf(method.request, `${where} request`);
  const { toJson } = method.request;
  const encode = bodyWriter(route, schema, options);
  const toPath = pathWriter(basePath, route, where);
  const query = queryFields(route, Object.keys(propertiesOf(schema)));
  const headers = Object.entries(route.header).map(([field, name]) => ({
    field,
    name: name.toLowerCase(),
    isMany: takesMany({ schema: propertiesOf(schema)[field] ?? true, root: schema }),
  }));
  return {
    verb,
    path: basePath + route.path,
    hasBody: encode !== undefined,
    write(request, draft) {
      const wire = asRecord(toJson === undefined ? request : toJson(request), where);
      draft.path = toPath(wire) + queryOf(wire, query);
      for (const { field, name, isMany } of headers) {
        const texts = stringsOf(own(wire, field));
        if (!isMany) checkSingle(texts, `${where}: ${field}`);
        putHeader(draft, name, headerValue(name, texts, isMany));
      }
      if (encode !== undefined) encode(wire, draft);
    },
  };
}

function isWhole({ body, params, query, header }: Route): boolean {
  return body === "*" && params.length === 0 && query === undefined && Object.keys(header).length === 0;
}

function putHeader(draft: RequestDraft, name: string, text: string | undefined): void {
  if (text === undefined) return;
  try {
    draft.header(name, text);
  } catch (error) {
    throw policyError("invalid_request", { message: `header ${name} cannot hold what the request says`, cause: error });
  }
}

type Wire = Readonly<Record<string, unknown>>;

function bodyWriter(
  route: Route,
  schema: JsonSchemaObject,
  { method, codec, where }: FormOptions,
): WriteBody | undefined {
  const { body } = route;
  if (body === undefined) return undefined;
  const toJson = method.request.toJson === undefined ? undefined : (value: unknown): unknown => value;
  const shaped = (jsonSchema: JsonSchemaObject): Shape => ({ ...method.request, jsonSchema: () => jsonSchema, toJson });
  if (body !== "*") {
    const { $defs } = schema;
    const field = { ...(propertiesOf(schema)[body] ?? {}), ...($defs === undefined ? undefined : { $defs }) };
    const encode = writerOf(codec, shaped(field), `${where} request.${body}`);
    return (wire, draft) => {
      const value = own(wire as Wire, body);
      if (value !== undefined) encode(value, draft);
    };
  }
  const elsewhere = new Set([...route.params, ...Object.keys(route.header), ...(route.query ?? [])]);
  const encode = writerOf(codec, shaped(without(schema, elsewhere)), `${where} request`);
  if (elsewhere.size === 0 || toJson === undefined) return encode;
  return (wire, draft) =>
    encode(Object.fromEntries(Object.entries(wire as Wire).filter(([name]) => !elsewhere.has(name))), draft);
}

function without(schema: JsonSchemaObject, fields: ReadonlySet<string>): JsonSchemaObject {
  if (fields.size === 0) return schema;
  const properties = Object.entries(propertiesOf(schema)).filter(([name]) => !fields.has(name));
  const required = (schema.required as readonly string[] | undefined)?.filter((name) => !fields.has(name));
  return {
    ...schema,
    properties: Object.fromEntries(properties),
    ...(required === undefined ? undefined : { required }),
  };
}

// Percent-encoded whole segments: a value may hold "/" or "..", the path must not (RFC 3986 §3.3).
function pathWriter(basePath: string, route: Route, where: string): (wire: Wire) => string {
  if (route.params.length === 0) return () => basePath + route.path;
  const pieces = (basePath + route.path).split(/\{[^}]+\}/);
  return function pathOf(wire) {
    let path = pieces[0]!;
    route.params.forEach((field, i) => {
      const text = single(own(wire, field), `${where}: ${field}`);
      if (text === undefined || text === "" || text === "." || text === "..") {
        throw policyError("invalid_request", {
          message: `${where}: ${field} should be a text that can be a segment of a path`,
        });
      }
      path += encoded(text, where) + pieces[i + 1]!;
    });
    return path;
  };
}

function queryFields(route: Route, fields: readonly string[]): readonly string[] {
  if (route.query !== undefined) return route.query;
  if (route.body === "*") return [];
  const elsewhere = new Set([...route.params, ...Object.keys(route.header), route.body]);
  return fields.filter((field) => !elsewhere.has(field));
}

function queryOf(wire: Wire, fields: readonly string[]): string {
  let query = "";
  for (const field of fields) {
    for (const text of stringsOf(own(wire, field)))
      query += `${query === "" ? "?" : "&"}${encoded(field, field)}=${encoded(text, field)}`;
  }
  return query;
}

function single(value: unknown, where: string): string | undefined {
  const texts = stringsOf(value);
  checkSingle(texts, where);
  return texts[0];
}

function checkSingle(texts: readonly string[], where: string): void {
  if (texts.length > 1)
    throw policyError("invalid_request", { message: `${where} should be one value, got ${texts.length}` });
}

function encoded(text: string, where: string): string {
  try {
    return encodeURIComponent(text);
  } catch (error) {
    throw policyError("invalid_request", {
      message: `${where}: a text with half a character cannot stand in a URL`,
      cause: error,
    });
  }
}

function own(wire: Wire, field: string): unknown {
  return Object.hasOwn(wire, field) ? wire[field] : undefined;
}

function asRecord(wire: unknown, where: string): Wire {
  if (typeof wire === "object" && wire !== null && !Array.isArray(wire)) return wire as Wire;
  throw policyError("invalid_request", { message: `${where}: the request should be an object` });
}

function propertiesOf(schema: JsonSchemaObject): Readonly<Record<string, JsonSchemaObject>> {
  return (schema.properties as Record<string, JsonSchemaObject> | undefined) ?? {};
}
