/**
 * What the HTTP server prepares once per method: codecs compiled for its messages, the way a REST request is put
 * together, its hooks.
 *
 * @module
 */
import type { Context } from "../../endpoint/index.ts";
import type { AnyMethod, JsonSchemaObject, Shape } from "../../contract/index.ts";
import type { BoundMethod } from "../bind.ts";
import { schemaOf, type ByteStream, type Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import { policyError } from "../../errors/index.ts";
import { stringCoercer, type Coerce } from "../json/coerce.ts";
import type { CompressSettings } from "./compression.ts";
import type { Cors } from "./cors.ts";
import type { Dressing } from "./dressing.ts";
import { headerTexts } from "./header-field.ts";
import type { HttpReply, HttpRequest } from "./message.ts";
import type { Route } from "./routes.ts";
import type { StreamPlan } from "./stream-plan.ts";

/** A codec with its reader and writer made for one method. */
export interface MethodCodec {
  readonly mediaType: string;
  readonly contentType: string;
  readonly form: "text" | "bytes";
  read(body: string | Uint8Array): unknown;
  write(value: unknown): string | Uint8Array;
  /** Reads a body that still arrives; undefined where it is read whole. */
  readonly readStream?: ((body: ByteStream) => unknown) | undefined;
  /** Writes an answer piece by piece; undefined where it is written whole. */
  readonly writeStream?: ((value: unknown) => ByteStream) | undefined;
  /** Writes the answers to what this one reads, when that is another. */
  readonly answer?: MethodCodec | undefined;
}

/** What a request is put together from. */
export interface AssembleSource {
  readonly request: HttpRequest;
  /** The values of the path's parameters, still percent-encoded. */
  readonly values: readonly string[];
  readonly context: Context;
}

/** Puts the wire value of a request together; `body` is what the codec read, if there was one. */
export type Assemble = (source: AssembleSource, body: unknown) => unknown;

/** Writes a response into a reply by itself, in place of a codec: the low door's. */
export type Encode = (response: unknown, reply: HttpReply, context: Context) => unknown;

/** How one method is served over HTTP. */
export interface Plan {
  readonly bound: BoundMethod;
  readonly status: number;
  /** Statuses of declared errors that are not those of their codes, by reason. Undefined where there are none. */
  readonly errors: ReadonlyMap<string, number> | undefined;
  /** Undefined where a route says nothing of its answers. */
  readonly dressing: Dressing | undefined;
  /** Undefined where no other origin is let in. */
  readonly cors: Cors | undefined;
  /** Whether a body is read at all. */
  readonly takesBody: boolean;
  readonly codecs: readonly MethodCodec[];
  /** Those that write answers: the same, unless a codec says otherwise. */
  readonly answers: readonly MethodCodec[];
  /** Undefined where the body alone is the request. */
  readonly assemble: Assemble | undefined;
  /** Undefined where the codec writes the response. */
  readonly encode: Encode | undefined;
  /** Undefined where one message goes each way. */
  readonly stream: StreamPlan | undefined;
  readonly hooks: Hooks<HttpRequest, HttpReply>;
  readonly limits: Limits;
  /** Undefined where answers leave as they are. */
  readonly compress: CompressSettings | undefined;
}

/** What codecs are compiled for. */
export interface CodecsFor {
  readonly bound: BoundMethod;
  readonly limits: Limits;
  /** The field of the request that is the body; undefined or "*" where the body is the request. */
  readonly body?: string | undefined;
}

/** Compiles codecs for the messages of a method: those that read requests, and those that write answers. */
export function methodCodecs(codecs: readonly Codec[], about: CodecsFor): Pick<Plan, "codecs" | "answers"> {
  const { bound, limits, body } = about;
  const { info, method } = bound;
  const where = `${info.service}.${info.name}`;
  const request = body === undefined || body === "*" ? method.request : fieldShape(method.request, body);
  const isOneWay = info.oneWay === true;
  const compile = (codec: Codec, answer: MethodCodec | undefined): MethodCodec => ({
    mediaType: codec.mediaType,
    contentType: codec.contentType,
    form: codec.form,
    read: codec.reader(request, limits),
    // An acknowledgement has no body, and not every codec can write nothing.
    write: isOneWay ? () => "" : (answer?.write ?? codec.writer(method.response, `${where} response`)),
    readStream: codec.streamReader?.(request, limits),
    writeStream:
      answer !== undefined || isOneWay
        ? answer?.writeStream
        : codec.streamWriter?.(method.response, `${where} response`),
    answer,
  });
  const compiled = codecs.map((codec) =>
    compile(codec, codec.answers === undefined ? undefined : compile(codec.answers, undefined)),
  );
  const differ = compiled.some(({ answer }) => answer !== undefined);
  if (!differ) return { codecs: compiled, answers: compiled };
  const answers = compiled.map((one) => one.answer ?? one);
  const isFirst = (one: MethodCodec, at: number): boolean =>
    answers.findIndex(({ mediaType }) => mediaType === one.mediaType) === at;
  return { codecs: compiled, answers: answers.filter(isFirst) };
}

/** One field of a message as a shape, for the codec of a body that is only it. */
function fieldShape(shape: Shape, field: string): Shape {
  return {
    ...shape,
    jsonSchema() {
      const { properties, $defs } = shape.jsonSchema();
      const own = (properties as Readonly<Record<string, JsonSchemaObject>> | undefined)?.[field] ?? {};
      return $defs === undefined ? own : { ...own, $defs };
    },
  };
}

/** Compiles the way a route's request is put together; undefined when the body is all there is. */
export function assembler(route: Route, method: AnyMethod, where: string): Assemble | undefined {
  const plain =
    route.body === "*" &&
    route.params.length === 0 &&
    route.query === undefined &&
    Object.keys(route.header).length === 0;
  if (plain) return undefined;
  const schema = schemaOf(method.request, `${where} request`);
  const fields = propertiesOf(schema);
  const formOf = (field: string): JsonSchemaObject | true => {
    if (fields?.has(field) === false)
      throw new RangeError(`the route of ${where} should name fields of the request, "${field}" is none`);
    return fields?.get(field) ?? true;
  };
  const coercer = (field: string): Coerce => stringCoercer(formOf(field), `${where} request.${field}`, schema);
  if (route.body !== undefined && route.body !== "*") formOf(route.body);
  const params = route.params.map((field) => ({ field, coerce: coercer(field) }));
  const required = (schema as { readonly required?: readonly string[] }).required ?? [];
  const headers = Object.entries(route.header).map(([field, name]) => ({
    field,
    name,
    coerce: coercer(field),
    texts: headerTexts(name, { schema: formOf(field), root: schema, isRequired: required.includes(field) }),
  }));
  const query = queryFields(route, fields, where).map((field) => ({ field, coerce: coercer(field) }));
  const bound = [...headers, ...query].map(({ field }) => field);
  return function assemble({ request, values }, body) {
    const wire: Record<string, unknown> = route.body === "*" ? { ...recordOf(body) } : {};
    // What is bound to a header or the query comes from there or not at all: somebody in front may have checked it there.
    if (route.body === "*") for (const field of bound) if (Object.hasOwn(wire, field)) delete wire[field];
    if (route.body !== undefined && route.body !== "*") wire[route.body] = body;
    params.forEach(({ field, coerce }, i) => {
      wire[field] = coerce([decoded(values[i]!)]);
    });
    for (const { field, name, coerce, texts } of headers) {
      const given = texts(request.header(name));
      if (given !== undefined) wire[field] = coerce(given);
    }
    if (query.length > 0) {
      for (const { field, coerce } of query) {
        const texts = request.query.getAll(field);
        if (texts.length > 0) wire[field] = coerce(texts);
      }
    }
    return wire;
  };
}

function queryFields(
  route: Route,
  fields: ReadonlyMap<string, JsonSchemaObject> | undefined,
  where: string,
): readonly string[] {
  if (route.query !== undefined) return route.query;
  if (route.body === "*") return [];
  if (fields === undefined)
    throw new TypeError(`the route of ${where} should say what is in its query: the request's schema lists no fields`);
  const elsewhere = new Set([...route.params, ...Object.keys(route.header), route.body]);
  return [...fields.keys()].filter((field) => !elsewhere.has(field));
}

/** The declared properties; undefined where only a validator knows them, as in a union. */
function propertiesOf(schema: JsonSchemaObject): ReadonlyMap<string, JsonSchemaObject> | undefined {
  const { properties } = schema as { readonly properties?: Readonly<Record<string, JsonSchemaObject>> };
  return properties && new Map(Object.entries(properties));
}

function recordOf(body: unknown): object {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  throw policyError("invalid_request", { message: "the body should be an object" });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw policyError("malformed_message", { message: "the path is not valid percent-encoding" });
  }
}
