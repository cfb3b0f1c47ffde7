/**
 * Forms as bodies, `application/x-www-form-urlencoded` (WHATWG URL §5): what a browser's plain form and many older services
 * send. For files there is multipart.
 *
 * @module
 */
import { policyError } from "../../../errors/index.ts";
import { checkNames, checkNumber } from "../../../internal/check.ts";
import { schemaOf, type Codec } from "../../codec.ts";
import { fieldCoercers, stringsOf } from "../../json/coerce.ts";
import { formsOf } from "../../json/form.ts";
import type { JsonSchema, Scope } from "../../json/schema.ts";
import { jsonProjector } from "../../json/writer.ts";

/** How forms are read. */
export interface FormCodecOptions {
  /** The most fields of one form, repeated ones counted each, 1 to 100,000. Default: 1000, as most peers have it. */
  readonly maxFields?: number | undefined;
}

const FORM = "application/x-www-form-urlencoded";

/**
 * Makes a codec of forms. The fields of a request are turned into what its schema asks for, as those of a query are:
 * numbers, booleans, and an array where a name may come several times. Written are messages whose fields are texts,
 * numbers, booleans, or lists of them.
 *
 * Many services take forms and answer JSON (OAuth's token endpoints): that is `{ ...form, answers: json }`.
 *
 * @throws {RangeError} when an option is wrong; when a transport is made, {TypeError} for a message that no form can hold.
 *
 * @example
 * ```ts
 * import { limitsOf } from "servicekit/transport";
 * import { formCodec } from "servicekit/transport/http";
 * import { shapeOf } from "servicekit/contract";
 * import { z } from "zod";
 *
 * const search = shapeOf(z.object({ text: z.string(), page: z.int(), tag: z.array(z.string()) }));
 * const read = formCodec({ maxFields: 10 }).reader(search, limitsOf());
 * read("text=caf%C3%A9+au+lait&page=2&tag=a"); // => { text: "café au lait", page: 2, tag: ["a"] }
 * ```
 */
export function formCodec(options: FormCodecOptions = {}): Codec {
  checkNames("formCodec", options, ["maxFields"]);
  const maxFields = checkNumber("maxFields", options.maxFields ?? 1000, { min: 1, max: 100_000, integer: true });
  return {
    mediaType: FORM,
    contentType: FORM,
    form: "text",
    reader(shape) {
      const coercers = fieldCoercers(schemaOf(shape, FORM), FORM);
      return function readForm(body) {
        const wire: Record<string, unknown> = {};
        for (const [name, texts] of fieldsOf(body as string, maxFields)) {
          const coerce = coercers.get(name);
          wire[name] = coerce === undefined ? (texts.length === 1 ? texts[0] : texts) : coerce(texts);
        }
        return wire;
      };
    },
    writer(shape, where, reason) {
      const schema = schemaOf(shape, where);
      checkFlat(schema, { root: schema, where });
      const project = shape.toJson ?? jsonProjector(schema, where, reason);
      return function writeForm(value) {
        const form = new URLSearchParams();
        for (const [name, one] of Object.entries(project(value) as object)) {
          for (const each of stringsOf(one)) form.append(name, each);
        }
        return form.toString();
      };
    },
  };
}

/**
 * The codec of forms, with at most 1000 fields.
 *
 * @example
 * ```ts
 * import { form } from "servicekit/transport/http";
 * import { shapeOf } from "servicekit/contract";
 * import { z } from "zod";
 *
 * const write = form.writer(shapeOf(z.object({ a: z.string(), n: z.int() })), "add.sum response");
 * write({ a: "x & y", n: 1, secret: 2 }); // => "a=x+%26+y&n=1"
 * ```
 */
export const form: Codec = formCodec();

/** The texts of a form by the names of its fields, in the order of their first. */
function fieldsOf(body: string, maxFields: number): ReadonlyMap<string, string[]> {
  const fields = new Map<string, string[]>();
  let count = 0;
  for (let start = 0; start < body.length;) {
    const mark = body.indexOf("&", start);
    const end = mark < 0 ? body.length : mark;
    if (end > start) {
      if (++count > maxFields) throw policyError("too_large", { message: "the form has more fields than allowed" });
      const field = body.slice(start, end);
      const equals = field.indexOf("=");
      const name = decoded(equals < 0 ? field : field.slice(0, equals));
      // No parser of objects would give it to anybody but an attacker.
      if (name === "__proto__")
        throw policyError("malformed_message", { message: "a field has a name that is not allowed" });
      const value = equals < 0 ? "" : decoded(field.slice(equals + 1));
      const texts = fields.get(name);
      if (texts === undefined) fields.set(name, [value]);
      else texts.push(value);
    }
    start = end + 1;
  }
  return fields;
}

// Not by URLSearchParams, which puts a replacement character where the sender's bytes are no UTF-8.
function decoded(text: string): string {
  const plain = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!plain.includes("%")) return plain;
  try {
    return decodeURIComponent(plain);
  } catch {
    throw policyError("malformed_message", { message: "the form is not valid percent-encoding of UTF-8" });
  }
}

/** Throws unless each field is something one text can say, or a list of such. */
function checkFlat(schema: JsonSchema, scope: Scope): void {
  for (const one of formsOf(schema, scope)) {
    if (one.kind !== "object") throw unwritable(scope, "", one.kind);
    for (const { name, schema: field } of one.fields) {
      for (const form of formsOf(field, scope)) {
        if (form.kind === "object") throw unwritable(scope, `.${name}`, "object");
        const items = form.kind === "array" ? [...form.head, form.items ?? false] : [];
        for (const item of items.flatMap((each) => formsOf(each, scope)))
          if (item.kind === "object" || item.kind === "array")
            throw unwritable(scope, `.${name}`, `array of ${item.kind}s`);
      }
    }
  }
}

function unwritable({ where }: Scope, place: string, kind: string): TypeError {
  const advice = place === "" ? "" : " (answers may be JSON: { ...form, answers: json })";
  return new TypeError(
    `${where}${place}: a form holds an object of texts, numbers and lists of them, got ${kind}${advice}`,
  );
}
