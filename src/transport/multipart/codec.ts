/**
 * Multipart uploads as bodies of a method (RFC 7578), read while they arrive.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { JsonSchemaObject, Shape } from "../../contract/index.ts";
import { json, schemaOf, type ByteStream, type Codec } from "../codec.ts";
import { fieldCoercers, stringsOf, type Coerce } from "../json/coerce.ts";
import { boundaryOf } from "./head.ts";
import { multipartSettings, type MultipartOptions, type MultipartSettings } from "./limits.ts";
import type { Part } from "./part.ts";
import { Parts } from "./parts.ts";
import { readParts } from "./read.ts";
import { writeParts, type PartInit, type PartsInit } from "./write.ts";

/** The field of a request that is its parts. */
const PARTS = "parts";

/**
 * Makes a codec of uploads, for a route's `codec`: the request has a field `parts` (`partsSchema`) and may have others, which
 * the sender's fields before the first file are read into. Fields of other names, later fields and files come as parts.
 * Answers are JSON.
 *
 * The handler is called as soon as those fields are there. It reads part by part, a sender goes on as fast as it reads, and
 * nothing is held but the piece at hand. A call's deadline counts for the whole upload: give the method a `timeoutMs` that
 * is long enough.
 *
 * @throws {RangeError} when a bound is wrong.
 * @throws {ServiceError} from the parts: `too_large` when a bound is passed, `malformed_message` when it is no multipart,
 * `deadline_exceeded`, `canceled`, `request_timeout`.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { withFields } from "servicekit/transport";
 * import { httpServer, routes } from "servicekit/transport/http";
 * import { multipart, partsSchema } from "servicekit/transport/multipart";
 * import { z } from "zod";
 *
 * const request = withFields(z.object({ album: z.string() }), { parts: partsSchema });
 * const photos = service("photos", { add: method({ request, response: z.object({ stored: z.string() }) }) });
 * const add = photos.implement({
 *   async add({ album, parts }) {
 *     let bytes = 0;
 *     for await (const part of parts) for await (const piece of part) bytes += piece.length;
 *     return { stored: `${bytes} bytes in ${album}` };
 *   },
 * });
 * const bound = routes(photos, { add: { path: "POST /photos", codec: multipart({ maxParts: 10 }) } });
 * const running = await serve(add, { on: [httpServer({ port: 0, routes: [bound] })], log: false, signals: false });
 * const body = new FormData();
 * body.set("album", "summer");
 * body.set("photo", new File(["abc"], "a.png"));
 * await (await fetch(`${running.addresses[0]}/photos`, { method: "POST", body })).json(); // => { stored: "3 bytes in summer" }
 * await running.stop();
 * ```
 */
export function multipart(options: MultipartOptions = {}): Codec {
  const settings = multipartSettings(options);
  const mediaType = "multipart/form-data";
  return {
    mediaType,
    contentType: mediaType,
    form: "bytes",
    answers: json,
    reader: () => notWhole,
    writer: () => notWhole,
    streamReader(shape, { maxBodyBytes }) {
      const fields = fieldsOf(shape);
      return (body) => readUpload(body, { settings, fields, maxBodyBytes });
    },
    streamWriter(shape, where, reason = "invalid_response") {
      const names = [...fieldsOf(shape).keys()];
      return function writeUpload(value) {
        const given = value as Readonly<Record<string, unknown>> | null | undefined;
        const parts = given?.[PARTS] as PartsInit | undefined;
        if (typeof parts !== "object")
          throw policyError(reason, { cause: new TypeError(`${where}.${PARTS} should be a list of parts`) });
        const lead = names.flatMap((name) => stringsOf(given![name]).map((content) => ({ name, content })));
        return writeParts(both(lead, parts));
      };
    },
  };
}

interface Reading {
  readonly settings: MultipartSettings;
  readonly fields: ReadonlyMap<string, Coerce>;
  readonly maxBodyBytes: number;
}

async function readUpload(body: ByteStream, { settings, fields, maxBodyBytes }: Reading): Promise<unknown> {
  const boundary = boundaryOf(body.contentType);
  if (body.byteLength !== undefined && body.byteLength > settings.maxBytes) throw policyError("too_large");
  const parts = readParts(body[Symbol.asyncIterator](), { boundary, limits: settings, maxBodyBytes });
  const texts = new Map<string, string[]>();
  let bytes = 0;
  let next = await parts.next();
  for (; next.done !== true && isField(next.value, fields); next = await parts.next()) {
    const text = await next.value.text(maxBodyBytes - bytes);
    bytes += text.length;
    const before = texts.get(next.value.name);
    if (before === undefined) texts.set(next.value.name, [text]);
    else before.push(text);
  }
  const wire: Record<string, unknown> = {};
  for (const [name, several] of texts) wire[name] = fields.get(name)!(several);
  wire[PARTS] = new Parts(resumed(next, parts));
  return wire;
}

function isField({ name, filename }: Part, fields: ReadonlyMap<string, Coerce>): boolean {
  return filename === undefined && fields.has(name);
}

async function* resumed(first: IteratorResult<Part, void>, rest: AsyncGenerator<Part, void>): AsyncGenerator<Part> {
  try {
    if (first.done !== true) yield first.value;
    yield* rest;
  } finally {
    await rest.return();
  }
}

async function* both(lead: readonly PartInit[], parts: PartsInit): AsyncGenerator<PartInit> {
  yield* lead;
  yield* parts;
}

/** What the request has beside its parts; nothing where its schema does not tell. */
function fieldsOf(shape: Shape): ReadonlyMap<string, Coerce> {
  let schema: JsonSchemaObject;
  try {
    schema = schemaOf(shape, "upload");
  } catch {
    return new Map();
  }
  const fields = new Map(fieldCoercers(schema, "upload"));
  fields.delete(PARTS);
  return fields;
}

function notWhole(): never {
  throw new TypeError("a multipart body is read and written piece by piece, which this transport does not do");
}
