/**
 * Documents as pages of a server: what is served is what is described.
 *
 * @module
 */
import type { AnyMethod, AnyService } from "../contract/index.ts";
import { checkFunction, checkNames, shown } from "../internal/check.ts";
import type { Pages } from "../transport/http/page.ts";
import type { App } from "../transport/server.ts";
import { INFO, pageInfo, type PageOptions } from "./document-info.ts";
import { resourceAnswer } from "./etag.ts";
import { openApi } from "./open-api.ts";
import type { OpenApiDocument } from "./open-api-types.ts";
import { checkPath } from "./relative.ts";
import { findUi } from "./ui-files.ts";
import { uiPages } from "./ui-page.ts";

/** What the pages of an HTTP server are told. */
export interface ApiPagesOptions extends PageOptions {
  /** Where the page to try methods is; its files are below it. Default: "/docs". */
  readonly path?: string | undefined;
  /** Where the document is. Default: "/openapi.json". */
  readonly document?: string | undefined;
  /** Whether there is a page at all; it needs the package `swagger-ui-dist`. Default: true. */
  readonly ui?: boolean | undefined;
  /** Changes the document before it is served: to add what contracts do not say, such as how callers prove who they are. Default: as it is. */
  readonly edit?: ((document: OpenApiDocument) => OpenApiDocument) | undefined;
}

const NAMES = [...INFO, "path", "document", "ui", "edit"];

/**
 * The OpenAPI document of a server, and a page on which its methods can be tried. Made once, when the server starts to
 * listen; the page loads nothing from anywhere but this server. Whoever reaches the server can read both: where its
 * methods should not be known to everyone, leave them out and write what `openApi` gives to a file.
 *
 * @throws {TypeError} when `swagger-ui-dist` is not installed and `ui` is not false.
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { apiPages } from "servicekit/documents";
 * import { serve } from "servicekit/server";
 * import { httpServer } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const add = service("add", { sum: method({ request: z.array(z.int()), response: z.int() }) });
 * const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
 * const running = await serve(add.implement({ sum }), { on: [httpServer({ port: 0, pages: [apiPages({ version: "1.0.0" })] })], log: false, signals: false });
 * (await fetch(`${running.addresses[0]}/openapi.json`)).headers.get("content-type"); // => "application/json"
 * (await fetch(`${running.addresses[0]}/docs`)).status; // => 200
 * await running.stop();
 * ```
 */
export function apiPages(options: ApiPagesOptions = {}): Pages {
  checkNames("apiPages", options, NAMES);
  const { edit = (made: OpenApiDocument) => made } = options;
  const path = checkPath("path", options.path ?? "/docs");
  const document = checkPath("document", options.document ?? "/openapi.json");
  if (path === document) throw new RangeError(`path and document should differ, got "${path}" twice`);
  checkFunction("edit", edit);
  const { title, version, description, servers } = pageInfo(options);
  const ui = checkBoolean("ui", options.ui ?? true) ? findUi() : undefined;
  return {
    "~pages": true,
    pages({ app, routes, codecs }) {
      const services = servicesOf(app);
      const name = title ?? titleOf(services);
      const made = edit(openApi(services, { title: name, version, description, servers, routes, codecs }));
      const answer = resourceAnswer({ contentType: "application/json", body: JSON.stringify(made) });
      const pages = [{ path: document, answer }];
      if (ui === undefined) return pages;
      return [...pages, ...uiPages({ path, document, ui, title: made.info.title, servers: made.servers ?? [] })];
    },
  };
}

/** The contracts of what is served. */
export function servicesOf({ services }: App): readonly AnyService[] {
  return services.map(({ name, methods }) => {
    const bare = [...methods].map(([method, bound]): [string, AnyMethod] => [method, bound.method]);
    return { name, methods: Object.fromEntries(bare) };
  });
}

/** A title for want of one. */
export function titleOf(services: readonly AnyService[]): string {
  return services.map(({ name }) => name).join(", ") || "Nothing is served";
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`${name} should be true or false, got ${shown(value)}`);
}
