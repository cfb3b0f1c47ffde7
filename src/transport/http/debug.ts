/**
 * A port for operators: metrics, health with its parts, and the stack of every method. Not for the public.
 *
 * @module
 */
import { checkNames } from "../../internal/check.ts";
import { limitsOf } from "../limits.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { answerPlainly, type Exchange } from "./answer.ts";
import { healthAnswer } from "./health.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "./listener.ts";
import { text } from "./page.ts";
import { pathOf } from "./router.ts";

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
      const listener: Listener = new Listener(settings, limitsOf(), {
        handle: (request, response) => answer(app, { request, response, server: listener }),
        broken: () => undefined,
      });
      const address = await listener.open();
      return { addresses: [address], drain: () => listener.drain(), close: () => listener.close() };
    },
  };
}

const PAGES = "/metrics\n/livez\n/readyz\n/startupz\n/stack\n";

function answer(app: App, exchange: Exchange): void {
  const { method, url = "/" } = exchange.request;
  if (method !== "GET" && method !== "HEAD")
    return answerPlainly(exchange, text(405, "405 only GET\n", ["allow", "GET, HEAD"]));
  switch (pathOf(url)) {
    case "/metrics":
      return writeMetrics(app, exchange);
    case "/livez":
      return void healthAnswer(() => app.health.live(), true).then((known) => answerPlainly(exchange, known));
    case "/readyz":
      return void healthAnswer(() => app.health.ready(), true).then((known) => answerPlainly(exchange, known));
    case "/startupz":
      return void healthAnswer(() => app.health.startup(), true).then((known) => answerPlainly(exchange, known));
    case "/stack":
      return answerPlainly(exchange, text(200, app.describe()));
    case "/":
      return answerPlainly(exchange, text(200, PAGES));
    default:
      return answerPlainly(exchange, text(404, "404 not found\n"));
  }
}

function writeMetrics(app: App, exchange: Exchange): void {
  if (app.metrics === undefined) return answerPlainly(exchange, text(404, "404 metrics are off\n"));
  const { contentType, body } = app.metrics(exchange.request.headers.accept);
  answerPlainly(exchange, { status: 200, headers: ["content-type", contentType], body });
}
