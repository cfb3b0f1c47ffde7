/**
 * A port for operators: metrics, health with its parts, the stack of every method, and a page for people. Not for the
 * public.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkNames, shown } from "../internal/check.ts";
import { limitsOf, type App, type Listening, type ServerTransport } from "../transport/index.ts";
import { answerPlainly } from "../transport/http/answer.ts";
import { Listener, LISTENING, listenSettings, type ListenOptions } from "../transport/http/listener.ts";
import { text } from "../transport/http/page.ts";
import { checkHosts } from "./guard.ts";
import { Pages } from "./pages.ts";

/** Where the debug port is, and what it may do. */
export interface DebugServerOptions extends ListenOptions {
  /**
   * Whether methods can be called from the page, through their own gates, limits and validation. Default: false: a page
   * that can only look cannot break anything.
   */
  readonly tryIt?: boolean | undefined;
  /**
   * Host names, without port, under which browsers may show the page, beside addresses and localhost. Default: none: a
   * foreign name that leads here may be another site's (DNS rebinding). Metrics and probes answer under any name.
   */
  readonly hosts?: readonly string[] | undefined;
}

/**
 * Serves `/metrics` (Prometheus text or OpenMetrics, as the scraper accepts), `/livez`, `/readyz`, `/startupz` with their
 * parts, `/stack`, and at `/` a page for people: methods with their rates, errors and latencies, the states of breakers
 * and limiters, the last calls with their log lines. Its own requests are no calls: they are not counted, logged or
 * traced. What the page shows is read while somebody looks and not otherwise. See docs/debugging.md.
 *
 * @throws {RangeError | TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { debugServer } from "servicekit/debug";
 * import { serve } from "servicekit/server";
 *
 * const running = await serve([], { on: [debugServer({ port: 0 })], log: false, signals: false });
 * (await fetch(`${running.addresses[0]}/readyz`)).status; // => 200
 * await running.stop();
 * ```
 */
export function debugServer(options: DebugServerOptions): ServerTransport {
  checkNames("debugServer", options, [...LISTENING, "tryIt", "hosts"]);
  const { tryIt = false } = options;
  if (typeof tryIt !== "boolean") throw new TypeError(`tryIt should be true or false, got ${shown(tryIt)}`);
  const hosts = checkHosts(options.hosts);
  const settings = listenSettings(options);
  return {
    name: "debug",
    "~server": true,
    async listen(app: App): Promise<Listening> {
      const pages = new Pages(app, { tryIt, hosts });
      const listener: Listener = new Listener(settings, limitsOf(), {
        clock: app.clock,
        handle: (request: IncomingMessage, response: ServerResponse) => {
          const answer = answerOf(pages, request, response);
          if (answer === undefined) return;
          Promise.resolve(answer)
            .then((one) => answerPlainly({ request, response, server: listener }, one))
            .catch(() => response.destroy());
        },
        broken: () => undefined,
      });
      const address = await listener.open();
      return {
        addresses: [address],
        drain: () => {
          pages.close();
          return listener.drain();
        },
        close: () => {
          pages.close();
          return listener.close();
        },
      };
    },
  };
}

// What is shown is made by others too: a schema of the user's, his metrics.
function answerOf(pages: Pages, request: IncomingMessage, response: ServerResponse): ReturnType<Pages["answer"]> {
  try {
    return pages.answer(request, response);
  } catch {
    return text(500, "500 this cannot be shown\n");
  }
}
