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

/** `POST {base}/{service}/{method}` with the whole request as the body. */
export function plainForm(path: string, { method, codec, where }: FormOptions): RequestForm {
  const encode = codec.writer(method.request, `${where} request`, "invalid_request");
  return {
    verb: "POST",
    path,
    hasBody: true,
    write(request, draft) {
      draft.body = encode(request);
    },
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
  const schema = schemaOf(method.request, `${where} request`);
  const { toJson } = method.request;
  const encode = bodyWriter(route, schema, options);
  const toPath = pathWriter(basePath, route, where);
  const query = queryFields(route, Object.keys(propertiesOf(schema)));
  const headers = Object.entries(route.header).map(([field, name]) => ({ field, name: name.toLowerCase() }));
  return {
    verb: route.verb === "*" ? "POST" : route.verb,
    path: basePath + route.path,
    hasBody: encode !== undefined,
    write(request, draft) {
      const wire = asRecord(toJson === undefined ? request : toJson(request), where);
      draft.path = toPath(wire) + queryOf(wire, query);
      for (const { field, name } of headers) putHeader(draft, name, single(own(wire, field), `${where}: ${field}`));
      if (encode !== undefined) draft.body = encode(wire);
    },
  };
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
): ((wire: Wire) => string | Uint8Array) | undefined {
  const { body } = route;
  if (body === undefined) return undefined;
  const toJson = method.request.toJson === undefined ? undefined : (value: unknown): unknown => value;
  const shaped = (jsonSchema: JsonSchemaObject): Shape => ({ ...method.request, jsonSchema: () => jsonSchema, toJson });
  if (body !== "*") {
    const { $defs } = schema;
    const field = { ...(propertiesOf(schema)[body] ?? {}), ...($defs === undefined ? undefined : { $defs }) };
    const encode = codec.writer(shaped(field), `${where} request.${body}`, "invalid_request");
    return (wire) => {
      const value = own(wire, body);
      return value === undefined ? "" : encode(value);
    };
  }
  const elsewhere = new Set([...route.params, ...Object.keys(route.header), ...(route.query ?? [])]);
  const encode = codec.writer(shaped(without(schema, elsewhere)), `${where} request`, "invalid_request");
  if (elsewhere.size === 0 || toJson === undefined) return encode;
  return (wire) => encode(Object.fromEntries(Object.entries(wire).filter(([name]) => !elsewhere.has(name))));
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
  if (texts.length < 2) return texts[0];
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
