/**
 * A request under construction: what hooks and encoders may set, and what stays the transport's own.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";
import type { ByteStream } from "../codec.ts";
import { setHeader } from "../outgoing.ts";
import { FRAMING } from "./message.ts";

/** A request as hooks and encoders of a client see it. */
export interface HttpClientRequest {
  readonly verb: string;
  /** Path and query as they are sent, percent-encoded. */
  path: string;
  /** "" for none. */
  body: string | Uint8Array;
  /** A body that is sent as it comes, in place of `body`; such a request is never sent twice. Default: none. */
  stream?: ByteStream | undefined;
  /**
   * Sets or replaces a header, name in any case.
   *
   * @throws {RangeError} when the name is the transport's own (`host`, `connection`, `content-length`, …), or name or
   * value hold what no header can.
   */
  header(this: HttpClientRequest, name: string, value: string): void;
}

/** Headers that say where a request goes, where it ends and how it is coded: never a caller's. */
const OWN: ReadonlySet<string> = new Set([...FRAMING, "host", "expect", "accept-encoding", "content-encoding"]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// RFC 9110 §5.5: no control characters but the tab; above U+00FF nothing that Node could write as one octet.
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** One request as it will be sent. Headers are a flat list, which Node writes as it stands. */
export class RequestDraft implements HttpClientRequest {
  readonly verb: string;
  path: string;
  body: string | Uint8Array = "";
  stream: ByteStream | undefined = undefined;
  readonly headers: string[];

  constructor(verb: string, path: string, headers: readonly string[]) {
    this.verb = verb;
    this.path = path;
    this.headers = headers.slice();
  }

  header(name: string, value: string): void {
    const lower = name.toLowerCase();
    checkHeader(lower, value);
    setHeader(this.headers, lower, value);
  }
}

/**
 * How many bytes the body has: undefined when nobody knows. The type of a stream goes in place of the usual one.
 *
 * @throws {RangeError} when that type is none.
 */
export function framed(draft: RequestDraft): number | undefined {
  const { body, stream } = draft;
  if (stream === undefined) return typeof body === "string" ? Buffer.byteLength(body) : body.length;
  if (stream.contentType !== undefined) draft.header("content-type", stream.contentType);
  return stream.byteLength;
}

/** Whether a header is the transport's own; `name` in lower case. */
export function isOwnHeader(name: string): boolean {
  return OWN.has(name);
}

/** Checks a header a user gives; `name` in lower case. */
function checkHeader(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new RangeError(`a header's name should be a token, got ${shown(name)}`);
  if (isOwnHeader(name)) throw new RangeError(`a header should not be one of the transport's own, got ${shown(name)}`);
  // The value may be a secret: it is not shown.
  if (typeof value !== "string" || !FIELD_VALUE.test(value)) {
    throw new RangeError(`header ${name} should be a text without control characters, got another`);
  }
}

/** Headers that go with every request, checked, as a flat list with names in lower case. */
export function constantHeaders(
  own: readonly string[],
  given: Readonly<Record<string, string>> = {},
): readonly string[] {
  const headers = own.slice();
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase();
    checkHeader(lower, value);
    setHeader(headers, lower, value);
  }
  return headers;
}
