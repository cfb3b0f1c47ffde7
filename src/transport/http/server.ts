/**
 * The HTTP server transport that listens by itself.
 *
 * @module
 */
import { checkNames, shown } from "../../internal/check.ts";
import { ActiveCall } from "../../endpoint/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { OneWays } from "../one-way.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "./listener.ts";
import { Routing } from "./routing.ts";
import { SERVING, servingSettings, type ServingOptions } from "./serving.ts";
import { statusOf } from "./status.ts";
import { checkUpgrades, type Upgrade } from "./upgrade.ts";

/** What an HTTP server may be told. */
export interface HttpServerOptions extends ListenOptions, ServingOptions {
  /**
   * Whether HTTP/2 is spoken. With `tls` the client chooses between it and HTTP/1.1 on the same port; without, the port
   * speaks HTTP/2 alone (h2c with prior knowledge), as meshes and gateways do inside. Default: false: one request of
   * HTTP/2 costs Node more than one of HTTP/1.1, and pays where many share a slow connection, as browsers' do.
   */
  readonly http2?: boolean | undefined;
  /** Other protocols that connections may change to, WebSocket for one. Default: none. */
  readonly upgrades?: readonly Upgrade[] | undefined;
}

/**
 * Serves over HTTP/1.1, and by option HTTPS and HTTP/2: each unary method as `POST /service/method` with JSON both ways, or as `routes` say.
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
  checkNames("httpServer", options, [...LISTENING, ...SERVING, "http2", "upgrades"]);
  const { http2 = false } = options;
  if (typeof http2 !== "boolean") throw new TypeError(`http2 should be true or false, got ${shown(http2)}`);
  const upgrades = checkUpgrades(options.upgrades);
  const settings = listenSettings(options);
  const serving = servingSettings(options);
  return {
    name: "http",
    "~server": true,
    async listen(app): Promise<Listening> {
      const routing = new Routing(app, serving);
      // Loaded when it is asked for, as node's own part of it is.
      const { Http2Dispatcher } = http2 ? await import("./http2-dispatcher.ts") : {};
      const oneWays = new OneWays();
      const streams = Http2Dispatcher && new Http2Dispatcher(app, routing, { ...settings, oneWays });
      const listener: Listener = new Listener(settings, serving.limits, {
        clock: app.clock,
        oneWays,
        handle: (request, response) => dispatcher.handle(request, response),
        stream: streams && ((stream, headers, rawHeaders) => streams.handle(stream, headers, rawHeaders)),
        broken: (error, peer) => observeBroken(app, error, peer),
        upgrades: upgrades.map((one) =>
          one.upgrading({ app, limits: serving.limits, writeTimeoutMs: settings.writeTimeoutMs, oneWays }),
        ),
      });
      const dispatcher = new Dispatcher(app, routing, listener);
      const address = await listener.open();
      return { addresses: [address], drain: (isAwaited) => listener.drain(isAwaited), close: () => listener.close() };
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
