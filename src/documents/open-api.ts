/**
 * OpenAPI 3.1 from contracts and their REST bindings. Not for other transports: JSON-RPC has `openRpc`.
 *
 * @module
 */
import type { AnyService } from "../contract/index.ts";
import { checkNames, shown } from "../internal/check.ts";
import { checkCodec, json, type Codec } from "../transport/codec.ts";
import type { Route, Routes } from "../transport/http/routes.ts";
import { checkServices, describedMethods, type DescribedMethod } from "./described.ts";
import { documentInfo, INFO, type DocumentOptions } from "./document-info.ts";
import type { OpenApiDocument, OpenApiOperation } from "./open-api-types.ts";
import { operationOf } from "./operation.ts";
import { HEADERS, sharedResponses } from "./problems.ts";
import { Schemas } from "./schemas.ts";

/** What an OpenAPI document is told. */
export interface OpenApiOptions extends DocumentOptions {
  /** The REST bindings, as the server has them. Default: none, each method is `POST /service/method`. */
  readonly routes?: readonly Routes[] | undefined;
  /** The codecs of the server, as `httpServer` has them. Default: JSON alone. */
  readonly codecs?: readonly [Codec, ...Codec[]] | undefined;
}

/**
 * Describes services as an OpenAPI 3.1 document: an operation per route, with parameters, bodies, the answer, every
 * declared error under its status, and what the server itself may say. Schemas with a name (an id, a title, a place in
 * `$defs`), and objects used in several places, are components. The same services give the same text.
 *
 * @throws {TypeError} when a message has no JSON Schema: names it and the adapter that is missing.
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { openApi } from "servicekit/documents";
 * import { routes } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const get = method({ request: z.object({ id: z.string() }), response: z.object({ name: z.string() }) });
 * const profiles = service("profiles", { get });
 * const rest = routes(profiles, { get: "GET /profiles/{id}" });
 * const document = openApi([profiles], { title: "Profiles", version: "1.0.0", routes: [rest] });
 * document.paths["/profiles/{id}"]?.["get"]?.operationId; // => "profiles.get"
 * ```
 */
export function openApi(services: readonly AnyService[], options: OpenApiOptions): OpenApiDocument {
  checkNames("openApi", options, [...INFO, "routes", "codecs"]);
  const { routes = [], codecs = [json] } = options;
  if (!Array.isArray(routes))
    throw new TypeError(`routes should be a list of what routes() returns, got ${shown(routes)}`);
  for (const codec of codecs) checkCodec("codecs", codec);
  const head = documentInfo(options);
  const methods = describedMethods(checkServices(services), () => true);
  const schemas = new Schemas();
  const write = (): OpenApiDocument["paths"] => pathsOf(methods, { routes, codecs, schemas });
  write();
  schemas.settle();
  const paths = write();
  const responses = sharedResponses(paths, schemas);
  return {
    openapi: "3.1.1",
    ...head,
    tags: services.map(({ name }) => ({ name })),
    paths,
    components: { schemas: schemas.components(), responses, headers: HEADERS },
  };
}

interface Parts {
  readonly routes: readonly Routes[];
  readonly codecs: readonly Codec[];
  readonly schemas: Schemas;
}

function pathsOf(methods: readonly DescribedMethod[], { routes, codecs, schemas }: Parts): OpenApiDocument["paths"] {
  const paths = new Map<string, Map<string, OpenApiOperation>>();
  const templates = new Map<string, string>();
  const all = methods.flatMap((described) =>
    routesOf(described, routes).map((route, i) => ({ described, route, id: i === 0 ? "" : `.${i + 1}` })),
  );
  // What serves every verb takes one that is left.
  const [every, exact] = [
    all.filter(({ route }) => route?.verb === "*"),
    all.filter(({ route }) => route?.verb !== "*"),
  ];
  for (const { described, route, id } of [...exact, ...every]) {
    const given = route?.path ?? `/${described.service}/${described.name}`;
    // Two templates that differ in names only are one path (OpenAPI 3.1 §4.8.8), whose first names stay.
    const form = given.replaceAll(/\{[^}]+\}/g, "{}");
    const path = templates.get(form) ?? given;
    templates.set(form, path);
    const params = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!);
    const verbs = paths.get(path) ?? new Map<string, OpenApiOperation>();
    paths.set(path, verbs);
    const verb = route?.verb === "*" ? VERBS.find((one) => !verbs.has(one)) : (route?.verb ?? "POST").toLowerCase();
    if (verb === undefined) continue;
    verbs.set(verb, operationOf({ described, route, codecs, params, operationId: described.full + id }, schemas));
  }
  return Object.fromEntries([...paths].map(([path, verbs]) => [path, Object.fromEntries(verbs)]));
}

const VERBS = ["post", "put", "patch", "get", "delete"];

function routesOf({ service, name }: DescribedMethod, routes: readonly Routes[]): readonly (Route | undefined)[] {
  const own = routes
    .filter((one) => one.service.name === service)
    .flatMap((one) => one.routes.filter((route) => route.method === name));
  return own.length === 0 ? [undefined] : own;
}
