/**
 * What each request of a server is for: a method, a probe, a page, or nothing. Knows no platform.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { BoundMethod } from "../bind.ts";
import { json } from "../codec.ts";
import type { App } from "../server.ts";
import { healthAnswer, type HealthPaths } from "./health.ts";
import { RequestView, type Head } from "./message.ts";
import { text, type Page, type PlainAnswer } from "./page.ts";
import { assembler, methodCodecs, type Plan } from "./plan.ts";
import { ANY, pathOf, Router } from "./router.ts";
import type { Route } from "./routes.ts";
import type { ServingSettings } from "./serving.ts";

/** A method that a request is for, with the values of its path, or why it cannot be called. */
export interface Target {
  readonly plan: Plan;
  readonly values: readonly string[];
  readonly refusal?: ServiceError | undefined;
}

/** What a request that no method's own path and verb fit is answered: a call all the same, or in one piece. */
export type Special = Target | { readonly answer: PlainAnswer | Promise<PlainAnswer> };

const NONE: readonly string[] = [];

/** The table of one app, for one server. */
export class Routing {
  readonly #app: App;
  readonly #router = new Router<Plan>();
  readonly #health: ReadonlyMap<string, keyof HealthPaths>;
  readonly #pages = new Map<string, Page>();
  readonly #other: Plan;

  constructor(app: App, settings: ServingSettings) {
    this.#app = app;
    this.#health = settings.health;
    this.#other = plan(app.other, undefined, { ...settings, codecs: [json] });
    for (const path of this.#health.keys()) this.#router.reserve(path);
    for (const { service } of settings.routes) {
      if (!app.services.some(({ name }) => name === service.name))
        throw new RangeError(`routes should be of services that are served, got those of ${service.name}`);
    }
    this.#addMethods(app, settings);
    for (const pages of settings.pages)
      for (const page of pages.pages({ app, routes: settings.routes })) this.#addPage(page);
  }

  #addMethods(app: App, settings: ServingSettings): void {
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

  #addPage(page: Page): void {
    const { path } = page;
    const isTaken = this.#pages.has(path) || this.#health.has(path) || this.#router.find(path)?.verbs.has("GET");
    if (isTaken === true) throw new RangeError(`a page should have a path of its own, GET ${path} is taken`);
    this.#pages.set(path, page);
  }

  /** The plan for a verb at a path, and the path's values; undefined where `special` must look. */
  find(verb: string, url: string): Target | undefined {
    const found = this.#router.find(url);
    const plan = found?.verbs.get(verb) ?? found?.verbs.get(ANY);
    return plan === undefined ? undefined : { plan, values: found!.values };
  }

  /** What else a request may be for. Undefined where nothing has its path: then `unknown` answers it. */
  special(head: Head): Special | undefined {
    const { verb, url } = head;
    const path = pathOf(url);
    const isRead = verb === "GET" || verb === "HEAD";
    const probe = this.#health.get(path);
    if (probe !== undefined && isRead) return { answer: healthAnswer(() => this.#app.health[probe]()) };
    // The most exact path does not serve the verb: a less exact one may.
    const places = this.#router.all(url);
    for (const { verbs, values } of places) {
      const plan = verbs.get(verb) ?? verbs.get(ANY) ?? (verb === "HEAD" ? verbs.get("GET") : undefined);
      if (plan !== undefined) return { plan, values };
    }
    const page = this.#pageAt(path);
    if (page !== undefined && isRead) return { answer: answerOf(page, head) };
    if (places.length === 0 && probe === undefined && page === undefined && !(verb === "OPTIONS" && url === "*"))
      return undefined;
    const verbs = places.flatMap((place) => [...place.verbs.keys()]);
    const allow = allowed(probe === undefined && page === undefined ? verbs : [...verbs, "GET"]);
    if (verb === "OPTIONS") {
      const headers = allow.length === 0 ? NONE : ["allow", allow.join(", ")];
      return { answer: { status: 204, headers } };
    }
    return { plan: this.#other, values: NONE, refusal: policyError("wrong_verb", { details: { allow } }) };
  }

  /** The call of a request whose path nothing has. */
  unknown(): Target {
    return { plan: this.#other, values: NONE, refusal: policyError("unknown_method") };
  }

  #pageAt(path: string): Page | undefined {
    if (this.#pages.size === 0) return undefined;
    const exact = this.#pages.get(path);
    if (exact !== undefined) return exact;
    for (let slash = path.lastIndexOf("/"); slash >= 0; slash = slash === 0 ? -1 : path.lastIndexOf("/", slash - 1)) {
      const below = this.#pages.get(`${path.slice(0, slash)}/*`);
      if (below !== undefined) return below;
    }
    return undefined;
  }
}

async function answerOf(page: Page, head: Head): Promise<PlainAnswer> {
  try {
    return await page.answer(new RequestView(head));
  } catch {
    return text(500, "500 the page cannot be made\n");
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
