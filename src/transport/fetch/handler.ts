/**
 * The HTTP server transport as a function from Request to Response.
 *
 * @module
 */
import { checkFunction, checkNames } from "../../internal/check.ts";
import { policyError } from "../../errors/index.ts";
import type { PlainAnswer } from "../http/page.ts";
import { encodeProblem, PROBLEM } from "../http/problem.ts";
import { isUnserved, Routing, type Target } from "../http/routing.ts";
import { SERVING, servingSettings, type ServingOptions, type ServingSettings } from "../http/serving.ts";
import { statusOf } from "../http/status.ts";
import { OneWays } from "../one-way.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { FetchCall, responseOf } from "./call.ts";
import { headOf, type FetchHead } from "./head.ts";
import { peerOf } from "./peer.ts";
import { FetchStream } from "./stream.ts";

/** What a fetch handler may be told. */
export interface FetchHandlerOptions extends ServingOptions {
  /**
   * Says who is at the other end, from what the platform gives beside the request; limits per peer go by it. Default: what
   * Bun (`server.requestIP`) and Deno (`info.remoteAddr`) say, else "". Never a header: anybody can write one.
   */
  readonly peer?: ((request: Request, info: unknown) => string) | undefined;
  /** Answers requests whose path or verb nothing here serves. Default: 404 or 405, as a call of no method, which is counted and logged. */
  readonly otherwise?: ((request: Request, info: unknown) => Response | Promise<Response>) | undefined;
}

/** A server transport that is also a plain function from Request to Response. */
export interface FetchHandler extends ServerTransport {
  /**
   * `info` is what the platform gives beside the request: Bun's server, Deno's info, a worker's environment. Where it or
   * `context` has a `waitUntil`, as on workers, one-way calls are held by it after their answer.
   */
  (request: Request, info?: unknown, context?: unknown): Promise<Response>;
}

/**
 * Serves wherever Request and Response are spoken: give it to `serve`, and to `Bun.serve({ fetch })`, `Deno.serve(handler)`,
 * a worker's `export default { fetch }`, or `app.mount("/", handler)` of Hono. Until it is served it answers 503. Routes,
 * codecs, limits, hooks and pages are those of `httpServer`; ports, connections and their time-outs are the platform's.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or, on serving, two methods have the same route.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { fetchHandler } from "servicekit/transport/fetch";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const handler = fetchHandler();
 * await using running = await serve(hello.implement({ say: () => ({ v: "hello" }) }), { on: [handler], log: false, signals: false });
 * const response = await handler(new Request("http://any/hello/say", { method: "POST", body: "{}", headers: { "content-type": "application/json" } }));
 * await response.json(); // => { v: "hello" }
 * ```
 */
export function fetchHandler(options: FetchHandlerOptions = {}): FetchHandler {
  checkNames("fetchHandler", options, [...SERVING, "peer", "otherwise"]);
  for (const name of ["peer", "otherwise"] as const)
    if (options[name] !== undefined) checkFunction(name, options[name]);
  const mounted = new Mounted(servingSettings(options), options);
  function handler(request: Request, info?: unknown, context?: unknown): Promise<Response> {
    return mounted.handle(request, info, context);
  }
  // By a property of its own, since a function's name cannot be assigned.
  Object.defineProperty(handler, "name", { value: "http" });
  return Object.assign(handler, { "~server": true as const, listen: (app: App) => mounted.listen(app) });
}

class Mounted {
  readonly #settings: ServingSettings;
  readonly #options: FetchHandlerOptions;
  #app: App | undefined = undefined;
  #routing: Routing | undefined = undefined;
  readonly #streams = new Set<FetchStream>();
  readonly #oneWays = new OneWays();
  #inFlight = 0;
  #drained: (() => void) | undefined = undefined;

  constructor(settings: ServingSettings, options: FetchHandlerOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  handle(request: Request, info: unknown, context: unknown): Promise<Response> {
    const routing = this.#routing;
    if (routing === undefined) return Promise.resolve(notReady());
    const head = headOf(request);
    const target = routing.find(head.verb, head.url);
    if (target !== undefined) return this.#start(target, { request, head, info, context });
    const special = routing.special(head);
    if (this.#options.otherwise !== undefined && isUnserved(special))
      return Promise.resolve(this.#options.otherwise(request, info));
    if (special === undefined || "plan" in special)
      return this.#start(special ?? routing.unknown(), { request, head, info, context });
    return answered(special.answer, head);
  }

  #start({ plan, values, refusal }: Target, { request, head, info, context }: Asked): Promise<Response> {
    const { peer = peerOf } = this.#options;
    this.#inFlight++;
    return new Promise((respond) => {
      const ended = (): void => {
        if (call instanceof FetchStream) this.#streams.delete(call);
        if (--this.#inFlight === 0) this.#drained?.();
      };
      const outlive = (over: Promise<void>): void => waiterOf(info, context)?.waitUntil(over);
      const oneWays = this.#oneWays;
      const from = { request, head, values, peer: peer(request, info), respond, ended, outlive, oneWays };
      const startMs = this.#app!.clock.now();
      const { stream } = plan;
      const call =
        stream === undefined ? new FetchCall(plan, from, startMs) : new FetchStream({ ...plan, stream }, from, startMs);
      if (call instanceof FetchStream) this.#streams.add(call);
      call.run(refusal);
    });
  }

  listen(app: App): Promise<Listening> {
    if (this.#routing !== undefined) throw new RangeError("fetchHandler should be served by one server at a time");
    this.#app = app;
    this.#routing = new Routing(app, this.#settings);
    return Promise.resolve({ addresses: [], drain: () => this.#drain(), close: () => this.#close() });
  }

  #drain(): Promise<void> {
    for (const stream of this.#streams) stream.leave(false);
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  #close(): Promise<void> {
    this.#routing = undefined;
    this.#oneWays.cut();
    for (const stream of this.#streams) stream.leave(true);
    return Promise.resolve();
  }
}

interface Asked {
  readonly request: Request;
  readonly head: FetchHead;
  readonly info: unknown;
  readonly context: unknown;
}

interface Waiter {
  waitUntil(over: Promise<void>): void;
}

// Cloudflare gives it third, Netlify and Vercel second.
function waiterOf(...given: readonly unknown[]): Waiter | undefined {
  return given.find(
    (one): one is Waiter => typeof (one as Partial<Waiter> | null | undefined)?.waitUntil === "function",
  );
}

async function answered(answer: PlainAnswer | Promise<PlainAnswer>, { verb }: FetchHead): Promise<Response> {
  const { status, headers, body } = await answer;
  return responseOf(status, headers, status === 204 || verb === "HEAD" ? undefined : body);
}

function notReady(): Response {
  const error = policyError("not_ready");
  const status = statusOf(error);
  return responseOf(status, ["content-type", PROBLEM, "retry-after", "1"], encodeProblem(error, status));
}
