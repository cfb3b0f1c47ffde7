/**
 * A port for operators: metrics, health with its parts, and the stack of every method. Not for the public.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkNames } from "../../internal/check.ts";
import { limitsOf } from "../limits.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { answerHealth } from "./health.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "./listener.ts";

/**
 * Serves `/metrics` (Prometheus text or OpenMetrics, as the scraper accepts), `/livez`, `/readyz`, `/startupz` with their
 * parts, and `/stack`. Its own requests are no calls: they are not counted, logged or traced.
 *
 * @example
 * ```ts
 * import { serve } from "servicekit/server";
 * import { debugServer } from "servicekit/transport/http";
 *
 * const running = await serve([], { on: [debugServer({ port: 0 })], log: false, signals: false });
 * (await fetch(`${running.addresses[0]}/readyz`)).status; // => 200
 * await running.stop();
 * ```
 */
export function debugServer(options: ListenOptions): ServerTransport {
  checkNames("debugServer", options, LISTENING);
  const settings = listenSettings(options);
  return {
    name: "debug",
    "~server": true,
    async listen(app): Promise<Listening> {
      const listener = new Listener(settings, limitsOf(), {
        handle: (request, response) => answer(app, request, response),
        broken: () => undefined,
      });
      const address = await listener.open();
      return { addresses: [address], drain: () => listener.drain(), close: () => listener.close() };
    },
  };
}

function answer(app: App, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (request.method !== "GET" && request.method !== "HEAD")
    return write(response, 405, "text/plain; charset=utf-8", "405 only GET\n");
  switch ((request.url ?? "/").split("?", 1)[0]) {
    case "/metrics":
      return writeMetrics(app, request, response);
    case "/livez":
      return void answerHealth(app.health.live(), response, true);
    case "/readyz":
      return void answerHealth(app.health.ready(), response, true);
    case "/startupz":
      return void answerHealth(app.health.startup(), response, true);
    case "/stack":
      return write(response, 200, "text/plain; charset=utf-8", app.describe());
    case "/":
      return write(response, 200, "text/plain; charset=utf-8", "/metrics\n/livez\n/readyz\n/startupz\n/stack\n");
    default:
      return write(response, 404, "text/plain; charset=utf-8", "404 not found\n");
  }
}

function writeMetrics(app: App, request: IncomingMessage, response: ServerResponse): void {
  if (app.metrics === undefined) return write(response, 404, "text/plain; charset=utf-8", "404 metrics are off\n");
  const { contentType, body } = app.metrics(request.headers.accept);
  write(response, 200, contentType, body);
}

function write(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, ["content-type", contentType, "content-length", String(Buffer.byteLength(body))]);
  response.end(body);
}
