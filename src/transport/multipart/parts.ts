/**
 * The parts of an upload as a field of a request: how a contract declares them.
 *
 * @module
 */
import type { Schema, Validated } from "../../errors/index.ts";
import type { Part } from "./part.ts";
import type { PartsInit } from "./write.ts";

/** The parts of one upload, read once and in order. */
export class Parts implements AsyncIterable<Part> {
  readonly #parts: AsyncIterator<Part>;

  constructor(parts: AsyncIterator<Part>) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): AsyncIterator<Part> {
    return this.#parts;
  }
}

function validate(value: unknown): Validated<AsyncIterable<Part>> {
  return value instanceof Parts ? { value } : { issues: [{ message: "should be the parts of an upload" }] };
}

/**
 * The schema of the field `parts` of an upload: a handler reads an `AsyncIterable<Part>`, a client gives a list or stream of
 * `PartInit`.
 *
 * @example
 * ```ts
 * import { method } from "servicekit";
 * import { withFields } from "servicekit/transport";
 * import { partsSchema } from "servicekit/transport/multipart";
 * import { z } from "zod";
 *
 * const request = withFields(z.object({ album: z.string() }), { parts: partsSchema });
 * method({ request, response: z.object({ files: z.int() }) }).kind; // => "unary"
 * ```
 */
export const partsSchema: Schema<PartsInit, AsyncIterable<Part>> = {
  "~standard": {
    version: 1,
    vendor: "servicekit",
    validate,
    jsonSchema: { input: () => ({ type: "array", items: { type: "string", format: "binary" }, "x-stream": true }) },
  },
};
