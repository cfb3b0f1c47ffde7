/**
 * Whether the condition of a request for something that is there holds (RFC 9110 §13).
 *
 * @module
 */
import { parseTags, type EntityTag } from "./entity-tag.ts";
import type { HttpHeaders } from "./message.ts";

/** What an answer is recognised by. */
export interface Validators {
  /** With its quotes. */
  readonly etag: string | undefined;
  /** In milliseconds since 1970. */
  readonly modifiedMs: number | undefined;
}

/** What the condition comes to: none or one that holds, the caller has it already, or he meant another version. */
export type Verdict = "holds" | "not modified" | "failed";

/** Evaluates the conditions of a GET or HEAD, in the order of RFC 9110 §13.2.2. */
export function verdictOf(headers: HttpHeaders, validators: Validators): Verdict {
  const { "if-match": match, "if-none-match": noneMatch } = headers;
  if (typeof match === "string") {
    if (!hasTag(match, validators.etag, false)) return "failed";
  } else if (isAfter(validators, headers["if-unmodified-since"]) === true) return "failed";
  if (typeof noneMatch === "string") return hasTag(noneMatch, validators.etag, true) ? "not modified" : "holds";
  return isAfter(validators, headers["if-modified-since"]) === false ? "not modified" : "holds";
}

// What is no list of tags names none.
function hasTag(header: string, etag: string | undefined, takesWeak: boolean): boolean {
  const tags = parseTags(header);
  if (tags === "*") return true;
  if (tags === undefined || etag === undefined) return false;
  const own = parseTags(etag) as readonly EntityTag[] | undefined;
  if (own === undefined || (own[0]!.isWeak && !takesWeak)) return false;
  return tags.some(({ isWeak, opaque }) => opaque === own[0]!.opaque && (takesWeak || !isWeak));
}

// Undefined where there is nothing to compare. Headers tell whole seconds.
function isAfter({ modifiedMs }: Validators, header: string | string[] | undefined): boolean | undefined {
  if (modifiedMs === undefined || typeof header !== "string") return undefined;
  const dateMs = parseDate(header);
  return dateMs === undefined ? undefined : Math.floor(modifiedMs / 1000) * 1000 > dateMs;
}

const DATE = /^[A-Z][a-z]{2,8},? /;

/** Reads a date of HTTP, in any of its three forms (RFC 9110 §5.6.7); undefined when it is none. */
export function parseDate(text: string): number | undefined {
  if (text.length > 40 || !DATE.test(text)) return undefined;
  const ms = Date.parse(text.endsWith(" GMT") ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}
