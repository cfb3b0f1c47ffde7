/**
 * What a server answers beside its methods: documents, pages for people, metrics. A page is no call: it is not counted,
 * logged or traced, and runs without gates.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";
import type { Codec } from "../codec.ts";
import type { App } from "../server.ts";
import type { HttpRequest } from "./message.ts";
import type { Routes } from "./routes.ts";

/** What is answered in one piece. */
export interface PlainAnswer {
  readonly status: number;
  /** Names and values in turn, without those that frame the message. */
  readonly headers: readonly string[];
  readonly body?: string | Uint8Array | undefined;
}

/** A short text as an answer. */
export function text(status: number, body: string, headers: readonly string[] = []): PlainAnswer {
  return { status, headers: ["content-type", "text/plain; charset=utf-8", ...headers], body };
}

/** One address that is answered with GET and HEAD. */
export interface Page {
  /** The exact path; with a star at its end, everything below. */
  readonly path: string;
  answer(request: HttpRequest): PlainAnswer | Promise<PlainAnswer>;
}

/** What pages are made for. */
export interface Served {
  readonly app: App;
  /** The REST bindings of the server that shows the pages. */
  readonly routes: readonly Routes[];
  /** What its bodies may be written in, where a route does not say otherwise. */
  readonly codecs: readonly [Codec, ...Codec[]];
}

/** Pages as a value, made for each server that is given it. */
export interface Pages {
  readonly "~pages": true;
  /** Makes the pages, once, when the server starts to listen. */
  pages(served: Served): readonly Page[];
}

/** Throws a TypeError that names the option unless `list` holds pages. */
export function checkPages(list: unknown): readonly Pages[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new TypeError(`pages should be a list of pages, got ${shown(list)}`);
  for (const one of list as readonly (Partial<Pages> | undefined)[])
    if (typeof one?.pages !== "function") throw new TypeError(`pages should hold pages, got ${shown(one)}`);
  return list as readonly Pages[];
}
