/**
 * Writes multipart bodies (RFC 7578) piece by piece.
 *
 * @module
 */
import { hex } from "../../internal/random.ts";
import { checkString, shown } from "../../internal/check.ts";
import type { ByteStream } from "../codec.ts";

/** One part as a sender gives it. */
export interface PartInit {
  /** The name of the form's field. */
  readonly name: string;
  /** What the file is called. Default: none, it is a field. */
  readonly filename?: string | undefined;
  /** Default: none for a field, which means text; `application/octet-stream` for a file. */
  readonly contentType?: string | undefined;
  /** Text, bytes, or a stream of them, which is read once. */
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** The parts of one body as a sender gives them. */
export type PartsInit = Iterable<PartInit> | AsyncIterable<PartInit>;

const UTF8 = new TextEncoder();
const TYPE = { pattern: /^[\t\x20-\x7e]{1,200}$/, says: "a media type" };

/** A body of these parts, with a boundary that nobody can have known before. */
export function writeParts(parts: PartsInit): ByteStream {
  const boundary = `servicekit-${hex(16)}`;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      yield UTF8.encode(`--${boundary}\r\n${headOf(part)}\r\n`);
      yield* contentOf(part.content);
      yield UTF8.encode("\r\n");
    }
    yield UTF8.encode(`--${boundary}--\r\n`);
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, [Symbol.asyncIterator]: pieces };
}

function headOf({ name, filename, contentType }: PartInit): string {
  const file = filename === undefined ? "" : `; filename="${escaped("filename", filename)}"`;
  const type = contentType ?? (filename === undefined ? undefined : "application/octet-stream");
  const typeLine = type === undefined ? "" : `Content-Type: ${checkString("contentType", type, TYPE)}\r\n`;
  return `Content-Disposition: form-data; name="${escaped("name", name)}"${file}\r\n${typeLine}`;
}

// As browsers do (WHATWG HTML §4.10.21.8).
function escaped(what: string, text: unknown): string {
  if (typeof text !== "string") throw new TypeError(`the ${what} of a part should be a string, got ${shown(text)}`);
  return text.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

async function* contentOf(content: unknown): AsyncGenerator<Uint8Array> {
  if (typeof content === "string") yield UTF8.encode(content);
  else if (content instanceof Uint8Array) yield content;
  else if (typeof (content as Partial<ByteStream> | undefined)?.[Symbol.asyncIterator] === "function")
    yield* content as AsyncIterable<Uint8Array>;
  else throw new TypeError(`the content of a part should be text, bytes or a stream, got ${shown(content)}`);
}
