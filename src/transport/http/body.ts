/**
 * Reading a request's body: bounded, UTF-8 checked, with 'data' and 'end' (`for await` costs 2.4 µs more).
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { policyError, type ServiceError } from "../../errors/index.ts";

/** How much of a body that was refused is still read, so that the peer sees the answer rather than a reset. */
const DISCARD_BYTES = 65_536;

/** Who waits for a body. */
export interface BodyReader {
  /** The whole body; undefined when it is empty. */
  arrived(body: Buffer | undefined): void;
  /** It is too large. */
  refused(error: ServiceError): void;
}

/** Reads the body of `message`, at most `maxBytes`. A declared length above it is refused before a byte is read. */
export function readBody(message: IncomingMessage, maxBytes: number, reader: BodyReader): void {
  const declared = message.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return reader.refused(policyError("too_large"));
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      if (bytes - chunk.length <= maxBytes) reader.refused(policyError("too_large"));
    } else if (first === undefined) first = chunk;
    else (rest ??= [first]).push(chunk);
  });
  message.on("end", () => {
    if (bytes <= maxBytes) reader.arrived(rest === undefined ? first : Buffer.concat(rest, bytes));
  });
}

/**
 * Whether an answer now would leave too much of the request's body unread to go on with the connection. A short rest is
 * read and dropped by node itself.
 */
export function isUnread(message: IncomingMessage): boolean {
  if (message.complete) return false;
  const { "content-length": length, "transfer-encoding": encoding } = message.headers;
  return encoding !== undefined || (length !== undefined && Number(length) > DISCARD_BYTES);
}

/** Reads and drops what is left of a refused body; past a bound the socket is cut. */
export function discardBody(message: IncomingMessage): void {
  if (message.complete) return;
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DISCARD_BYTES) message.destroy();
  });
}

/** The body as text; an error when it is not UTF-8. */
export function textOf(body: Buffer): string {
  if (!isUtf8(body)) throw policyError("malformed_message", { message: "the body is not UTF-8" });
  return body.toString("utf8");
}
