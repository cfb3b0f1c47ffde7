/**
 * Cross-origin requests (WHATWG Fetch, "CORS protocol"): which pages of other origins may read answers. It keeps nobody
 * out: a request of any other program, and of a page that is not let in, is served as well, and only browsers look here.
 *
 * @module
 */
import { checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import type { HttpHeaders } from "./message.ts";
import type { PlainAnswer } from "./page.ts";

/** Who may call from a page, and what with. */
export interface CorsOptions {
  /**
   * Whose pages: "*" for all, a list of origins (`https://app.example`), an expression that the whole origin fits, or a
   * function; where it throws, nobody is let in.
   */
  readonly origins: "*" | readonly string[] | RegExp | ((origin: string) => boolean);
  /** Whether cookies and credentials may go along; not with "*". Default: false: what a page sends, it should mean to. */
  readonly credentials?: boolean | undefined;
  /** Headers a page may send. Default: whichever it asks for, since the server reads what it knows and no other. */
  readonly headers?: readonly string[] | undefined;
  /**
   * Headers of answers a page may read beside the usual ones. Default: those of this toolkit's own answers: `etag`,
   * `last-modified`, `link`, `location`, `retry-after`, `x-request-id`.
   */
  readonly exposes?: readonly string[] | undefined;
  /** How long a browser may go by what it was told, 0 to a day. Default: 10 min. */
  readonly maxAgeMs?: number | undefined;
  /** Verbs a page may use. Default: those that the path has. */
  readonly verbs?: readonly string[] | undefined;
  /** Whether pages of the public web may call a server in a private network. Default: false. */
  readonly privateNetwork?: boolean | undefined;
}

const DAY_MS = 86_400_000;
const ORIGIN = {
  pattern: /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,*A-Z]+$/,
  says: "an origin in lower case, without a path: https://app.example",
};
const NAME = { pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, says: "the name of a header" };
const VERB = { pattern: /^[A-Z]{1,32}$/, says: "a verb in upper case" };
const EXPOSED = ["etag", "last-modified", "link", "location", "retry-after", "x-request-id"];
const OPTIONS = ["origins", "credentials", "headers", "exposes", "maxAgeMs", "verbs", "privateNetwork"];
// What a browser writes: names in lower case with commas between.
const ASKED = /^[!#$%&'*+\-.^_`|~0-9A-Za-z, ]{1,4096}$/;

/** Checks who may call from a page; undefined for nobody. */
export function corsOf(options: CorsOptions | undefined): Cors | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null)
    throw new TypeError(`cors should be options, got ${shown(options)}`);
  checkNames("cors", options, OPTIONS);
  if (options.origins === "*" && options.credentials === true)
    throw new RangeError('cors: origins should be named where credentials go along, got "*"');
  for (const name of ["credentials", "privateNetwork"] as const) {
    const value: unknown = options[name] ?? false;
    if (typeof value !== "boolean") throw new TypeError(`cors: ${name} should be true or false, got ${shown(value)}`);
  }
  return new Cors(options);
}

/** The rules of one server. */
export class Cors {
  readonly #allows: ((origin: string) => boolean) | undefined;
  readonly #credentials: boolean;
  readonly #headers: string | undefined;
  readonly #exposes: string;
  readonly #seconds: string;
  readonly #verbs: readonly string[] | undefined;
  readonly #privateNetwork: boolean;

  constructor(options: CorsOptions) {
    const { headers, exposes = EXPOSED, maxAgeMs = 600_000, verbs } = options;
    this.#allows = allowsOf(options.origins);
    this.#credentials = options.credentials ?? false;
    this.#headers = headers && listed("headers", headers, NAME).join(", ");
    this.#exposes = listed("exposes", exposes, NAME).join(", ");
    this.#seconds = String(Math.floor(checkNumber("cors: maxAgeMs", maxAgeMs, { min: 0, max: DAY_MS }) / 1000));
    this.#verbs = verbs && listed("verbs", verbs, VERB);
    this.#privateNetwork = options.privateNetwork ?? false;
  }

  /** Adds to the headers of an answer what a browser looks for; `origin` is that of the request. */
  add(headers: string[], origin: string | string[] | undefined): void {
    if (!this.#admit(headers, origin)) return;
    if (this.#exposes !== "") headers.push("access-control-expose-headers", this.#exposes);
  }

  /** The same for an answer that is no call's. */
  dressed(answer: PlainAnswer, origin: string | string[] | undefined): PlainAnswer {
    const headers = [...answer.headers];
    this.add(headers, origin);
    return { ...answer, headers };
  }

  /** Answers a browser that asks before it sends; `allow` are the verbs of the path. */
  preflight(head: HttpHeaders, allow: readonly string[]): PlainAnswer {
    const headers = allow.length === 0 ? [] : ["allow", allow.join(", ")];
    const isAdmitted = this.#admit(headers, head["origin"]);
    const asked = head["access-control-request-headers"];
    if (this.#headers === undefined) vary(headers, "Access-Control-Request-Headers");
    if (isAdmitted) {
      headers.push("access-control-allow-methods", (this.#verbs ?? allow).join(", "));
      if (this.#headers !== undefined) headers.push("access-control-allow-headers", this.#headers);
      else if (typeof asked === "string" && ASKED.test(asked)) headers.push("access-control-allow-headers", asked);
      headers.push("access-control-max-age", this.#seconds);
      if (this.#privateNetwork && head["access-control-request-private-network"] === "true")
        headers.push("access-control-allow-private-network", "true");
    }
    return { status: 204, headers };
  }

  #admit(headers: string[], origin: string | string[] | undefined): boolean {
    if (this.#allows === undefined) {
      headers.push("access-control-allow-origin", "*");
      return true;
    }
    // Also where nobody is let in: a cache must not give that answer to another.
    vary(headers, "Origin");
    if (typeof origin !== "string" || !this.#allows(origin)) return false;
    headers.push("access-control-allow-origin", origin);
    if (this.#credentials) headers.push("access-control-allow-credentials", "true");
    return true;
  }
}

/** Whether a request is a browser's question whether it may send another. */
export function isPreflight(verb: string, headers: HttpHeaders): boolean {
  return (
    verb === "OPTIONS" && headers["origin"] !== undefined && headers["access-control-request-method"] !== undefined
  );
}

function allowsOf(origins: CorsOptions["origins"]): ((origin: string) => boolean) | undefined {
  if (origins === "*") return undefined;
  if (typeof origins === "function") return (origin) => isAllowed(origins, origin);
  if (origins instanceof RegExp) {
    // Half of an origin says nothing: /app\.example/ fits https://app.example.evil.example too.
    const whole = new RegExp(`^(?:${origins.source})$`, origins.flags.replace(/[gy]/g, ""));
    return (origin) => whole.test(origin);
  }
  const known = new Set(listed("origins", origins, ORIGIN));
  return (origin) => known.has(origin);
}

// It is asked while an answer is written, where nobody could be told of an error any more.
function isAllowed(origins: (origin: string) => boolean, origin: string): boolean {
  try {
    return origins(origin) === true;
  } catch {
    return false;
  }
}

function listed(
  name: string,
  list: readonly string[],
  rule: { readonly pattern: RegExp; readonly says: string },
): readonly string[] {
  if (!Array.isArray(list)) throw new TypeError(`cors: ${name} should be a list, got ${shown(list)}`);
  for (const one of list as readonly unknown[]) checkString(`cors: ${name}`, one, rule);
  return list;
}

/** Adds a name to `Vary`. */
function vary(headers: string[], name: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== "vary") continue;
    if (headers[i + 1] !== "*") headers[i + 1] += `, ${name}`;
    return;
  }
  headers.push("vary", name);
}
