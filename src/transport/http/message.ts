/**
 * A request and a reply as hooks, codecs and the low door see them: small views, made only for those who look.
 *
 * @module
 */
import { checkNumber, shown } from "../../internal/check.ts";
import { REQUEST_ID } from "../names.ts";
import { pathOf } from "./router.ts";

/** An HTTP request as a hook sees it. */
export interface HttpRequest {
  /** The request method, e.g. "POST". */
  readonly verb: string;
  /** The path as it was sent, still percent-encoded, without the query. */
  readonly path: string;
  /** The parameters of the query; repeated names keep their order. */
  readonly query: URLSearchParams;
  /** A header's value, name in any case; repeated headers joined by ", ". Not to be taken off the request. */
  header(this: HttpRequest, name: string): string | undefined;
}

/** An HTTP reply as a hook sees it. */
export interface HttpReply {
  /** 200 to 599. */
  status: number;
  body: string | Uint8Array;
  /** Sets or replaces a header, name in any case. */
  header(this: HttpReply, name: string, value: string): void;
  /** Adds to a header: a line of its own for `set-cookie`, which must never be joined; for any other a part of its list. */
  append(this: HttpReply, name: string, value: string): void;
}

/** Headers as every platform gives them: names in lower case, repeated ones joined or listed as node has them. */
export interface HttpHeaders {
  readonly accept?: string | undefined;
  readonly "accept-encoding"?: string | undefined;
  readonly "content-encoding"?: string | undefined;
  readonly "content-type"?: string | undefined;
  readonly [name: string]: string | string[] | undefined;
}

/** What a view is made of. */
export interface Head {
  readonly verb: string;
  readonly url: string;
  readonly headers: HttpHeaders;
}

/** The view of a request's head. */
export class RequestView implements HttpRequest {
  readonly verb: string;
  readonly path: string;
  readonly #search: string;
  readonly #headers: HttpHeaders;
  #query: URLSearchParams | undefined = undefined;

  constructor({ verb, url, headers }: Head) {
    const mark = url.indexOf("?");
    this.verb = verb;
    this.path = pathOf(url);
    this.#search = mark < 0 ? "" : url.slice(mark + 1);
    this.#headers = headers;
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.#search));
  }

  header(name: string): string | undefined {
    const value = this.#headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : typeof value === "string" ? value : undefined;
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Headers that frame the message: the transport's own, never a hook's or a handler's. */
export const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What a handler cannot set by `context.reply`: it would stand twice. A hook can set the last two. */
export const RESERVED: ReadonlySet<string> = new Set([...FRAMING, REQUEST_ID, "content-type"]);

/** A reply under construction. */
export class ReplyDraft implements HttpReply {
  status: number;
  body: string | Uint8Array;
  readonly headers: Map<string, string> = new Map();
  /** The lines of `set-cookie`. */
  cookies: string[] | undefined = undefined;

  constructor(status: number, contentType: string | undefined, body: string | Uint8Array) {
    this.status = status;
    this.body = body;
    if (contentType !== undefined) this.headers.set("content-type", contentType);
  }

  header(name: string, value: string): void {
    const lower = checked(name, value);
    if (lower === "set-cookie") this.cookies = [value];
    else this.headers.set(lower, value);
  }

  append(name: string, value: string): void {
    const lower = checked(name, value);
    if (lower === "set-cookie") return void (this.cookies ??= []).push(value);
    const before = this.headers.get(lower);
    this.headers.set(lower, before === undefined ? value : `${before}, ${value}`);
  }

  /**
   * Whether it can be sent: a hook may have set anything.
   *
   * @throws {RangeError | TypeError} when the status or the body cannot.
   */
  check(): void {
    checkNumber("a reply's status", this.status, { min: 200, max: 599, integer: true });
    const body: unknown = this.body;
    if (typeof body !== "string" && !(body instanceof Uint8Array))
      throw new TypeError(`a reply's body should be a string or bytes, got ${shown(body)}`);
  }
}

/** The name of a reply's header in lower case, when it and the value can be sent. */
function checked(name: string, value: string): string {
  const lower = name.toLowerCase();
  if (!TOKEN.test(lower) || FRAMING.has(lower)) {
    throw new RangeError(`a reply's header should be a token and not one that frames the message, got ${shown(name)}`);
  }
  if (!isFieldValue(value))
    throw new RangeError(`header ${lower} should have no control characters, got ${shown(value)}`);
  return lower;
}

// RFC 9110 §5.5: visible characters, space, tab and the octets above 0x7f that Node can write as latin1.
function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}
