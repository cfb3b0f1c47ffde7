/**
 * Bodies by media type, as the codecs of a route write them, and streams as they are framed.
 *
 * @module
 */
import type { Codec } from "../transport/codec.ts";
import { ERROR_KEY, ndjson, sse } from "../transport/http/frames.ts";
import type { JsonSchema } from "../transport/json/schema.ts";
import type { OpenApiContent } from "./open-api-types.ts";

/** What bodies of one message look like; `schema` is only asked for where a codec goes by it. */
export function contentOf(codecs: readonly Codec[], schema: () => JsonSchema): OpenApiContent {
  return Object.fromEntries(
    codecs.map(({ mediaType }) => [mediaType, isByFields(mediaType) ? { schema: schema() } : {}]),
  );
}

/** The codecs that write answers, each media type once. */
export function answering(codecs: readonly Codec[]): readonly Codec[] {
  const all = codecs.map((codec) => codec.answers ?? codec);
  return all.filter(({ mediaType }, at) => all.findIndex((one) => one.mediaType === mediaType) === at);
}

/** A request of many messages. */
export function manyRequests(schema: JsonSchema): OpenApiContent {
  return { [ndjson.mediaType]: many("A stream: each line is a JSON text, a message of `x-item-schema`.", schema) };
}

/** An answer of many messages. OpenAPI 3.1 has no word for them: the schema of one stands in `x-item-schema`. */
export function manyAnswers(schema: JsonSchema): OpenApiContent {
  const line = `A stream: each line is a JSON text, a message of \`x-item-schema\`. An error after the first message is the last line, problem details under \`${ERROR_KEY}\`.`;
  const event =
    "A stream of Server-Sent Events: the data of each is a JSON text, a message of `x-item-schema`. The last is an event `end`, or `error` with problem details.";
  return { [ndjson.mediaType]: many(line, schema), [sse.mediaType]: many(event, schema) };
}

function many(description: string, schema: JsonSchema): OpenApiContent[string] {
  return { schema: { type: "string", description }, "x-item-schema": schema };
}

// A JSON Schema says nothing of what a binary codec writes; an empty object says that there is something.
function isByFields(mediaType: string): boolean {
  return /^(?:application\/(?:.+\+)?json|application\/x-www-form-urlencoded|multipart\/.+|text\/.+)$/.test(mediaType);
}
