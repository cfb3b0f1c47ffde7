/**
 * The files of Swagger UI, from the package that the user installed: found when the pages are made, read when first asked
 * for, only those that the page needs.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { HttpRequest } from "../transport/http/message.ts";
import type { PlainAnswer } from "../transport/http/page.ts";
import { resourceAnswer } from "./etag.ts";

/** The package, where it lies. */
export interface UiPackage {
  readonly folder: string;
  readonly version: string;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
]);

/** The names of the files that are served. */
export const UI_FILES: readonly string[] = [...TYPES.keys()];

/**
 * Finds the package of Swagger UI.
 *
 * @throws {TypeError} when it is not installed.
 */
export function findUi(name = "swagger-ui-dist"): UiPackage {
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version: string };
    return { folder: dirname(path), version };
  } catch (cause) {
    const advice = "install it, or say ui: false to serve the document alone";
    throw new TypeError(`the page to try methods needs the package "${name}", which cannot be found: ${advice}`, {
      cause,
    });
  }
}

interface Answers {
  readonly plain: (request: HttpRequest) => PlainAnswer;
  readonly packed: (request: HttpRequest) => PlainAnswer;
}

/** Makes the function that answers with one of the files; they are kept in memory once they were asked for. */
export function uiFile({ folder }: UiPackage, name: string): (request: HttpRequest) => Promise<PlainAnswer> {
  let loaded: Promise<Answers> | undefined;
  return async function answer(request) {
    loaded ??= load(join(folder, name), TYPES.get(name)!);
    try {
      const { plain, packed } = await loaded;
      return takesGzip(request.header("accept-encoding")) ? packed(request) : plain(request);
    } catch {
      // It may come back: a package that is being replaced.
      loaded = undefined;
      return {
        status: 404,
        headers: ["content-type", "text/plain; charset=utf-8"],
        body: "404 the file is not there\n",
      };
    }
  };
}

const pack = promisify(gzip);

async function load(path: string, contentType: string): Promise<Answers> {
  const body = await readFile(path);
  const vary = ["vary", "accept-encoding"];
  const resource = { contentType, isVersioned: true };
  return {
    plain: resourceAnswer({ ...resource, body, headers: vary }),
    packed: resourceAnswer({ ...resource, body: await pack(body), headers: [...vary, "content-encoding", "gzip"] }),
  };
}

function takesGzip(header: string | undefined): boolean {
  const said = header?.split(",", 32).find((one) => /^\s*gzip\s*(?:;|$)/i.test(one));
  return said !== undefined && !/;\s*q=0(?:\.0*)?\s*$/i.test(said);
}
