/**
 * Cookies for handlers, which know no HTTP (RFC 6265, and its successor's prefixes, SameSite and Partitioned): reading
 * those of the request, and setting those of the answer. Nothing here signs or encrypts: a cookie is what its sender says.
 *
 * @module
 */
import type { Context } from "../../endpoint/index.ts";
import { checkNames, checkNumber, checkOneOf, checkString, shown } from "../../internal/check.ts";

/** Where a cookie is valid. */
export interface CookiePlace {
  /** Below which path it is sent back. Default: "/", everywhere: paths keep nobody out. */
  readonly path?: string | undefined;
  /** Of which host and everything below. Default: none, this host alone. */
  readonly domain?: string | undefined;
  /** Whether it is sent over TLS only; browsers count localhost as such. Default: true. */
  readonly secure?: boolean | undefined;
  /** Whether each site that embeds this one gets a jar of its own. Default: false. */
  readonly partitioned?: boolean | undefined;
}

/** What a cookie may be told beside its value. */
export interface CookieOptions extends CookiePlace {
  /** How long it is kept, up to 400 days, which is what browsers allow. Default: until the browser closes. */
  readonly maxAgeMs?: number | undefined;
  /** Until when it is kept; `maxAgeMs` goes first. Default: until the browser closes. */
  readonly expires?: Date | undefined;
  /** Whether scripts of the page cannot read it. Default: true: what they cannot read, no injected script can take. */
  readonly httpOnly?: boolean | undefined;
  /** Whether it comes along from other sites: never, when a link is followed, always. Default: "lax". */
  readonly sameSite?: "strict" | "lax" | "none" | undefined;
}

/* oxlint-disable max-params -- a cookie is a name and a value; the fourth parameter is what may be left out */

const DAYS_400_MS = 400 * 86_400_000;

/** RFC 6265bis §5.6: a browser drops a cookie whose name and value are longer. */
const MAX_CHARS = 4096;
const MAX_ATTRIBUTE_CHARS = 1024;

const NAME = { pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, says: "a token" };
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
const PATH = { pattern: /^\/[\x20-\x3a\x3c-\x7e]*$/, says: 'a path that begins with "/" and has no ";"' };
const DOMAIN = {
  pattern: /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
  says: "the name of a host in lower case",
};
const PLACE = ["path", "domain", "secure", "partitioned"];
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/**
 * The value of a cookie that came with the call, as it was sent; undefined when there is none of that name. Of several with
 * one name the first counts, which browsers make the most exact. Anybody can send any cookie: check what it says.
 *
 * @example
 * ```ts
 * import { ActiveCall } from "servicekit/endpoint";
 * import { cookie } from "servicekit/transport/http";
 *
 * const sum = { service: "add", name: "sum", kind: "unary", side: "server", idempotent: true, errors: [], timeoutMs: 3000 } as const;
 * const incoming = { get: (name: string) => (name === "cookie" ? "theme=dark; session=s1" : undefined) };
 * cookie(new ActiveCall(sum, { startMs: 0, timeoutMs: 50, incoming }).context, "session"); // => "s1"
 * ```
 */
export function cookie(context: Context, name: string): string | undefined {
  const header = context.metadata("cookie");
  if (header === undefined) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

/**
 * Sends a cookie with the answer, in a `Set-Cookie` line of its own; also when the answer is an error. A value of other
 * characters than a cookie may have goes through `encodeURIComponent` first.
 *
 * @throws {RangeError} when name, value or an option is wrong, when a `__Host-` or `__Secure-` name promises what the
 * options do not, or the cookie is longer than a browser takes (4096 characters).
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { setCookie } from "servicekit/transport/http";
 *
 * const context = backgroundContext();
 * setCookie(context, "__Host-session", "s1", { maxAgeMs: 3_600_000 });
 * context.reply.get("set-cookie"); // => "__Host-session=s1; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax"
 * ```
 */
export function setCookie(context: Context, name: string, value: string, options: CookieOptions = {}): void {
  context.reply.append("set-cookie", line(name, value, options));
}

/**
 * Tells the browser to forget a cookie. It must be named with the place it was set with.
 *
 * @throws {RangeError} when name or place is wrong.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { deleteCookie } from "servicekit/transport/http";
 *
 * const context = backgroundContext();
 * deleteCookie(context, "theme", { path: "/shop" });
 * context.reply.get("set-cookie")?.startsWith("theme=; Max-Age=0; Expires=Thu, 01 Jan 1970"); // => true
 * ```
 */
export function deleteCookie(context: Context, name: string, place: CookiePlace = {}): void {
  checkNames("deleteCookie", place, PLACE);
  context.reply.append("set-cookie", line(name, "", { ...place, maxAgeMs: 0, expires: new Date(0) }));
}

function line(name: string, value: string, options: CookieOptions): string {
  checkNames("setCookie", options, [...PLACE, "maxAgeMs", "expires", "httpOnly", "sameSite"]);
  const { path = "/", domain, maxAgeMs, expires, sameSite = "lax" } = options;
  const [secure, httpOnly] = [flag("secure", options.secure, true), flag("httpOnly", options.httpOnly, true)];
  const partitioned = flag("partitioned", options.partitioned, false);
  checkString("a cookie's name", name, NAME);
  // The value may be a secret: it is not shown.
  if (typeof value !== "string" || !VALUE.test(value))
    throw new RangeError(
      `the value of cookie ${name} should have visible ASCII without quotes, commas, semicolons and backslashes`,
    );
  if (name.length + value.length > MAX_CHARS)
    throw new RangeError(
      `cookie ${name} should have at most ${MAX_CHARS} characters, got ${name.length + value.length}`,
    );
  checkString("path", path, PATH);
  if (path.length > MAX_ATTRIBUTE_CHARS)
    throw new RangeError(`path should have at most ${MAX_ATTRIBUTE_CHARS} characters, got ${path.length}`);
  if (domain !== undefined) checkString("domain", domain, DOMAIN);
  checkOneOf("sameSite", sameSite, ["strict", "lax", "none"]);
  checkPromises(name, { path, domain, secure, sameSite, partitioned });
  let text = `${name}=${value}`;
  if (maxAgeMs !== undefined)
    text += `; Max-Age=${Math.ceil(checkNumber("maxAgeMs", maxAgeMs, { min: 0, max: DAYS_400_MS }) / 1000)}`;
  if (expires !== undefined) text += `; Expires=${dateOf(expires)}`;
  if (domain !== undefined) text += `; Domain=${domain}`;
  text += `; Path=${path}`;
  if (httpOnly) text += "; HttpOnly";
  if (secure) text += "; Secure";
  text += `; SameSite=${SAME_SITE[sameSite]}`;
  return partitioned ? `${text}; Partitioned` : text;
}

// What a browser drops without a word.
function checkPromises(name: string, { path, domain, secure, sameSite, partitioned }: CookieOptions): void {
  const prefix = /^__(?:Host|Secure)-/i.exec(name)?.[0].toLowerCase();
  const because = prefix !== undefined ? `named ${name}` : sameSite === "none" ? "sameSite none" : "partitioned";
  if (!secure! && (prefix !== undefined || sameSite === "none" || partitioned!))
    throw new RangeError(`secure should be true for a cookie ${because}, got false`);
  if (prefix === "__host-" && (path !== "/" || domain !== undefined))
    throw new RangeError(`a cookie named ${name} should have the path "/" and no domain, got ${shown(domain ?? path)}`);
}

function dateOf(expires: Date): string {
  const isDate = expires instanceof Date && !Number.isNaN(expires.getTime());
  const year = isDate ? expires.getUTCFullYear() : 0;
  // Four digits are all the format has.
  if (year >= 1601 && year <= 9999) return expires.toUTCString();
  throw new RangeError(`expires should be a date from 1601 to 9999, got ${String(expires)}`);
}

function flag(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === "boolean") return value;
  throw new TypeError(`${name} should be true or false, got ${shown(value)}`);
}
