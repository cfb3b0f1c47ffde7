/**
 * The HTTP server transport that listens by itself.
 *
 * @module
 */
import { checkNames } from "../../internal/check.ts";
import { ActiveCall } from "../../endpoint/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "./listener.ts";
import { SERVING, servingSettings, type ServingOptions } from "./serving.ts";
import { statusOf } from "./status.ts";

/** What an HTTP server may be told. */
export interface HttpServerOptions extends ListenOptions, ServingOptions {}

/**
 * Serves over HTTP/1.1: each unary method as `POST /service/method` with JSON both ways, or as `routes` say.
 *
 * @throws {RangeError} when an option is wrong, or, on listening, two methods have the same route.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { httpServer } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const running = await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), { on: [httpServer({ port: 0 })], log: false, signals: false });
 * const answer = await fetch(`${running.addresses[0]}/add/sum`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1,"b":2}' });
 * await answer.json(); // => { v: 3 }
 * await running.stop();
 * ```
 */
export function httpServer(options: HttpServerOptions): ServerTransport {
  checkNames("httpServer", options, [...LISTENING, ...SERVING]);
  const settings = listenSettings(options);
  const serving = servingSettings(options);
  return {
    name: "http",
    "~server": true,
    async listen(app): Promise<Listening> {
      const listener: Listener = new Listener(settings, serving.limits, {
        handle: (request, response) => dispatcher.handle(request, response),
        broken: (error, peer) => observeBroken(app, error, peer),
      });
      const dispatcher = new Dispatcher(app, serving, listener);
      const address = await listener.open();
      return { addresses: [address], drain: () => listener.drain(), close: () => listener.close() };
    },
  };
}

/** A request that never became one is observed all the same, as a call of no method. */
export function observeBroken(app: App, error: ServiceError, peer: string): void {
  const { info, observer } = app.other;
  const call = new ActiveCall(info, { startMs: app.clock.now(), timeoutMs: info.timeoutMs, transport: "http" });
  call.peer = peer;
  observer.start(call);
  call.error = error;
  call.status = statusOf(error);
  call.outcome = error.code;
  observer.end(call);
}
