/**
 * Header blocks of NATS messages, written and read without the package's own, which checks every name letter by letter and
 * costs about as much as the rest of a message.
 *
 * @module
 */
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { Carrier } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { shown } from "../../internal/check.ts";
import type { Limits } from "../limits.ts";

const VERSION = "NATS/1.0";

/** What NATS answers when nobody listens at a subject. */
export const NO_RESPONDERS = 503;

// All that publishing asks of headers is their bytes.
class HeaderBlock {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  encode(): Uint8Array {
    return this.#bytes;
  }
}

/**
 * The headers of a message to be published, from names and values in turn.
 *
 * @param encoding "latin1" is quicker, where all is ASCII.
 */
export function writeHeaders(list: readonly string[], encoding: "utf8" | "latin1" = "utf8"): MsgHdrs {
  let text = `${VERSION}\r\n`;
  for (let i = 0; i < list.length; i += 2) text += `${list[i]}: ${list[i + 1]}\r\n`;
  return new HeaderBlock(Buffer.from(`${text}\r\n`, encoding)) as unknown as MsgHdrs;
}

const NAME = /^[!#-9;-~]{1,128}$/;
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * Checks a header that somebody's function set.
 *
 * @throws {RangeError} when it would break the message.
 */
export function checkHeader(name: string, value: string): void {
  if (typeof name !== "string" || !NAME.test(name))
    throw new RangeError(`a header's name should be visible ASCII without a colon, got ${shown(name)}`);
  if (typeof value !== "string" || CONTROL.test(value))
    throw new RangeError(`header ${name} should be text without control characters, got ${shown(value)}`);
}

/**
 * NATS ends the connection of who sends a message larger than it takes, headers and data together.
 *
 * @param headers what `writeHeaders` gave.
 * @throws {ServiceError} too_large when it would.
 */
export function checkSize({ info }: NatsConnection, data: Uint8Array, headers: MsgHdrs | undefined): void {
  const max = info?.max_payload;
  if (max === undefined) return;
  const bytes = headers === undefined ? data.length : data.length + (headers as unknown as HeaderBlock).encode().length;
  if (bytes > max)
    throw policyError("too_large", { message: `the message is larger than the ${max} bytes that NATS takes` });
}

/** A text as a header's value: on one line, and no longer than 512 characters. */
export function headerText(text: string): string {
  return text.slice(0, 512).replace(/[\x00-\x1f\x7f]+/g, " ");
}

/** The headers of a message that came. */
export class NatsHeaders implements Carrier {
  /** NATS' own status, e.g. 503 when nobody listens; 0 when there is none. */
  readonly status: number;
  /** Why the message cannot be taken; undefined when it can. */
  readonly fault: ServiceError | undefined;
  readonly #list: readonly string[];

  constructor(status: number, list: readonly string[], fault: ServiceError | undefined) {
    this.status = status;
    this.#list = list;
    this.fault = fault;
  }

  get(name: string): string | undefined {
    const list = this.#list;
    const lower = name.toLowerCase();
    for (let i = 0; i < list.length; i += 2) if (list[i] === lower) return list[i + 1];
    return undefined;
  }
}

/**
 * Reads the headers of a message; undefined when it has none. The package's messages tell their whole size, though its types
 * do not: what is neither name nor data is headers.
 *
 * @param nameBytes the bytes of its subject and reply subject together.
 */
export function readHeaders(msg: Msg, nameBytes: number, limits: Limits): NatsHeaders | undefined {
  const { data } = msg;
  const bytes = sizeOf(msg) - nameBytes - data.length;
  if (bytes === 0) return undefined;
  if (bytes > limits.maxHeaderBytes) return new NatsHeaders(0, [], policyError("too_many_headers"));
  // They stand in front of the data, in the same memory. Where they do not, the package is asked.
  if (bytes > 0 && data.byteOffset >= bytes) {
    const text = Buffer.from(data.buffer, data.byteOffset - bytes, bytes).toString("utf8");
    if (text.startsWith(VERSION)) return parseHeaders(text, limits);
  }
  return copied(msg.headers, limits);
}

/** The bytes of subject, reply subject, headers and data together, as the package counts them; 0 where it does not. */
export function sizeOf(msg: Msg): number {
  return (msg as Partial<{ size(): number }>).size?.() ?? 0;
}

/** Reads a block of headers. */
export function parseHeaders(text: string, limits: Limits): NatsHeaders {
  const list: string[] = [];
  let end = text.indexOf("\r\n");
  const status = end > VERSION.length ? Number.parseInt(text.slice(VERSION.length, end), 10) || 0 : 0;
  while (end >= 0) {
    const start = end + 2;
    end = text.indexOf("\r\n", start);
    if (end === start) return new NatsHeaders(status, list, undefined);
    if (list.length === limits.maxHeaders * 2) return new NatsHeaders(0, [], policyError("too_many_headers"));
    const colon = text.indexOf(":", start);
    if (end < 0 || colon <= start || colon > end) break;
    list.push(text.slice(start, colon).toLowerCase(), text.slice(colon + 1, end).trim());
  }
  return new NatsHeaders(status, list, policyError("malformed_message", { message: "the headers cannot be read" }));
}

function copied(headers: MsgHdrs | undefined, limits: Limits): NatsHeaders | undefined {
  if (headers === undefined) return undefined;
  const list: string[] = [];
  for (const [name, [value = ""]] of headers) list.push(name.toLowerCase(), value);
  const fault = list.length > limits.maxHeaders * 2 ? policyError("too_many_headers") : undefined;
  return new NatsHeaders(headers.code, list, fault);
}
