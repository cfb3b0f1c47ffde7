/**
 * The files of the page, inside the code: they are there wherever the code is, bundled or not. Compressed once, and
 * answered with 304 to a browser that has them.
 *
 * @module
 */
/* oxlint-disable import/default, typescript/triple-slash-reference -- asked for as text, a file has a default export,
   whatever it says itself, and the type of such a file has nothing to import. */
/// <reference path="./raw.d.ts" />
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { gzipSync } from "node:zlib";
import type { PlainAnswer } from "../transport/http/page.ts";
import call from "./page/call.js?raw";
import calls from "./page/calls.js?raw";
import charts from "./page/charts.js?raw";
import detail from "./page/detail.js?raw";
import dom from "./page/dom.js?raw";
import format from "./page/format.js?raw";
import html from "./page/index.html?raw";
import main from "./page/main.js?raw";
import methods from "./page/methods.js?raw";
import model from "./page/model.js?raw";
import css from "./page/page.css?raw";
import tryIt from "./page/try-it.js?raw";

const JAVASCRIPT = "text/javascript; charset=utf-8";

const files: readonly (readonly [path: string, type: string, text: string])[] = [
  ["/", "text/html; charset=utf-8", html],
  ["/debug/page/page.css", "text/css; charset=utf-8", css],
  ["/debug/page/main.js", JAVASCRIPT, main],
  ["/debug/page/model.js", JAVASCRIPT, model],
  ["/debug/page/dom.js", JAVASCRIPT, dom],
  ["/debug/page/format.js", JAVASCRIPT, format],
  ["/debug/page/charts.js", JAVASCRIPT, charts],
  ["/debug/page/methods.js", JAVASCRIPT, methods],
  ["/debug/page/detail.js", JAVASCRIPT, detail],
  ["/debug/page/calls.js", JAVASCRIPT, calls],
  ["/debug/page/call.js", JAVASCRIPT, call],
  ["/debug/page/try-it.js", JAVASCRIPT, tryIt],
];

/** What everything that browsers show is answered with: nothing from elsewhere, nothing inline, nobody around it. */
export const SAFE: readonly string[] = [
  "content-security-policy",
  [
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:",
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  ].join("; "),
  ...["x-content-type-options", "nosniff"],
  ...["x-frame-options", "DENY"],
  ...["referrer-policy", "no-referrer"],
  ...["cross-origin-resource-policy", "same-origin"],
  ...["cross-origin-opener-policy", "same-origin"],
];

interface Asset {
  readonly plain: Uint8Array;
  readonly gzip: Uint8Array;
  readonly headers: readonly string[];
  readonly etag: string;
}

/** The files by path, compressed. */
export class Assets {
  readonly #byPath: ReadonlyMap<string, Asset>;

  constructor() {
    this.#byPath = new Map(files.map(([path, type, text]) => [path, assetOf(type, text)]));
  }

  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** The answer with a file that there is. */
  answer(path: string, asked: IncomingHttpHeaders): PlainAnswer {
    const { plain, gzip, headers, etag } = this.#byPath.get(path)!;
    if (asked["if-none-match"]?.includes(etag)) return { status: 304, headers };
    if (!takesGzip(asked["accept-encoding"])) return { status: 200, headers, body: plain };
    return { status: 200, headers: [...headers, "content-encoding", "gzip"], body: gzip };
  }

  /** How much a browser loads, in bytes. */
  get gzipBytes(): number {
    return [...this.#byPath.values()].reduce((sum, { gzip }) => sum + gzip.length, 0);
  }
}

function assetOf(type: string, text: string): Asset {
  const plain = Buffer.from(text);
  // Weak: it stands for the compressed bytes and the plain ones (RFC 9110 §8.8.3.3).
  const etag = `W/"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
  const headers = ["content-type", type, "etag", etag, "cache-control", "no-cache", "vary", "accept-encoding", ...SAFE];
  return { plain, gzip: gzipSync(plain, { level: 9 }), headers, etag };
}

function takesGzip(accepted: string | string[] | undefined): boolean {
  return /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(accepted ?? ""));
}
