/**
 * What each request of a server is for: a method, a probe, a page, or nothing. Knows no platform.
 *
 * @module
 */
import type { MethodInfo } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { BoundMethod } from "../bind.ts";
import { json } from "../codec.ts";
import type { App } from "../server.ts";
import { isPreflight, type Cors } from "./cors.ts";
import { dressing } from "./dressing.ts";
import { healthAnswer, type HealthPaths } from "./health.ts";
import type { Head } from "./message.ts";
import type { PlainAnswer } from "./page.ts";
import { pageAnswer, PageTable } from "./page-table.ts";
import { assembler, methodCodecs, type Plan } from "./plan.ts";
import { ANY, pathOf, Router, type Found } from "./router.ts";
import { ACCEPTED } from "./route-answers.ts";
import type { Route } from "./routes.ts";
import type { ServingSettings } from "./serving.ts";
import { resuming, streamPlan } from "./stream-plan.ts";

/** A method that a request is for, with the values of its path, or why it cannot be called. */
export interface Target {
  readonly plan: Plan;
  readonly values: readonly string[];
  readonly refusal?: ServiceError | undefined;
}

/** What a request that no method's own path and verb fit is answered: a call all the same, or in one piece. */
export type Special = Target | { readonly answer: PlainAnswer | Promise<PlainAnswer> };

/** Whether nothing here serves the path, or not with this verb: somebody else may. */
export function isUnserved(special: Special | undefined): boolean {
  return special === undefined || ("refusal" in special && special.refusal !== undefined);
}

const NONE: readonly string[] = [];

/** What a path serves that serves every verb, as far as anybody asks. */
const ALL: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** The table of one app, for one server. */
export class Routing {
  readonly #app: App;
  readonly #router = new Router<Plan>();
  readonly #health: ReadonlyMap<string, keyof HealthPaths>;
  readonly #pages: PageTable;
  readonly #other: Plan;
  readonly #cors: Cors | undefined;

  constructor(app: App, settings: ServingSettings) {
    this.#app = app;
    this.#health = settings.health;
    this.#cors = settings.cors;
    this.#other = plan(app.other, undefined, { ...settings, codecs: [json] });
    for (const path of this.#health.keys()) this.#router.reserve(path);
    for (const { service } of settings.routes) {
      if (!app.services.some(({ name }) => name === service.name))
        throw new RangeError(`routes should be of services that are served, got those of ${service.name}`);
    }
    this.#addMethods(app, settings);
    const { routes, codecs } = settings;
    this.#pages = new PageTable(settings.pages, { app, routes, codecs }, (path) => this.#isTaken(path));
  }

  #addMethods(app: App, settings: ServingSettings): void {
    for (const service of app.services) {
      for (const bound of service.methods.values()) {
        const { name } = bound.info;
        const own = settings.routes
          .filter((one) => one.service.name === service.name)
          .flatMap((one) => one.routes.filter((route) => route.method === name));
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
    const other = this.#router.at(verb, path)?.bound.info;
    const owner = other === undefined ? "taken" : `that of ${other.service}.${other.name}`;
    throw new RangeError(`${service}.${name} should have a route of its own, ${verb} ${path} is ${owner}`);
  }

  #isTaken(path: string): boolean {
    return this.#health.has(path) || this.#router.find(path)?.verbs.has("GET") === true;
  }

  /** The plan for a verb at a path, and the path's values; undefined where `special` must look. */
  find(verb: string, url: string): Target | undefined {
    // A browser's question is no request for whatever serves every verb.
    if (this.#cors !== undefined && verb === "OPTIONS") return undefined;
    const found = this.#router.find(url);
    const plan = found?.verbs.get(verb) ?? found?.verbs.get(ANY);
    return plan === undefined ? undefined : { plan, values: found!.values };
  }

  /** What else a request may be for. Undefined where nothing has its path: then `unknown` answers it. */
  special(head: Head): Special | undefined {
    const cors = this.#cors;
    if (cors !== undefined && isPreflight(head.verb, head.headers)) return this.#preflight(cors, head);
    const special = this.#special(head);
    if (cors === undefined || special === undefined || "plan" in special) return special;
    const { answer } = special;
    const { origin } = head.headers;
    if (!isPromise(answer)) return { answer: cors.dressed(answer as PlainAnswer, origin) };
    return { answer: (answer as Promise<PlainAnswer>).then((later) => cors.dressed(later, origin)) };
  }

  #preflight(cors: Cors, { url, headers }: Head): Special | undefined {
    const allow = this.#allowed(pathOf(url), this.#router.all(url));
    return allow.length === 0 ? undefined : { answer: cors.preflight(headers, allow) };
  }

  #allowed(path: string, places: readonly Found<Plan>[]): readonly string[] {
    const verbs = places.flatMap((place) => [...place.verbs.keys()]);
    if (this.#health.has(path) || this.#pages.find(path) !== undefined) verbs.push("GET");
    return allowed(verbs);
  }

  #special(head: Head): Special | undefined {
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
    const page = this.#pages.find(path);
    if (page !== undefined && isRead) return { answer: pageAnswer(page, head) };
    if (places.length === 0 && probe === undefined && page === undefined && !(verb === "OPTIONS" && url === "*"))
      return undefined;
    const allow = this.#allowed(path, places);
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
}

function plan(bound: BoundMethod, route: Route | undefined, settings: ServingSettings): Plan {
  const { hooks, limits } = settings;
  const { service, name } = bound.info;
  const codecs = route?.codec === undefined ? settings.codecs : [route.codec];
  const about = { info: bound.info, method: bound.method, route };
  const stream = streamPlan(about, settings);
  const where = `${service}.${name}`;
  const assemble = route === undefined ? undefined : assembler(route, bound.method, where);
  const compiled = methodCodecs(codecs, { bound, limits, body: route?.body });
  const dressed = route === undefined ? undefined : dressing(route, bound.method, where);
  const isPiecewise = stream?.answersMany === true || compiled.answers.some((one) => one.writeStream !== undefined);
  if (dressed !== undefined && isPiecewise)
    throw new RangeError(`the route of ${where} should say nothing of answers, which are written piece by piece`);
  return {
    bound,
    status: route?.status ?? (bound.info.oneWay === true ? ACCEPTED : 200),
    takesBody: stream?.takesMany !== true && (route === undefined || route.body !== undefined),
    ...compiled,
    assemble: stream?.events === undefined ? assemble : resuming(assemble, stream.events, about),
    encode: undefined,
    errors: route === undefined ? undefined : errorStatuses(route, bound.info),
    dressing: bound.info.oneWay === true ? undefined : dressed,
    cors: settings.cors,
    stream,
    hooks,
    limits,
    // There is nothing to compress in an acknowledgement.
    compress: bound.info.oneWay === true ? undefined : settings.compress,
  };
}

/** Statuses of declared errors that a route says, or that follow from its condition. */
function errorStatuses(route: Route, { errors }: MethodInfo): ReadonlyMap<string, number> | undefined {
  const isConditional = Object.values(route.header).some((name) => name.toLowerCase() === "if-match");
  const statuses = new Map<string, number>();
  for (const { reason, code } of errors) {
    const status = route.errors[reason] ?? (isConditional && code === "failed_precondition" ? 412 : undefined);
    if (status !== undefined) statuses.set(reason, status);
  }
  return statuses.size === 0 ? undefined : statuses;
}

function allowed(verbs: readonly string[]): string[] {
  if (verbs.length === 0) return [];
  if (verbs.includes(ANY)) return [...ALL];
  return [...new Set([...verbs, ...(verbs.includes("GET") ? ["HEAD"] : []), "OPTIONS"])];
}
