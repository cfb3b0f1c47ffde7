/**
 * The HTTP server transport mounted in a server that somebody else runs.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError } from "../../errors/index.ts";
import { checkNames } from "../../internal/check.ts";
import { OneWays } from "../one-way.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { answerPlainly, type Exchange } from "./answer.ts";
import type { ServerState } from "./node-call.ts";
import { Dispatcher } from "./dispatcher.ts";
import { SERVING, servingSettings, type ServingOptions, type ServingSettings } from "./serving.ts";
import { encodeProblem, PROBLEM } from "./problem.ts";
import { Routing } from "./routing.ts";
import { statusOf } from "./status.ts";

const WRITE_TIMEOUT_MS = 30_000;

/** A server transport that is also a plain `(request, response)` function. */
export interface HttpHandler extends ServerTransport {
  (request: IncomingMessage, response: ServerResponse, next?: () => void): void;
}

/**
 * Serves through a server that somebody else runs: mount the result in Express, Fastify, Connect or node:http, and give
 * it to `serve`. Until then it answers 503. Where the framework gives `next`, paths and verbs that nothing here serves go there. Mount
 * it before parsers of bodies, or behind one that leaves what it read in `request.body`, as Express's do.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or, on serving, two methods have the same route.
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
  const mounted = new Mounted(servingSettings(options));
  function http(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    mounted.handle(request, response, next);
  }
  return Object.assign(http, { "~server": true as const, listen: (app: App) => mounted.listen(app) });
}

/** An app mounted in somebody else's server: it counts what is in flight, since it knows no sockets. */
class Mounted implements ServerState {
  readonly #settings: ServingSettings;
  #dispatcher: Dispatcher | undefined = undefined;
  #inFlight = 0;
  #drained: (() => void) | undefined = undefined;
  /** Whether a request was served here before the stop. */
  #knows: ((request: IncomingMessage) => boolean) | undefined = undefined;
  readonly isOurs = false;
  draining = false;
  readonly writeTimeoutMs = WRITE_TIMEOUT_MS;
  readonly oneWays: OneWays = new OneWays();

  constructor(settings: ServingSettings) {
    this.#settings = settings;
  }

  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    if (this.#dispatcher === undefined) {
      // What never was its own is the framework's, also when this here has stopped.
      if (next !== undefined && this.#knows?.(request) === false) return next();
      return answerNotReady({ request, response, server: this });
    }
    this.#inFlight++;
    response.once("close", this.#ended);
    let isOurs = false;
    try {
      isOurs = this.#dispatcher.handle(request, response, next);
    } finally {
      // Somebody else answers it, who may take as long as he likes.
      if (!isOurs) {
        response.removeListener("close", this.#ended);
        this.#ended();
      }
    }
  }

  listen(app: App): Promise<Listening> {
    if (this.#dispatcher !== undefined) throw new RangeError("httpHandler should be served by one server at a time");
    this.#dispatcher = new Dispatcher(app, new Routing(app, this.#settings), this);
    this.draining = false;
    return Promise.resolve({ addresses: [], drain: () => this.#drain(), close: () => this.#close() });
  }

  readonly #ended = (): void => {
    if (--this.#inFlight === 0) this.#drained?.();
  };

  async #drain(): Promise<void> {
    this.draining = true;
    this.#dispatcher?.leave(false);
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    await this.oneWays.idle();
  }

  #close(): Promise<void> {
    const last = this.#dispatcher;
    last?.leave(true);
    this.oneWays.cut();
    if (last !== undefined) this.#knows = (request) => last.knows(request);
    this.#dispatcher = undefined;
    return Promise.resolve();
  }
}

function answerNotReady(exchange: Exchange): void {
  const error = policyError("not_ready");
  const status = statusOf(error);
  const headers = ["content-type", PROBLEM, "retry-after", "1"];
  answerPlainly(exchange, { status, headers, body: encodeProblem(error, status) });
}
