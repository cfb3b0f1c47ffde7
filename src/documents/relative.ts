/**
 * Addresses of one server as seen from each other, so that they hold wherever it is mounted.
 *
 * @module
 */
import { checkString } from "../internal/check.ts";

const PATH = {
  pattern: /^(?:\/[A-Za-z0-9\-._~]+)+$/,
  says: "a path of letters, digits and -._~ that begins with / and does not end with it",
};

/** Returns `value` when it is the path of a page. */
export function checkPath(name: string, value: unknown): string {
  return checkString(name, value, PATH);
}

/** The reference that leads from the page at `from` to `to` (RFC 3986 §4.2). */
export function relative(from: string, to: string): string {
  const base = from.split("/").slice(1, -1);
  const target = to.split("/").slice(1);
  let common = 0;
  while (common < base.length && common < target.length - 1 && base[common] === target[common]) common++;
  return `./${"../".repeat(base.length - common)}${target.slice(common).join("/")}`;
}
