/**
 * Reading the body of a web Request within its limit.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import type { ByteSource } from "../incoming-messages.ts";

/**
 * The whole body, undefined when it is empty. A declared length above the limit is refused before a byte is read, and an
 * undeclared one as soon as it is over.
 *
 * @throws {ServiceError} too_large; connection_lost when the peer went away in the middle.
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  const { body } = request;
  if (body === null) return undefined;
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > maxBytes) throw policyError("too_large");
  try {
    // The platform holds a body to its declared length, and takes it in one piece.
    const bytes = declared === null ? await gathered(body, maxBytes) : new Uint8Array(await request.arrayBuffer());
    return bytes.length === 0 ? undefined : bytes;
  } catch (cause) {
    if (cause === TOO_LARGE) throw policyError("too_large");
    throw policyError("malformed_message", { message: "the body ended before its end", cause });
  }
}

const TOO_LARGE = Symbol("too large");

async function gathered(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader();
  let bytes: Uint8Array = new Uint8Array(0);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, length);
    if (length + value.length > maxBytes) {
      // Not awaited: a peer that goes on sending must not hold the answer.
      reader.cancel().catch(() => undefined);
      throw TOO_LARGE as unknown as Error;
    }
    bytes = withRoom(bytes, length, length + value.length);
    bytes.set(value, length);
    length += value.length;
  }
}

function withRoom(bytes: Uint8Array, used: number, wanted: number): Uint8Array {
  if (wanted <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(wanted, bytes.length * 2, 1024));
  larger.set(bytes.subarray(0, used));
  return larger;
}

/** The pieces of a body, each read when it is asked for. */
export class BodySource implements ByteSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stopped: Error | undefined = undefined;

  constructor(body: ReadableStream<Uint8Array> | null) {
    this.#reader = body?.getReader();
  }

  async read(): Promise<Uint8Array | undefined> {
    this.#check();
    if (this.#reader === undefined) return undefined;
    try {
      const { done, value } = await this.#reader.read();
      this.#check();
      return done ? undefined : value;
    } catch (cause) {
      throw this.#stopped ?? policyError("connection_lost", { cause });
    }
  }

  #check(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  stop(reason: Error): void {
    this.#stopped ??= reason;
    // A read that waits ends with it.
    this.#reader?.cancel(reason).catch(() => undefined);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body as text. @throws {ServiceError} malformed_message when it is not UTF-8. */
export function textOf(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch (cause) {
    throw policyError("malformed_message", { message: "the body is not UTF-8", cause });
  }
}
