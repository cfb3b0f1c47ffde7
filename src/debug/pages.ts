/**
 * What the debug port answers with, by path.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, ServiceError } from "../errors/index.ts";
import type { App } from "../transport/index.ts";
import { healthAnswer } from "../transport/http/health.ts";
import { text, type PlainAnswer } from "../transport/http/page.ts";
import { encodeProblem, PROBLEM } from "../transport/http/problem.ts";
import { pathOf } from "../transport/http/router.ts";
import { statusOf } from "../transport/http/status.ts";
import { Assets, SAFE } from "./assets.ts";
import { catalogueOf } from "./catalogue.ts";
import { callsFor, secondsIn } from "./calls.ts";
import { refusalOf, tryRefusalOf } from "./guard.ts";
import { Hub, MAX_VIEWERS } from "./hub.ts";
import { numbersOf } from "./numbers.ts";
import { Trier } from "./try-call.ts";
import { readBody, tryRequestOf } from "./try-request.ts";

/** What the page may do. */
export interface PageSettings {
  readonly tryIt: boolean;
  /** Names under which browsers may show it. */
  readonly hosts: ReadonlySet<string>;
}

const LIST = [
  ...["/metrics", "/livez", "/readyz", "/startupz", "/stack"],
  ...["/debug/services.json", "/debug/methods.json", "/debug/calls.json?seconds=2"],
];

type Answer = PlainAnswer | Promise<PlainAnswer>;

/** Answers the requests of one debug port. */
export class Pages {
  readonly #app: App;
  readonly #settings: PageSettings;
  readonly #assets = new Assets();
  readonly #hub: Hub;
  readonly #trier = new Trier();
  #catalogue: string | undefined = undefined;

  constructor(app: App, settings: PageSettings) {
    this.#app = app;
    this.#settings = settings;
    this.#hub = new Hub(app);
  }

  /** Ends the streams of those who look on. */
  close(): void {
    this.#hub.close();
  }

  /** The answer to a request; undefined when the response has become a stream. */
  answer(request: IncomingMessage, response: ServerResponse): Answer | undefined {
    const { method, url = "/", headers } = request;
    const path = pathOf(url);
    if (path === "/debug/try" && method === "POST") return this.#try(request, response);
    if (path === "/debug/try") return text(405, "405 only POST\n", ["allow", "POST"]);
    if (method !== "GET" && method !== "HEAD") return text(405, "405 only GET\n", ["allow", "GET, HEAD"]);
    const plain = this.#plain(path, headers.accept);
    if (plain !== undefined) return plain;
    const refusal = refusalOf(request, this.#settings.hosts);
    if (refusal !== undefined) return refused(refusal);
    if (this.#assets.has(path)) return this.#assets.answer(path, headers);
    switch (path) {
      case "/debug/services.json":
        return json((this.#catalogue ??= catalogueOf(this.#app, this.#settings.tryIt)));
      case "/debug/methods.json":
        return this.#numbers();
      case "/debug/calls.json":
        return this.#calls(url, response);
      case "/debug/events":
        return method === "HEAD" ? text(200, "") : this.#events(response);
      default:
        return text(404, "404 not found\n");
    }
  }

  /** What is there under any name, for programs. */
  #plain(path: string, accept: string | undefined): Answer | undefined {
    const { health, metrics } = this.#app;
    switch (path) {
      case "/metrics": {
        if (metrics === undefined) return text(404, "404 metrics are off\n");
        const { contentType, body } = metrics(accept);
        return { status: 200, headers: ["content-type", contentType], body };
      }
      case "/livez":
        return healthAnswer(() => health.live(), true);
      case "/readyz":
        return healthAnswer(() => health.ready(), true);
      case "/startupz":
        return healthAnswer(() => health.startup(), true);
      case "/stack":
        return text(200, this.#app.describe());
      case "/":
        return wantsHtml(accept) ? undefined : text(200, `${LIST.join("\n")}\n`, ["vary", "accept"]);
      default:
        return undefined;
    }
  }

  #numbers(): PlainAnswer {
    const { bounds, methods } = numbersOf(this.#app);
    return json(JSON.stringify({ bounds, methods: Object.fromEntries(methods) }));
  }

  #events(response: ServerResponse): PlainAnswer | undefined {
    if (!this.#hub.hasRoom) return tooMany();
    this.#hub.open(response);
    return undefined;
  }

  #calls(url: string, response: ServerResponse): Answer {
    const seconds = secondsIn(url);
    if (seconds === undefined) return text(400, "400 seconds should be a number from 1 to 30\n");
    if (!this.#hub.hasRoom) return tooMany();
    return callsFor(this.#app.clock, this.#hub, { seconds, response }).then((calls) => json(JSON.stringify(calls)));
  }

  async #try(request: IncomingMessage, response: ServerResponse): Promise<PlainAnswer> {
    const refusal = refusalOf(request, this.#settings.hosts);
    if (refusal !== undefined) return refused(refusal);
    if (!this.#settings.tryIt) {
      return text(403, "403 calling methods from here is off: debugServer({ tryIt: true }) turns it on\n");
    }
    const foreign = tryRefusalOf(request);
    if (foreign !== undefined) return refused(foreign);
    try {
      const asked = tryRequestOf(this.#app, this.#trier.read(await readBody(request)));
      const { remoteAddress = "", remotePort = 0 } = request.socket;
      const tried = { ...asked, peer: `${remoteAddress}:${remotePort}` };
      const answer = await this.#trier.call(tried, (abandon) => {
        response.once("close", () => abandon(policyError("canceled")));
      });
      return json(JSON.stringify(answer));
    } catch (error) {
      const problem = ServiceError.is(error) ? error : policyError("internal", { cause: error });
      const status = statusOf(problem);
      return { status, headers: ["content-type", PROBLEM, ...SAFE], body: encodeProblem(problem, status) };
    }
  }
}

function json(body: string): PlainAnswer {
  return { status: 200, headers: ["content-type", "application/json", "cache-control", "no-store", ...SAFE], body };
}

function refused(sentence: string): PlainAnswer {
  return text(Number(sentence.slice(0, 3)), sentence, SAFE);
}

function tooMany(): PlainAnswer {
  return text(503, `503 ${MAX_VIEWERS} are looking already, or the server is shutting down\n`, ["retry-after", "5"]);
}

function wantsHtml(accept: string | undefined): boolean {
  return /(?:^|[\s,])text\/html\b/i.test(accept ?? "");
}
