/**
 * Starts the call a request of node:http is for, and answers what is no call: OPTIONS, health probes, pages.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { App } from "../server.ts";
import { answerPlainly, cutUnread } from "./answer.ts";
import { NodeCall, type Incoming, type ServerState } from "./node-call.ts";
import { NodeStream, type StreamingPlan } from "./node-stream.ts";
import type { PlainAnswer } from "./page.ts";
import { isUnserved, type Routing, type Target } from "./routing.ts";

/** Serves one app over requests that somebody accepted. */
export class Dispatcher {
  readonly #app: App;
  readonly #routing: Routing;
  readonly #server: ServerState;
  readonly #streams = new Set<NodeStream>();

  constructor(app: App, routing: Routing, server: ServerState) {
    this.#app = app;
    this.#server = server;
    this.#routing = routing;
  }

  /** Whether a method is served at a request's verb and path. */
  knows({ method: verb = "GET", url = "/" }: IncomingMessage): boolean {
    return this.#routing.find(verb, url) !== undefined;
  }

  /** Serves one request; false when it called `next` instead of refusing path or verb, where a framework offers it. */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): boolean {
    const { method: verb = "GET", url = "/" } = request;
    const target = this.#routing.find(verb, url);
    if (target !== undefined) {
      this.#start(target, request, response);
      return true;
    }
    const special = this.#routing.special({ verb, url, headers: request.headers });
    if (next !== undefined && isUnserved(special)) {
      next();
      return false;
    }
    if (special === undefined || "plan" in special) this.#start(special ?? this.#routing.unknown(), request, response);
    else void this.#answer({ request, response, values: [], server: this.#server }, special.answer);
    return true;
  }

  #start({ plan, values, refusal }: Target, request: IncomingMessage, response: ServerResponse): void {
    const from: Incoming = { request, response, values, server: this.#server };
    const startMs = this.#app.clock.now();
    if (plan.stream === undefined) return new NodeCall(plan, from, startMs).run(refusal);
    const stream = new NodeStream(plan as StreamingPlan, from, startMs);
    this.#streams.add(stream);
    // Not the end of the response: one that waits behind another has none when the peer goes away.
    stream.ended = () => this.#streams.delete(stream);
    stream.run(refusal);
  }

  /** The server shuts down: streams are told, who would else hold it for as long as they please. */
  leave(isLast: boolean): void {
    for (const stream of this.#streams) stream.leave(isLast);
  }

  async #answer(from: Incoming, answer: PlainAnswer | Promise<PlainAnswer>): Promise<void> {
    answerPlainly(from, await answer);
    cutUnread(from.response, this.#app.clock, this.#server.writeTimeoutMs);
  }
}
