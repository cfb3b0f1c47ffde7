/**
 * Which attributes never leave the process.
 *
 * @module
 */

/** What stands in a span for a secret. */
export const REDACTED = "[redacted]";

// Anywhere in the name, since names are paths: http.request.header.authorization, user.accessToken, db_password. Counts
// of tokens, as of a language model, are none.
const SECRET =
  /authorization|(?:^|[._-])auth(?:$|[._-])|bearer|cookie|credential|jwt|passphrase|passw|pwd|private[._-]?key|api[._-]?key|secret|token(?!s$)/i;

/** Whether an attribute of this name holds a secret: by the built-in words, or by one of `extra` in lower case. */
export function isSecret(name: string, extra: ReadonlySet<string>): boolean {
  return SECRET.test(name) || extra.has(name.toLowerCase());
}
