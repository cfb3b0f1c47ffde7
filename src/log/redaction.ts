/**
 * What must not be written: values under secret names, and secrets inside texts, such as a header line in the message of
 * an error or the password of a connection string.
 *
 * @module
 */
import { checkString } from "../internal/check.ts";

/** What is written instead of a secret. */
export const REDACTED = "[redacted]";

// A name is secret when it ends in one of these: that finds `db_password`, `X-Api-Key`, `set-cookie` and `accessToken`.
const ENDINGS = [
  "authorization",
  "cookie",
  "cookies",
  "password",
  "passwd",
  "passphrase",
  "pwd",
  "secret",
  "token",
  "apikey",
  "privatekey",
  "credential",
  "credentials",
  "jwt",
];

const HEADERS = ["authorization", "cookies?", "api[-_ ]?key"];
const WORDS = ["password", "passwd", "passphrase", "pwd", "secret", "token", "private[-_ ]?key", "credentials?", "jwt"];

const SEPARATOR = String.raw`\\{0,3}["']?\s{0,4}[:=]\s{0,4}`;
const QUOTED = String.raw`\\{0,3}"(?:[^"\\]|\\.)*"?|'[^']*'?`;

// A scheme with its credentials; prose such as "Basic authentication" has neither a digit, "=", nor a change of case.
const SCHEME = /\b([Bb]earer|BEARER|[Bb]asic|BASIC) {1,4}(?=[\w.~+/=-]*(?:[0-9=]|[a-z][A-Z]))[\w.~+/=-]{6,}/g;

const USER_INFO = /(:\/\/[^\s/?#:@]{0,128}:)[^\s/?#@]{1,256}@/g;

/** What every text with a secret in it has; most texts have nothing of it. */
const SIGNS = /[:=]|(?:bearer|basic) /i;

const TRACES = [
  "auth",
  "cookie",
  "key",
  "pass",
  "pwd",
  "secret",
  "token",
  "credential",
  "jwt",
  "bearer ",
  "basic ",
  "//[^\\s/@]{1,384}@",
];

/** The longest stretch past a cut that decides whether what stands before the cut is a secret. */
export const LOOK_AHEAD = 512;

/** Field names are few and come again; names made from input are many and must not fill the memory. */
const MAX_REMEMBERED = 1000;

/** The secret names of one logger. */
export class Redaction {
  readonly #remembered = new Map<string, boolean>();
  readonly #names: ReadonlySet<string>;
  readonly #traces: RegExp;
  readonly #lines: RegExp;
  readonly #words: RegExp;

  /** @throws {RangeError} when a name is empty. */
  constructor(names: readonly string[] = []) {
    for (const name of names) checkString("redact", name);
    this.#names = new Set(names.map(folded));
    const literals = names.map(literal);
    this.#traces = new RegExp([...TRACES, ...literals].join("|"), "i");
    const lines = [...HEADERS, ...literals].join("|");
    this.#lines = new RegExp(`((?:${lines})${SEPARATOR})(?:${QUOTED}|[^\\r\\n]+)`, "gi");
    this.#words = new RegExp(`((?:${WORDS.join("|")})${SEPARATOR})(?!\\[redacted)(?:${QUOTED}|[^\\s&;,)}\\]]+)`, "gi");
  }

  /** Tells whether the value under a name must not be written. Case, "-", "_", "." and spaces make no difference. */
  isSecret(name: string): boolean {
    const remembered = this.#remembered.get(name);
    if (remembered !== undefined) return remembered;
    const found = this.#decide(name);
    if (this.#remembered.size < MAX_REMEMBERED && name.length <= 128) this.#remembered.set(name, found);
    return found;
  }

  #decide(name: string): boolean {
    const short = folded(name.length > 128 ? name.slice(-128) : name);
    return this.#names.has(short) || ENDINGS.some((ending) => short.endsWith(ending));
  }

  /** The text without the secrets that can be recognised in it. */
  scrub(text: string): string {
    if (!SIGNS.test(text) || !this.#traces.test(text)) return text;
    return text
      .replace(this.#lines, `$1${REDACTED}`)
      .replace(this.#words, `$1${REDACTED}`)
      .replace(SCHEME, `$1 ${REDACTED}`)
      .replace(USER_INFO, `$1${REDACTED}@`);
  }
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[-_.\s]/g, "");
}

function literal(name: string): string {
  return name.replace(/[^\w]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
