/**
 * The OpenRPC document as a page.
 *
 * @module
 */
import { checkNames, checkOneOf } from "../internal/check.ts";
import type { Pages } from "../transport/http/page.ts";
import { servicesOf, titleOf } from "./api-pages.ts";
import { INFO, pageInfo, type PageOptions } from "./document-info.ts";
import { resourceAnswer } from "./etag.ts";
import { openRpc } from "./open-rpc.ts";
import { checkPath } from "./relative.ts";

/** What the page of a JSON-RPC document is told. */
export interface RpcPagesOptions extends PageOptions {
  /** Where the document is. Default: "/openrpc.json". */
  readonly document?: string | undefined;
  /** Under which names methods are called, as `jsonrpcServer` has it. Default: "full". */
  readonly names?: "full" | "short" | undefined;
}

/**
 * The OpenRPC document of what a process serves over JSON-RPC, as a page of its HTTP server.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { rpcPages } from "servicekit/documents";
 * import { serve } from "servicekit/server";
 * import { jsonrpcServer } from "servicekit/transport/jsonrpc";
 * import { z } from "zod";
 *
 * const echo = service("echo", { say: method({ request: z.object({ text: z.string() }), response: z.string() }) });
 * const on = [jsonrpcServer({ port: 0, pages: [rpcPages()] })];
 * const running = await serve(echo.implement({ say: ({ text }) => text }), { on, log: false, signals: false });
 * const { methods } = (await (await fetch(`${running.addresses[0]}/openrpc.json`)).json()) as { methods: { name: string }[] };
 * methods[0]?.name; // => "echo.say"
 * await running.stop();
 * ```
 */
export function rpcPages(options: RpcPagesOptions = {}): Pages {
  checkNames("rpcPages", options, [...INFO, "document", "names"]);
  const document = checkPath("document", options.document ?? "/openrpc.json");
  const names = checkOneOf("names", options.names ?? "full", ["full", "short"]);
  const { title, ...info } = pageInfo(options);
  return {
    "~pages": true,
    pages({ app }) {
      const services = servicesOf(app);
      const made = openRpc(services, { ...info, title: title ?? titleOf(services), names });
      return [
        { path: document, answer: resourceAnswer({ contentType: "application/json", body: JSON.stringify(made) }) },
      ];
    },
  };
}
