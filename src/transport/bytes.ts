/**
 * Schemas for what is bytes and no JSON: bytes in memory, bytes that come piece by piece, and messages that hold such
 * beside fields of another schema. For the codecs that carry them; JSON has no form for bytes.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import type { InferInput, InferOutput, Issue, Schema, Validated } from "../errors/index.ts";
import type { JsonSchemaObject, Shape } from "../contract/index.ts";
import type { ByteStream } from "./codec.ts";

/** What marks a stream in a JSON Schema; OpenAPI knows the rest. */
const STREAM = "x-stream";

/**
 * Bytes in memory, as a message of a contract: a `Uint8Array`, of which Node's `Buffer` is one.
 *
 * @example
 * ```ts
 * import { bytesSchema } from "servicekit/transport";
 *
 * bytesSchema["~standard"].validate(new Uint8Array([1])); // => { value: new Uint8Array([1]) }
 * ```
 */
export const bytesSchema: Schema<Uint8Array> = standard(
  (value) => value instanceof Uint8Array,
  "should be bytes (a Uint8Array)",
  { type: "string", format: "binary" },
);

/**
 * Bytes that come or go piece by piece: any `AsyncIterable<Uint8Array>`, such as a file's read stream. It is read once.
 *
 * @example
 * ```ts
 * import { byteStreamSchema } from "servicekit/transport";
 *
 * byteStreamSchema["~standard"].validate([1]); // => { issues: [{ message: "should be a stream of bytes (an AsyncIterable<Uint8Array>)" }] }
 * ```
 */
export const byteStreamSchema: Schema<ByteStream> = standard(
  isByteStream,
  "should be a stream of bytes (an AsyncIterable<Uint8Array>)",
  { type: "string", format: "binary", [STREAM]: true },
);

/** A schema that only looks whether a value is what it should be; `jsonSchema` is how documents show it. */
function standard<T>(fits: (value: unknown) => boolean, message: string, jsonSchema: JsonSchemaObject): Schema<T> {
  function validate(value: unknown): Validated<T> {
    return fits(value) ? { value: value as T } : { issues: [{ message }] };
  }
  return {
    "~standard": { version: 1, vendor: "servicekit", validate, jsonSchema: { input: () => ({ ...jsonSchema }) } },
  };
}

/** Whether a value can be read piece by piece. */
export function isByteStream(value: unknown): value is ByteStream {
  return typeof (value as Partial<ByteStream> | null | undefined)?.[Symbol.asyncIterator] === "function";
}

/** Whether a shape is that of `byteStreamSchema`. */
export function isStreamShape(shape: Shape): boolean {
  try {
    return shape.jsonSchema()[STREAM] === true;
  } catch {
    // A schema without JSON Schema: a validator of bytes, as `z.instanceof(Uint8Array)`.
    return false;
  }
}

type More = Readonly<Record<string, Schema>>;

type InputOf<M extends More> = { [F in keyof M]: NonNullable<M[F]["~standard"]["types"]>["input"] };
type OutputOf<M extends More> = { [F in keyof M]: NonNullable<M[F]["~standard"]["types"]>["output"] };

/**
 * Adds fields to the schema of an object that its own library cannot describe: a stream, bytes, the parts of an upload.
 *
 * @throws {TypeError} when asked for the JSON Schema of a schema that is not an object's.
 *
 * @example
 * ```ts
 * import { bytesSchema, withFields } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const upload = withFields(z.object({ name: z.string() }), { content: bytesSchema });
 * upload["~standard"].validate({ name: "a", content: 1 }); // => { issues: [{ message: "should be bytes (a Uint8Array)", path: ["content"] }] }
 * ```
 */
export function withFields<S extends Schema<unknown, object>, const M extends More>(
  schema: S,
  fields: M,
): Schema<InferInput<S> & InputOf<M>, InferOutput<S> & OutputOf<M>> {
  const inner = schema["~standard"];
  const more = Object.entries(fields);
  type Out = InferOutput<S> & OutputOf<M>;

  function validate(wire: unknown): Validated<Out> | Promise<Validated<Out>> {
    if (typeof wire !== "object" || wire === null || Array.isArray(wire))
      return { issues: [{ message: `should be an object, got ${Array.isArray(wire) ? "an array" : typeof wire}` }] };
    const rest: Record<string, unknown> = { ...wire };
    const added: Record<string, unknown> = {};
    const issues: Issue[] = [];
    for (const [name, field] of more) {
      const found = field["~standard"].validate(rest[name]);
      delete rest[name];
      if (isPromise(found)) throw new TypeError(`the schema of ${name} should validate at once`);
      const { issues: wrong, value } = found as { readonly issues?: readonly Issue[]; readonly value?: unknown };
      if (wrong === undefined) added[name] = value;
      else issues.push(...wrong.map(({ message, path = [] }) => ({ message, path: [name, ...path] })));
    }
    const join = (found: Validated<unknown>): Validated<Out> =>
      found.issues === undefined && issues.length === 0
        ? { value: { ...(found.value as object), ...added } as Out }
        : { issues: [...(found.issues ?? []), ...issues] };
    const found = inner.validate(rest);
    return isPromise(found) ? (found as Promise<Validated<unknown>>).then(join) : join(found as Validated<unknown>);
  }

  function input(options: { readonly target: string }): Record<string, unknown> {
    const own = inner.jsonSchema?.input(options);
    if (own === undefined || own["type"] !== "object")
      throw new TypeError(
        `the ${inner.vendor} schema should give the JSON Schema of an object, got ${shown(own?.["type"])}`,
      );
    const added = more.map(([name, field]) => [name, field["~standard"].jsonSchema?.input(options) ?? {}] as const);
    return {
      ...own,
      properties: { ...(own["properties"] as object | undefined), ...Object.fromEntries(added) },
      required: [...((own["required"] as readonly string[] | undefined) ?? []), ...more.map(([name]) => name)],
    };
  }
  return { "~standard": { version: 1, vendor: inner.vendor, validate, jsonSchema: { input } } };
}
