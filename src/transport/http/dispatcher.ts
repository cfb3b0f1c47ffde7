/**
 * Finds the method a request is for and starts its call; answers what is no call: OPTIONS, health probes.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { json } from "../codec.ts";
import type { BoundMethod } from "../bind.ts";
import type { App } from "../server.ts";
import { answerPlainly } from "./answer.ts";
import { HttpCall, type ServerState } from "./call.ts";
import { answerHealth, type HealthPaths } from "./health.ts";
import { assembler, methodCodecs, type Plan } from "./plan.ts";
import { ANY, pathOf, Router } from "./router.ts";
import type { Route } from "./routes.ts";
import type { ServingSettings } from "./serving.ts";

/** Serves one app over requests that somebody accepted. */
export class Dispatcher {
  readonly #app: App;
  readonly #router = new Router<Plan>();
  readonly #health: ReadonlyMap<string, keyof HealthPaths>;
  readonly #other: Plan;
  readonly #server: ServerState;

  constructor(app: App, settings: ServingSettings, server: ServerState) {
    this.#app = app;
    this.#server = server;
    this.#health = settings.health;
    this.#other = plan(app.other, undefined, { ...settings, codecs: [json] });
    for (const path of this.#health.keys()) this.#router.reserve(path);
    for (const { service } of settings.routes) {
      if (!app.services.some(({ name }) => name === service.name))
        throw new RangeError(`routes should be of services that are served, got those of ${service.name}`);
    }
    this.#add(app, settings);
  }

  #add(app: App, settings: ServingSettings): void {
    for (const service of app.services) {
      for (const bound of service.methods.values()) {
        const { name, kind } = bound.info;
        const own = settings.routes
          .filter((one) => one.service.name === service.name)
          .flatMap((one) => one.routes.filter((route) => route.method === name));
        if (kind !== "unary" && own.length > 0)
          throw new RangeError(`${service.name}.${name} should answer once to have a route, it is a ${kind} stream`);
        if (kind !== "unary") continue;
        if (own.length === 0) this.#route("POST", `/${service.name}/${name}`, plan(bound, undefined, settings));
        for (const route of own) this.#route(route.verb, route.path, plan(bound, route, settings));
      }
    }
  }

  #route(verb: string, path: string, target: Plan): void {
    const { service, name } = target.bound.info;
    if (this.#health.has(path) && (verb === "GET" || verb === ANY))
      throw new RangeError(`${service}.${name} should have a route of its own, GET ${path} answers health probes`);
    if (this.#router.add(verb, path, target)) return;
    throw new RangeError(`${service}.${name} should have a route of its own, ${verb} ${path} is taken`);
  }

  /** Serves one request; false when it called `next` instead of answering 404, where a framework offers it. */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): boolean {
    const found = this.#router.find(request.url ?? "/");
    const verb = request.method ?? "GET";
    const target = found?.verbs.get(verb) ?? found?.verbs.get(ANY);
    if (target !== undefined) {
      this.#start(target, { request, response, values: found!.values, server: this.#server });
      return true;
    }
    if (found === undefined && next !== undefined) {
      next();
      return false;
    }
    this.#special({ request, response, values: [], server: this.#server });
    return true;
  }

  #start(target: Plan, from: HttpCall["from"], refusal?: ServiceError): void {
    new HttpCall(target, from, this.#app.clock.now()).run(refusal);
  }

  // The most exact path does not serve the verb: a less exact one may.
  #special(from: HttpCall["from"]): void {
    const { request } = from;
    const { url = "/", method: verb = "GET" } = request;
    const probe = this.#health.get(pathOf(url));
    if (probe !== undefined && (verb === "GET" || verb === "HEAD"))
      return void answerHealth(from, () => this.#app.health[probe]());
    const places = this.#router.all(url);
    for (const { verbs, values } of places) {
      const target = verbs.get(verb) ?? verbs.get(ANY) ?? (verb === "HEAD" ? verbs.get("GET") : undefined);
      if (target !== undefined) return this.#start(target, { ...from, values });
    }
    const allow = allowed([
      ...places.flatMap(({ verbs }) => [...verbs.keys()]),
      ...(probe === undefined ? [] : ["GET"]),
    ]);
    if (verb === "OPTIONS" && (places.length > 0 || url === "*"))
      return answerPlainly(from, { status: 204, headers: allow.length === 0 ? [] : ["allow", allow.join(", ")] });
    const refusal =
      places.length === 0 ? policyError("unknown_method") : policyError("wrong_verb", { details: { allow } });
    this.#start(this.#other, from, refusal);
  }
}

function plan(bound: BoundMethod, route: Route | undefined, settings: ServingSettings): Plan {
  const { hooks, limits } = settings;
  const { service, name } = bound.info;
  const codecs = route?.codec === undefined ? settings.codecs : [route.codec];
  return {
    bound,
    status: route?.status ?? 200,
    takesBody: route === undefined || route.body !== undefined,
    codecs: methodCodecs(codecs, bound, limits),
    assemble: route === undefined ? undefined : assembler(route, bound.method, `${service}.${name}`),
    encode: undefined,
    hooks,
    limits,
  };
}

function allowed(verbs: readonly string[]): string[] {
  if (verbs.length === 0) return [];
  return [...new Set([...verbs, ...(verbs.includes("GET") ? ["HEAD"] : []), "OPTIONS"])];
}
