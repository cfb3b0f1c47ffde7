/**
 * Messages as hooks see them, and bodies as codecs want them.
 *
 * @module
 */
import type { Msg } from "@nats-io/transport-node";
import { shown } from "../../internal/check.ts";
import type { Codec } from "../codec.ts";
import { bufferOf, textOf } from "../text.ts";
import { isOwnHeader } from "./frame.ts";
import { checkHeader, type NatsHeaders } from "./headers.ts";

/** A message that came, as a hook sees it: a request on a server, an answer on a client. */
export interface NatsMessage {
  readonly subject: string;
  /** Where an answer goes; "" when nobody waits for one. */
  readonly reply: string;
  readonly data: Uint8Array;
  /** A header by its name, in any case; of several the first. */
  header(name: string): string | undefined;
}

/** A message about to be published, as a hook sees it: an answer on a server, a request on a client. */
export interface NatsDraft {
  /** A text or bytes. */
  data: string | Uint8Array;
  /** Sets or replaces a header; undefined takes it out. */
  header(name: string, value: string | undefined): void;
}

/** What came, for hooks. */
export class MessageView implements NatsMessage {
  readonly #msg: Msg;
  readonly #headers: NatsHeaders | undefined;

  constructor(msg: Msg, headers: NatsHeaders | undefined) {
    this.#msg = msg;
    this.#headers = headers;
  }

  get subject(): string {
    return this.#msg.subject;
  }

  get reply(): string {
    return this.#msg.reply ?? "";
  }

  get data(): Uint8Array {
    return this.#msg.data;
  }

  header(name: string): string | undefined {
    return this.#headers?.get(name);
  }
}

/** What goes out, for hooks: data, and headers as names and values in turn. */
export class Draft implements NatsDraft {
  data: string | Uint8Array;
  readonly headers: string[];

  constructor(data: string | Uint8Array, headers: string[]) {
    this.data = data;
    this.headers = headers;
  }

  header(name: string, value: string | undefined): void {
    if (value !== undefined) checkHeader(name, value);
    const lower = name.toLowerCase();
    const { headers } = this;
    for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i]!.toLowerCase() === lower) headers.splice(i, 2);
    if (value !== undefined) headers.push(name, value);
  }

  /** Adds metadata, but for names that are NATS' own and those that stand there: what a hook sets goes before it. */
  add(metadata: Iterable<readonly [string, string]>): void {
    for (const [name, value] of metadata) {
      const isThere = this.headers.some((one, i) => i % 2 === 0 && one.toLowerCase() === name);
      if (!isThere && !isOwnHeader(name)) this.headers.push(name, value);
    }
  }

  /** Its bytes, whatever a hook has put there. */
  get bytes(): Uint8Array {
    const data: unknown = this.data;
    if (data instanceof Uint8Array) return data;
    if (typeof data === "string") return Buffer.from(data);
    throw new TypeError(`data should be a text or bytes, got ${shown(data)}`);
  }
}

/** A body as a codec reads it. */
export function bodyOf(codec: Codec, data: Uint8Array): string | Uint8Array {
  return codec.form === "bytes" ? data : textOf(data);
}

/** What a codec wrote, as bytes. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? bufferOf(body) : body;
}
