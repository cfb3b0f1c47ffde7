/**
 * Plain text as bodies. For what a person or a script reads; for text that has a structure there are JSON and forms.
 *
 * @module
 */
import { policyError } from "../../../errors/index.ts";
import { checkNames, checkString } from "../../../internal/check.ts";
import type { Codec } from "../../codec.ts";

/** How text is read and written. */
export interface TextCodecOptions {
  /** The field of a message that is the text; all others are left out. Default: the message itself is a string. */
  readonly field?: string | undefined;
  /** Its media type, one of `text/…`. Default: `text/plain`. */
  readonly mediaType?: string | undefined;
}

const TEXT = { pattern: /^text\/[a-z0-9!#$&^_.+-]{1,100}$/, says: "a media type of text in lower case" };

/**
 * Makes a codec of texts in UTF-8: of messages that are strings, or that have one field which is.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { limitsOf } from "servicekit/transport";
 * import { textCodec } from "servicekit/transport/http";
 * import { shapeOf } from "servicekit/contract";
 * import { z } from "zod";
 *
 * const csv = textCodec({ mediaType: "text/csv", field: "rows" });
 * csv.reader(shapeOf(z.object({ rows: z.string() })), limitsOf())("a,b"); // => { rows: "a,b" }
 * ```
 */
export function textCodec(options: TextCodecOptions = {}): Codec {
  checkNames("textCodec", options, ["field", "mediaType"]);
  const { field, mediaType = "text/plain" } = options;
  checkString("mediaType", mediaType, TEXT);
  if (field !== undefined) checkString("field", field);
  return {
    mediaType,
    contentType: `${mediaType}; charset=utf-8`,
    form: "text",
    reader() {
      return field === undefined ? (body) => body : (body) => ({ [field]: body });
    },
    writer(_shape, where, reason = "invalid_response") {
      return function writeText(value) {
        const text = field === undefined ? value : (value as Record<string, unknown> | null | undefined)?.[field];
        if (typeof text === "string") return text;
        const what = field === undefined ? where : `${where}.${field}`;
        throw policyError(reason, { cause: new TypeError(`${what} should be a string to be written as text`) });
      };
    },
  };
}

/**
 * The codec of plain text, `text/plain`, for messages that are strings.
 *
 * @example
 * ```ts
 * import { text } from "servicekit/transport/http";
 *
 * text.contentType; // => "text/plain; charset=utf-8"
 * ```
 */
export const text: Codec = textCodec();
