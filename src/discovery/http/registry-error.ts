/**
 * What went wrong between this process and a registry, as an error that may be logged: nothing of a password, a token or
 * a query is in it.
 *
 * @module
 */

/** What is known of a failure. */
export interface RegistryErrorOptions {
  /** The status of the answer. Default: undefined, no answer came. */
  readonly status?: number | undefined;
  /** The start of the answer's body. Default: "". */
  readonly excerpt?: string | undefined;
  /** What lies behind it. Default: nothing. */
  readonly cause?: unknown;
}

/**
 * Thrown when a registry cannot be asked, or answers with a status from 300 on. Its message names the method, the server
 * and what happened.
 *
 * @example
 * ```ts
 * import { RegistryError } from "servicekit/discovery/http";
 *
 * const error = new RegistryError("GET http://10.0.0.1:8500/v1/x: 500", { status: 500, excerpt: "No cluster leader" });
 * error.status; // => 500
 * ```
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  /** The status of the answer; undefined when none came. */
  readonly status: number | undefined;
  /** The start of the answer's body, in printable characters; "" when there was none. */
  readonly excerpt: string;

  constructor(message: string, options: RegistryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    this.excerpt = options.excerpt ?? "";
  }
}

/** The first 200 characters of a body, on one line. */
export function excerptOf(body: string): string {
  const text = body
    .slice(0, 400)
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim();
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
