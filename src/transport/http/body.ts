/**
 * Reading a request's body: bounded, UTF-8 checked, with 'data' and 'end' (`for await` costs 2.4 µs more).
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { connectionOf } from "./connection.ts";

/** How much of a body that was refused is read all the same, so that the connection can go on. */
const DISCARD_BYTES = 65_536;

/** How long a peer that goes on sending has to read the answer. */
const LINGER_MS = 1000;

/** Who waits for a body. */
export interface BodyReader {
  /** The whole body; undefined when it is empty. */
  arrived(body: Buffer | undefined): void;
  /** It is too large. */
  refused(error: ServiceError): void;
}

/** Where a body comes from: a message of node:http, a stream of node:http2. */
export interface BodySource {
  readonly headers: { readonly "content-length"?: string | undefined };
  on(event: "data", run: (chunk: Buffer) => void): unknown;
  on(event: "end", run: () => void): unknown;
}

/** Whether the declared length of a body is above the limit. */
export function isTooLong({ headers }: Pick<BodySource, "headers">, maxBytes: number): boolean {
  const declared = headers["content-length"];
  return declared !== undefined && Number(declared) > maxBytes;
}

/** A body being put together, within its limit. */
class Intake {
  readonly #maxBytes: number;
  readonly #reader: BodyReader;
  #first: Buffer | undefined = undefined;
  #whole: Buffer | undefined = undefined;
  #bytes = 0;

  constructor(maxBytes: number, reader: BodyReader) {
    this.#maxBytes = maxBytes;
    this.#reader = reader;
  }

  /** Takes a piece; returns how many bytes are too many by now. */
  add(chunk: Buffer): number {
    const before = this.#bytes;
    const bytes = (this.#bytes += chunk.length);
    if (bytes > this.#maxBytes) {
      if (before <= this.#maxBytes) this.#reader.refused(policyError("too_large"));
    } else if (this.#first === undefined) this.#first = chunk;
    else {
      this.#whole = withRoom(this.#whole ?? this.#first, bytes, this.#maxBytes);
      chunk.copy(this.#whole, before);
    }
    return bytes - this.#maxBytes;
  }

  end(): void {
    if (this.#bytes > this.#maxBytes) return;
    this.#reader.arrived(this.#whole === undefined ? this.#first : this.#whole.subarray(0, this.#bytes));
  }
}

/** Reads the body of `message`, at most `maxBytes`. A declared length above it is refused before a byte is read. */
export function readBody(message: BodySource, maxBytes: number, reader: BodyReader): void {
  if (isTooLong(message, maxBytes)) return reader.refused(policyError("too_large"));
  const intake = new Intake(maxBytes, reader);
  message.on("data", (chunk: Buffer) => void intake.add(chunk));
  message.on("end", () => intake.end());
}

const INTAKE: unique symbol = Symbol("intake") as never;

interface Taken extends IncomingMessage {
  [INTAKE]: Intake;
  _consumed: boolean;
  readonly _readableState: { endEmitted: boolean };
}

/**
 * The same for a message that is all ours and whose body has not begun to arrive: what node's parser pushes into the
 * stream is taken from it there, before it is queued, read again, and told of in later ticks. Falls back
 * to `readBody` for any other message.
 */
export function takeBody(message: IncomingMessage, maxBytes: number, reader: BodyReader): void {
  if (message.readableLength > 0 || message.complete) return readBody(message, maxBytes, reader);
  if (isTooLong(message, maxBytes)) return reader.refused(policyError("too_large"));
  const taken = message as Taken;
  taken[INTAKE] = new Intake(maxBytes, reader);
  taken.push = pushed;
  // Node would else read an answered request to its end by itself, through the stream.
  taken._consumed = true;
}

function pushed(this: Taken, chunk: Buffer | null): boolean {
  if (chunk === null) {
    // What node goes by when the peer ends its side: the request was read to its end.
    this._readableState.endEmitted = true;
    this[INTAKE].end();
  } else if (this[INTAKE].add(chunk) > DISCARD_BYTES) this.destroy();
  return true;
}

// A list of chunks would cost a hundred times the body where each of them is one byte.
function withRoom(buffer: Buffer, bytes: number, maxBytes: number): Buffer {
  if (bytes <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(4096, bytes * 2)));
  buffer.copy(larger);
  return larger;
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

/**
 * Leaves the rest of a refused request unread. The connection ends with the answer, but is closed only when the peer has had
 * time to read it: closing a socket with bytes unread resets it, and a reset may overtake the answer.
 */
export function discardBody(message: IncomingMessage): void {
  const { socket } = message;
  if (message.complete || socket.destroyed) return;
  const pause = (): void => {
    socket.pause();
    // A resume that was under way reads again although the stream is paused; this is what node itself listens to.
    socket.emit("pause");
  };
  pause();
  // Node itself reads on once the answer is written, to find the next request.
  socket.on("resume", pause);
  socket.destroySoon = function linger() {
    connectionOf(socket).isLeft = true;
    socket.end();
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  };
}

/** Reads and drops what a handler left of a short body, so that the connection can go on. */
export function dropRest(message: IncomingMessage): void {
  if (message.complete && message.readableEnded) return;
  message.removeAllListeners("readable");
  message.on("data", () => undefined);
  message.resume();
}

/** The same once the answer is written, of a body of any length: the connection ends with the answer if there is much. */
export function leaveRest(message: IncomingMessage, response: ServerResponse): void {
  if (!isUnread(message)) return dropRest(message);
  const { socket } = message;
  discardBody(message);
  response.once("finish", () => socket.destroySoon());
}

/** The body as text; an error when it is not UTF-8. */
export function textOf(body: Buffer): string {
  const text = body.toString("utf8");
  // What is not UTF-8 was replaced; only then is the slower check asked whether the sender wrote the mark himself.
  if (text.includes("\ufffd") && !isUtf8(body))
    throw policyError("malformed_message", { message: "the body is not UTF-8" });
  return text;
}
