/**
 * Finds the method a request is for and starts its call; answers what is no call: OPTIONS, health probes.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { json, type Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions, type Limits } from "../limits.ts";
import type { BoundMethod } from "../bind.ts";
import type { App } from "../server.ts";
import { HttpCall, type ServerState } from "./call.ts";
import { answerHealth, healthPaths, type HealthPaths } from "./health.ts";
import type { HttpReply, HttpRequest } from "./message.ts";
import { assembler, methodCodecs, type Plan } from "./plan.ts";
import { ANY, Router, type Found } from "./router.ts";
import type { Route, Routes } from "./routes.ts";

/** What decides how requests are served, whoever accepts the connections. */
export interface ServingOptions extends Hooks<HttpRequest, HttpReply> {
  /** REST bindings of services. Default: none, each method is `POST /service/method`. */
  readonly routes?: readonly Routes[] | undefined;
  /** What bodies may be written in; the first is the default. Default: JSON alone. */
  readonly codecs?: readonly [Codec, ...Codec[]] | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Where probes are answered, with `{"ok":true}` or a 503; false for nowhere. Default: /livez, /readyz, /startupz. */
  readonly health?: HealthPaths | false | undefined;
}

/** The names of the serving options. */
export const SERVING: readonly string[] = ["routes", "codecs", "limits", "health", ...HOOKS];

/** Serves one app over requests that somebody accepted. */
export class Dispatcher {
  readonly #app: App;
  readonly #router = new Router<Plan>();
  readonly #health: ReadonlyMap<string, keyof HealthPaths>;
  readonly #other: Plan;
  readonly #server: ServerState;

  constructor(app: App, options: ServingOptions, server: ServerState) {
    const limits = limitsOf(options.limits);
    this.#app = app;
    this.#server = server;
    this.#health = healthPaths(options.health);
    this.#other = plan(app.other, undefined, options, limits, [json]);
    this.#add(app, options, limits);
  }

  #add(app: App, options: ServingOptions, limits: Limits): void {
    const { routes = [], codecs = [json] } = options;
    for (const service of app.services) {
      for (const bound of service.methods.values()) {
        if (bound.info.kind !== "unary") continue;
        const { name } = bound.info;
        const own = routes
          .filter((one) => one.service.name === service.name)
          .flatMap((one) => one.routes.filter((route) => route.method === name));
        if (own.length === 0)
          this.#route("POST", `/${service.name}/${name}`, plan(bound, undefined, options, limits, codecs));
        for (const route of own) {
          this.#route(
            route.verb,
            route.path,
            plan(bound, route, options, limits, route.codec === undefined ? codecs : [route.codec]),
          );
        }
      }
    }
  }

  #route(verb: string, path: string, target: Plan): void {
    if (this.#router.add(verb, path, target)) return;
    const { service, name } = target.bound.info;
    throw new RangeError(`${service}.${name} should have a route of its own, ${verb} ${path} is taken`);
  }

  /** Serves one request; `next` is called instead of answering 404, where a framework offers it. */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    const url = request.url ?? "/";
    const found = this.#router.find(url) ?? this.#router.find(pathOf(url));
    const verb = request.method ?? "GET";
    const target = found?.verbs.get(verb) ?? found?.verbs.get(ANY);
    if (target !== undefined)
      return this.#start(target, { request, response, values: found!.values, server: this.#server });
    if (found === undefined && next !== undefined && !this.#health.has(pathOf(url))) return next();
    this.#special({ request, response, values: [], server: this.#server }, found);
  }

  #start(target: Plan, from: HttpCall["from"], refusal?: ServiceError): void {
    new HttpCall(target, from, this.#app.clock.now()).run(refusal);
  }

  #special(from: HttpCall["from"], found: Found<Plan> | undefined): void {
    const { request, response } = from;
    const verb = request.method ?? "GET";
    const probe = this.#health.get(pathOf(request.url ?? "/"));
    if (probe !== undefined && (verb === "GET" || verb === "HEAD"))
      return void answerHealth(this.#app.health[probe](), response);
    const allow = found === undefined ? [] : allowed(found.verbs);
    if (verb === "HEAD" && found?.verbs.has("GET") === true)
      return this.#start(found.verbs.get("GET")!, { ...from, values: found.values });
    if (verb === "OPTIONS" && (found !== undefined || request.url === "*")) {
      response.writeHead(204, allow.length === 0 ? [] : ["allow", allow.join(", ")]);
      response.end();
      request.resume();
      return;
    }
    const refusal =
      found === undefined ? policyError("unknown_method") : policyError("wrong_verb", { details: { allow } });
    this.#start(this.#other, from, refusal);
  }
}

function plan(
  bound: BoundMethod,
  route: Route | undefined,
  options: ServingOptions,
  limits: Limits,
  codecs: readonly Codec[],
): Plan {
  const { service, name } = bound.info;
  return {
    bound,
    status: route?.status ?? 200,
    takesBody: route === undefined || route.body !== undefined,
    codecs: methodCodecs(codecs, bound, limits),
    assemble: route === undefined ? undefined : assembler(route, bound.method, `${service}.${name}`),
    encode: undefined,
    hooks: hooksOf(options),
    limits,
  };
}

function allowed(verbs: ReadonlyMap<string, Plan>): string[] {
  const own = [...verbs.keys()];
  return [...own, ...(own.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}
