/**
 * Which version of the package this is.
 *
 * @module
 */
import { readFile } from "node:fs/promises";

/** The version in package.json: two folders up, from `src/cli` as from `dist/cli`. */
export async function version(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
