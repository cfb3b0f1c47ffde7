/**
 * The JSON-RPC 2.0 server transport, over HTTP POST to any path.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf } from "../../internal/check.ts";
import type { Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "../http/listener.ts";
import { checkPages, type Pages } from "../http/page.ts";
import { PageTable } from "../http/page-table.ts";
import { observeBroken } from "../http/server.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import type { Listening, ServerTransport } from "../server.ts";
import type { JsonrpcReply, JsonrpcRequest } from "./call.ts";
import { textCodec } from "./codec.ts";
import { RpcDispatcher } from "./dispatcher.ts";

/** What a JSON-RPC server may be told. */
export interface JsonrpcServerOptions extends ListenOptions, Hooks<JsonrpcRequest, JsonrpcReply> {
  /** Under which name a method is called: "service.method", or its own name alone. Default: "full", which is never taken twice. */
  readonly names?: "full" | "short" | undefined;
  /** Reads params and writes results, as JSON text. Default: JSON as it is. */
  readonly codec?: Codec | undefined;
  /** Requests in one batch, 1 to 10,000. Default: 100: a batch is served at once, as so many calls. */
  readonly maxBatch?: number | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** What is answered to GET, where everything else is 405: documents. Default: nothing. */
  readonly pages?: readonly Pages[] | undefined;
}

const NAMES = ["names", "codec", "maxBatch", "limits", "pages", ...HOOKS];

/**
 * Serves unary methods over JSON-RPC 2.0: batches, notifications, params by name and by position. The HTTP status is 200
 * whenever there is an answer (Go kit does the same), 204 when there were only notifications; those are taken at once,
 * run to their end whatever becomes of the connection, and hold a drain until then.
 *
 * What a policy says gets the specification's number, or −32000 minus the gRPC number of its code; `data` holds `code`,
 * `reason`, `details` and `retryAfterMs`. A batch is observed call by call, and answered in its order with what its calls
 * set as metadata together. Methods that stream are unknown here.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or, on listening, two methods have the same name or one has a
 * name that the specification reserves ("rpc.…").
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { jsonrpcServer } from "servicekit/transport/jsonrpc";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const running = await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), { on: [jsonrpcServer({ port: 0 })], log: false, signals: false });
 * const body = '{"jsonrpc":"2.0","method":"add.sum","params":[1,2],"id":1}';
 * await (await fetch(running.addresses[0]!, { method: "POST", headers: { "content-type": "application/json" }, body })).json(); // => { jsonrpc: "2.0", result: { v: 3 }, id: 1 }
 * await running.stop();
 * ```
 */
export function jsonrpcServer(options: JsonrpcServerOptions): ServerTransport {
  checkNames("jsonrpcServer", options, [...LISTENING, ...NAMES]);
  const listening = listenSettings(options);
  const limits = limitsOf(options.limits);
  const names = checkOneOf("names", options.names ?? "full", ["full", "short"]);
  const codec = textCodec(options.codec);
  const pages = checkPages(options.pages);
  const settings = {
    limits,
    maxBatch: checkNumber("maxBatch", options.maxBatch ?? 100, { min: 1, max: 10_000, integer: true }),
    hooks: hooksOf(options),
    codec,
    nameOf: (service: string, method: string) => (names === "short" ? method : `${service}.${method}`),
  };
  return {
    name: "jsonrpc",
    "~server": true,
    async listen(app): Promise<Listening> {
      const listener: Listener = new Listener(listening, limits, {
        clock: app.clock,
        handle: (request, response) => dispatcher.handle(request, response),
        broken: (error, peer) => observeBroken(app, error, peer),
      });
      const table = new PageTable(pages, { app, routes: [], codecs: [codec] }, () => false);
      const dispatcher = new RpcDispatcher(app, { ...settings, pages: table }, listener);
      const address = await listener.open();
      return { addresses: [address], drain: (isAwaited) => listener.drain(isAwaited), close: () => listener.close() };
    },
  };
}
