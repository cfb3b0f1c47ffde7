/**
 * A request and a reply as hooks, codecs and the low door see them: small views, made only for those who look.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
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
  /** A header's value, name in any case; repeated headers joined by ", ". */
  header(name: string): string | undefined;
}

/** An HTTP reply as a hook sees it. */
export interface HttpReply {
  /** 200 to 599. */
  status: number;
  body: string | Uint8Array;
  /** Sets or replaces a header, name in any case. */
  header(name: string, value: string): void;
}

/** What a view is made of. */
export interface Head {
  readonly verb: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** The view of a request's head. */
export class RequestView implements HttpRequest {
  readonly verb: string;
  readonly path: string;
  readonly #search: string;
  readonly #headers: IncomingHttpHeaders;
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

  constructor(status: number, contentType: string | undefined, body: string | Uint8Array) {
    this.status = status;
    this.body = body;
    if (contentType !== undefined) this.headers.set("content-type", contentType);
  }

  header(name: string, value: string): void {
    const lower = name.toLowerCase();
    if (!TOKEN.test(lower) || FRAMING.has(lower)) {
      throw new RangeError(
        `a reply's header should be a token and not one that frames the message, got ${shown(name)}`,
      );
    }
    if (!isFieldValue(value))
      throw new RangeError(`header ${lower} should have no control characters, got ${shown(value)}`);
    this.headers.set(lower, value);
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

// RFC 9110 §5.5: visible characters, space, tab and the octets above 0x7f that Node can write as latin1.
function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}
