/**
 * An answer as hooks and decoders of a client see it.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Carrier } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { parseJson } from "../json/parse.ts";
import type { Limits } from "../limits.ts";
import { decodeProblem, retryAfterOf } from "./problem.ts";

/** An HTTP answer as a hook sees it. */
export interface HttpClientResponse {
  readonly status: number;
  /** The body, decompressed; undefined when it is empty. */
  readonly body: Uint8Array | undefined;
  /** A header's value, name in any case; repeated headers joined by ", ". */
  header(this: HttpClientResponse, name: string): string | undefined;
  /** The lines of `set-cookie`, one for each cookie. */
  readonly cookies: readonly string[];
  /**
   * The body as text, "" when it is empty.
   *
   * @throws {ServiceError} invalid_response when it is not UTF-8.
   */
  text(this: HttpClientResponse): string;
  /**
   * The body as JSON, within the limits; undefined when it is empty.
   *
   * @throws {ServiceError} invalid_response when it is not JSON.
   */
  json(this: HttpClientResponse): unknown;
}

/** The headers of an answer as metadata. */
export class ResponseHeaders implements Carrier {
  readonly #headers: IncomingMessage["headers"];

  constructor(headers: IncomingMessage["headers"]) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    const value: unknown = this.#headers[name] ?? this.#headers[name.toLowerCase()];
    // Not every value is a text: "constructor" is a name that every object has.
    return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : undefined;
  }

  get cookies(): readonly string[] {
    return this.#headers["set-cookie"] ?? [];
  }
}

/** The view of node's own message and its body. */
export class ResponseView implements HttpClientResponse {
  readonly status: number;
  readonly body: Buffer | undefined;
  readonly #headers: ResponseHeaders;
  readonly #limits: Limits;

  constructor(message: IncomingMessage, body: Buffer | undefined, limits: Limits) {
    this.status = message.statusCode!;
    this.body = body;
    this.#headers = new ResponseHeaders(message.headers);
    this.#limits = limits;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  get cookies(): readonly string[] {
    return this.#headers.cookies;
  }

  text(): string {
    return this.body === undefined ? "" : answerText(this.body);
  }

  json(): unknown {
    return this.body === undefined ? undefined : answerJson(this.body, this.#limits);
  }
}

/** An answer's body as text. */
export function answerText(body: Buffer): string {
  if (!isUtf8(body)) throw policyError("invalid_response", { message: "the answer is not UTF-8" });
  return body.toString("utf8");
}

/** An answer's body as JSON. */
function answerJson(body: Buffer, limits: Limits): unknown {
  const text = answerText(body);
  try {
    return parseJson(text, limits);
  } catch (error) {
    throw policyError("invalid_response", { message: "the answer is not JSON", cause: error });
  }
}

/** Whether a content type is `mediaType`, with or without parameters, or, for JSON, one built on it (RFC 6839 §3.1). */
export function isMediaType(contentType: string | undefined, mediaType: string): boolean {
  if (contentType === mediaType) return true;
  if (contentType === undefined) return false;
  const end = contentType.indexOf(";");
  const given = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return given === mediaType || (mediaType === "application/json" && given.endsWith("+json"));
}

/** The error that an answer which is no success stands for. */
export function refusalOf(
  message: IncomingMessage,
  body: Buffer | undefined,
  context: { limits: Limits; dateMs: number },
): ServiceError {
  const status = message.statusCode!;
  const { headers } = message;
  if (status < 400) {
    if (status === 304) return policyError("not_modified");
    // Followed, it could lead a request with its credentials to anybody.
    const text = status >= 300 ? "a redirect, which is not followed" : "which was not expected";
    return policyError("invalid_response", { message: `the peer answered ${status}, ${text}` });
  }
  let problem: unknown;
  if (body !== undefined && isMediaType(headers["content-type"], "application/json")) {
    try {
      problem = answerJson(body, context.limits);
    } catch {
      // The status alone says what happened; a peer that fails may well fail to write JSON.
    }
  }
  return decodeProblem(status, problem, retryAfterOf(headers["retry-after"], context.dateMs));
}
