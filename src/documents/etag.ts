/**
 * Answers that a browser may keep and ask about again.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { HttpRequest } from "../transport/http/message.ts";
import type { PlainAnswer } from "../transport/http/page.ts";

/** Something served under one address. */
export interface Resource {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Whether its address changes when it does; then nobody need ask again. Default: false. */
  readonly isVersioned?: boolean | undefined;
  /** Further headers, names and values in turn. Default: none. */
  readonly headers?: readonly string[] | undefined;
}

/** Makes the function that answers with a resource, or says that what the caller has is still it (RFC 9110 §13.1.2). */
export function resourceAnswer({
  contentType,
  body,
  isVersioned = false,
  headers = [],
}: Resource): (request: HttpRequest) => PlainAnswer {
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
  const control = isVersioned ? "public, max-age=31536000, immutable" : "no-cache";
  const kept = ["etag", tag, "cache-control", control, ...headers];
  const whole: PlainAnswer = {
    status: 200,
    headers: ["content-type", contentType, "x-content-type-options", "nosniff", ...kept],
    body,
  };
  const same: PlainAnswer = { status: 304, headers: kept };
  return function answer(request) {
    return has(request.header("if-none-match"), tag) ? same : whole;
  };
}

function has(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header === "*" || header.split(",", 64).some((one) => one.trim().replace(/^W\//, "") === tag);
}
