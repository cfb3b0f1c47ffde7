/**
 * The HTTP server transport mounted in a server that somebody else runs.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError } from "../../errors/index.ts";
import { checkNames } from "../../internal/check.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import type { ServerState } from "./call.ts";
import { Dispatcher, SERVING, type ServingOptions } from "./dispatcher.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { statusOf } from "./status.ts";

const WRITE_TIMEOUT_MS = 30_000;

/** A server transport that is also a plain `(request, response)` function. */
export interface HttpHandler extends ServerTransport {
  (request: IncomingMessage, response: ServerResponse, next?: () => void): void;
}

/**
 * Serves through a server that somebody else runs: mount the result in Express, Fastify, Connect or node:http, and give
 * it to `serve`. Until then it answers 503. Where the framework gives `next`, unknown paths go there instead of a 404.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { httpHandler } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const web = httpHandler();
 * const running = await serve(hello.implement({ say: () => ({ v: "hello" }) }), { on: [web], log: false, signals: false });
 * createServer(web).listening; // => false
 * await running.stop();
 * ```
 */
export function httpHandler(options: ServingOptions = {}): HttpHandler {
  checkNames("httpHandler", options, SERVING);
  const mounted = new Mounted(options);
  function http(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    mounted.handle(request, response, next);
  }
  return Object.assign(http, { "~server": true as const, listen: (app: App) => mounted.listen(app) });
}

/** An app mounted in somebody else's server: it counts what is in flight, since it knows no sockets. */
class Mounted implements ServerState {
  readonly #options: ServingOptions;
  #dispatcher: Dispatcher | undefined = undefined;
  #inFlight = 0;
  #drained: (() => void) | undefined = undefined;
  draining = false;
  readonly writeTimeoutMs = WRITE_TIMEOUT_MS;

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    if (this.#dispatcher === undefined) return answerNotReady(response);
    this.#inFlight++;
    response.once("close", () => {
      if (--this.#inFlight === 0) this.#drained?.();
    });
    this.#dispatcher.handle(request, response, next);
  }

  listen(app: App): Promise<Listening> {
    this.#dispatcher = new Dispatcher(app, this.#options, this);
    return Promise.resolve({ addresses: [], drain: () => this.#drain(), close: () => this.#close() });
  }

  #drain(): Promise<void> {
    this.draining = true;
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  #close(): Promise<void> {
    this.#dispatcher = undefined;
    return Promise.resolve();
  }
}

function answerNotReady(response: ServerResponse): void {
  const error = policyError("not_ready");
  const status = statusOf(error);
  response.writeHead(status, { "content-type": PROBLEM, "retry-after": "1" });
  response.end(encodeProblem(error, status));
}
