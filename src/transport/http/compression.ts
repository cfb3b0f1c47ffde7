/**
 * Compressed bodies (RFC 9110 §8.4): which codings there are, when an answer is worth one, and which one a peer accepts.
 * Knows no platform: whoever has bytes to pack gives a `Packer`.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, shown } from "../../internal/check.ts";
import type { HttpHeaders } from "./message.ts";

/** A content coding. Which of them there are depends on the platform. */
export type Coding = "gzip" | "deflate" | "br" | "zstd";

/** What a platform does with compressed bodies. */
export interface Packer {
  /** What it unpacks. */
  readonly reads: readonly Coding[];
  /** What it packs, the best first. */
  readonly writes: readonly Coding[];
  /** Unpacks a body; fails with `too_large` as soon as more than `maxBytes` come out, with `malformed_message` on bad data. */
  inflate(coding: Coding, body: Uint8Array, maxBytes: number): Promise<Uint8Array>;
  /** Packs a body. */
  deflate(coding: Coding, body: Uint8Array): Promise<Uint8Array>;
  /** Packs what comes piece by piece; with `flushes`, each piece leaves at once, as messages of a stream must. */
  deflateStream(
    coding: Coding,
    body: AsyncIterable<Uint8Array>,
    options?: { readonly flushes?: boolean | undefined },
  ): AsyncIterable<Uint8Array>;
}

/** When answers are compressed. */
export interface CompressOptions {
  /** The smallest body that is compressed, in bytes, from 1. Default: 1 KiB: below it a packet is saved seldom. */
  readonly minBytes?: number | undefined;
  /** Which codings are used, the best first. Default: what the platform has of zstd, br, gzip. */
  readonly codings?: readonly Coding[] | undefined;
}

/** The same with every default filled in. */
export interface CompressSettings {
  readonly minBytes: number;
  readonly codings: readonly Coding[];
}

const WRITES: readonly Coding[] = ["zstd", "br", "gzip"];

/** Checks when answers are to be compressed; undefined for never. */
export function compressSettings(options: CompressOptions | boolean | undefined): CompressSettings | undefined {
  if (options === undefined || options === false) return undefined;
  if (options !== true && (typeof options !== "object" || options === null))
    throw new TypeError(`compress should be true, false or options, got ${shown(options)}`);
  const { minBytes = 1024, codings = WRITES } = options === true ? {} : options;
  if (options !== true) checkNames("compress", options, ["minBytes", "codings"]);
  for (const one of codings) checkOneOf("compress: codings", one, WRITES);
  return { minBytes: checkNumber("compress: minBytes", minBytes, { min: 1, integer: true }), codings };
}

/** The same as far as a platform can. */
export function settingsFor(packer: Packer | undefined, { minBytes, codings }: CompressSettings): CompressSettings {
  const writes = packer?.writes ?? [];
  return { minBytes, codings: codings.filter((one) => writes.includes(one)) };
}

/** The coding a header names; undefined when it is none, or several. */
export function codingNamed(header: string, among: readonly Coding[]): Coding | undefined {
  const name = header.trim().toLowerCase();
  return among.find((one) => one === (name === "x-gzip" ? "gzip" : name));
}

/** What a peer accepts: the best coding of ours, undefined for none; and whether a body as it is will do. */
export interface Acceptance {
  readonly coding: Coding | undefined;
  readonly takesPlain: boolean;
}

const PLAIN: Acceptance = { coding: undefined, takesPlain: true };

/** Reads `Accept-Encoding` (RFC 9110 §12.5.3): qualities first, then our own order. */
export function acceptanceOf(header: string | undefined, codings: readonly Coding[]): Acceptance {
  if (header === undefined) return PLAIN;
  const qualities = new Map<string, number>();
  for (const item of header.split(",", 32)) {
    const [name = "", ...parameters] = item.split(";");
    const q = parameters.map((one) => /^\s*q\s*=\s*([0-9.]{1,5})\s*$/i.exec(one)?.[1]).find((one) => one !== undefined);
    const quality = q === undefined ? 1 : Number(q);
    const coding = name.trim().toLowerCase();
    if (coding !== "") qualities.set(coding === "x-gzip" ? "gzip" : coding, Number.isNaN(quality) ? 0 : quality);
  }
  const others = qualities.get("*");
  const plain = qualities.get("identity") ?? (others === 0 ? 0 : undefined);
  let chosen: Coding | undefined;
  // What is only not refused is less than anything that was asked for.
  let most = plain !== undefined && qualities.has("identity") ? plain : 0;
  for (const coding of codings) {
    const quality = qualities.get(coding) ?? others ?? 0;
    // At equal wishes smaller is better.
    if (quality > most || (quality === most && quality > 0 && chosen === undefined)) [chosen, most] = [coding, quality];
  }
  return { coding: chosen, takesPlain: plain === undefined || plain > 0 };
}

// Text, and what is written like text. Pictures, films and archives are compressed already.
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|yaml|javascript|x-ndjson|ndjson|jsonl|graphql|x-www-form-urlencoded|wasm|x-protobuf|protobuf)\b|image\/(?:svg\+xml|bmp)\b)/i;

/** An answer that may be compressed, or says that what the peer holds is as good. */
export interface Answer {
  readonly verb: string;
  readonly status: number;
  /** Names in lower case and values in turn; what compression adds is added here. */
  readonly headers: string[];
  /** Undefined when nobody knows it before the end. */
  readonly bytes: number | undefined;
  /** The validators as the peer sent them. */
  readonly known?: string | undefined;
}

/**
 * Chooses the coding of an answer and adds `vary`; undefined where it leaves as it is. Of a validator that promises
 * byte-for-byte equality each coding gets its own (RFC 9110 §8.8.3.3).
 */
export function codeAnswer(
  { minBytes, codings }: CompressSettings,
  acceptEncoding: string | undefined,
  { verb, status, headers, bytes, known }: Answer,
): Coding | undefined {
  const type = valueOf(headers, "content-type");
  if (status === 304) notModified(headers, known);
  if (status === 204 || status === 304 || status === 206 || status >= 400 || type === undefined) return undefined;
  if (bytes === 0 || valueOf(headers, "content-encoding") !== undefined || !COMPRESSIBLE.test(type)) return undefined;
  if (/\bno-transform\b/i.test(valueOf(headers, "cache-control") ?? "")) return undefined;
  addVary(headers, "accept-encoding");
  const { coding, takesPlain } = acceptanceOf(acceptEncoding, codings);
  const isSmall = bytes !== undefined && bytes < minBytes && takesPlain;
  if (coding === undefined || isSmall || verb === "HEAD") return undefined;
  return coding;
}

/** Says in the headers of an answer how it is coded. */
export function addCoding(headers: string[], coding: Coding): void {
  headers.push("content-encoding", coding);
  const at = indexOf(headers, "etag");
  if (at >= 0) headers[at + 1] = headers[at + 1]!.replace(/^"(.*)"$/, `"$1--${coding}"`);
}

/**
 * Takes the codings off the validators that a peer sends back, so that whoever compares them sees those he gave. Changes
 * `headers`, and returns what the peer has, as he sent it.
 */
export function plainValidators(headers: HttpHeaders): string | undefined {
  const known = headers["if-none-match"];
  for (const name of ["if-match", "if-none-match", "if-range"]) {
    const value = headers[name];
    if (typeof value === "string" && value.includes("--"))
      (headers as Record<string, string>)[name] = value.replaceAll(/--(?:gzip|br|zstd)"/g, '"');
  }
  return typeof known === "string" ? known : undefined;
}

// RFC 9110 §15.4.5: what a 200 would have said, with the validator of that coding which the peer holds.
function notModified(headers: string[], known: string | undefined): void {
  addVary(headers, "accept-encoding");
  const at = indexOf(headers, "etag");
  const tag = at < 0 ? undefined : /^"(.*)"$/.exec(headers[at + 1]!)?.[1];
  const held = WRITES.map((coding) => `"${tag}--${coding}"`).find((one) => known?.includes(one));
  if (tag !== undefined && held !== undefined) headers[at + 1] = held;
}

/** Says in the headers of an answer that it depends on a header of the request, in lower case. */
export function addVary(headers: string[], name: string): void {
  const at = indexOf(headers, "vary");
  if (at < 0) return void headers.push("vary", name);
  const known = headers[at + 1]!.split(",").map((one) => one.trim().toLowerCase());
  if (!known.includes("*") && !known.includes(name)) headers[at + 1] += `, ${name}`;
}

function indexOf(headers: readonly string[], name: string): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) return i;
  return -1;
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  const at = indexOf(headers, name);
  return at < 0 ? undefined : headers[at + 1];
}
