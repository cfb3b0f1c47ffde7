/**
 * Binding a contract to REST: which verb and path serves a method, and which fields travel in the path, the query, the
 * headers and the body. A value of this door, given to server and client alike; the contract knows nothing of it.
 *
 * @module
 */
import { checkNames, checkString } from "../../internal/check.ts";
import type { AnyService, Methods, Service, Types, TypesIn } from "../../contract/index.ts";
import { checkCodec, type Codec } from "../codec.ts";
import { ANSWERS, routeAnswers, type RouteAnswers } from "./route-answers.ts";
import { MAX_SEGMENTS } from "./router.ts";

/** The verbs a route may name. */
export type Verb = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

/** A verb and a path template, or a path alone, which serves every verb. */
export type Template = `${Verb} /${string}` | `/${string}`;

/** The names in braces of a template. */
export type Params<P extends string> = P extends `${string}{${infer N}}${infer R}` ? N | Params<R> : never;

/** Where the fields of a request travel, and how its answer looks. */
export interface Bind<X extends Types> {
  /** Verb and path; each `{name}` is a field of the request: `GET /profiles/{id}`. */
  readonly path: Template;
  /** Fields in the query. Default: every field that is nowhere else, when the request has no body. */
  readonly query?: readonly (keyof X["reqIn"] & string)[] | undefined;
  /**
   * Fields in headers: field to header name. One bound to `if-match` or `if-none-match` gets what stands in the tag, as
   * `etag` of another route wrote it, or "*"; an array gets several. Where the request cannot be without it, a request
   * without `if-match` is answered 428. Default: none.
   */
  readonly header?: { readonly [F in keyof X["reqIn"]]?: string } | undefined;
  /** The field that is the body, or "*" for all fields that are nowhere else. Default: "*", for GET and DELETE no body. */
  readonly body?: (keyof X["reqIn"] & string) | "*" | undefined;
  /** The status of an answer, 200 to 299; with 204 the body is left out. Default: 200; 201 with `location` and no `created`; 202 for a one-way method. */
  readonly status?: number | undefined;
  /** The statuses of declared errors by reason, 400 to 599. Default: by code; with `if-match` 412 for `failed_precondition`. */
  readonly errors?: { readonly [N in ReasonOf<X["failIn"]>]?: number } | undefined;
  /**
   * What answers are recognised by (RFC 9110 §8.8.3): a field that changes whenever the answer does, such as a version, or
   * "body" for a sum over each body. A GET whose `If-None-Match` names it is answered 304. Default: nothing.
   */
  readonly etag?: "body" | (keyof X["resIn"] & string) | undefined;
  /** A field that says when the answer last changed: a Date, its ISO text or milliseconds since 1970. Default: none. */
  readonly lastModified?: (keyof X["resIn"] & string) | undefined;
  /** Where what was created is, each `{name}` a field of the response: `/profiles/{id}`. Default: unsaid. */
  readonly location?: `/${string}` | undefined;
  /** A field that is true when something was created: only then the status is 201 and `location` is told. Default: none. */
  readonly created?: (keyof X["resIn"] & string) | undefined;
  /**
   * Links to other pages of a list (RFC 8288), by relation: fields of the query and the fields of the response they are
   * taken from, null to leave one out: `{ next: { cursor: "nextCursor" }, first: { cursor: null } }`. A link whose field is
   * absent, null or "" is not given. Default: none.
   */
  readonly links?:
    | { readonly [relation: string]: { readonly [F in keyof X["reqIn"]]?: (keyof X["resIn"] & string) | null } }
    | undefined;
  /** What caches may do with answers, the value of `Cache-Control`: `private, max-age=60`. Default: unsaid. */
  readonly cacheControl?: string | undefined;
  /** Reads and writes this method's bodies, in place of the server's codecs. Default: those. */
  readonly codec?: Codec | undefined;
  /**
   * Lets the reader of a server stream come back and go on where it was: the field of a message that names it, which is
   * the `id` of Server-Sent Events, and the field of the request that is given the last one seen, from `Last-Event-ID`.
   * The handler goes on after it. Default: a stream that is cut is over.
   */
  readonly events?: { readonly id: keyof X["resIn"] & string; readonly resume: keyof X["reqIn"] & string } | undefined;
}

/** The reasons of a union of declared errors. */
type ReasonOf<E> = E extends { readonly reason: infer N extends string } ? N : never;

/** A bind with its defaults, its types forgotten. */
export interface Route extends RouteAnswers {
  readonly method: string;
  /** "*" for every verb. */
  readonly verb: string;
  readonly path: string;
  /** The names in braces, in order. */
  readonly params: readonly string[];
  readonly query: readonly string[] | undefined;
  readonly header: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly codec: Codec | undefined;
  readonly events: { readonly id: string; readonly resume: string } | undefined;
}

/** The routes of one service. */
export interface Routes {
  readonly service: AnyService;
  readonly routes: readonly Route[];
}

type LocationOf<B> = B extends { readonly location: infer P extends string } ? P : never;

type PathOf<B> = B extends { readonly path: infer P extends string } ? P : B extends string ? B : never;

/** What is wrong with a table of routes, in the place where it is wrong. */
type Checked<M extends Methods, R> = {
  readonly [P in keyof R]: P extends keyof M
    ? Exclude<Params<PathOf<R[P]>>, keyof TypesIn<M[P]>["reqIn"]> extends never
      ? Exclude<Params<LocationOf<R[P]>>, keyof TypesIn<M[P]>["resIn"]> extends never
        ? unknown
        : {
            readonly "the location names no field of the response": Exclude<
              Params<LocationOf<R[P]>>,
              keyof TypesIn<M[P]>["resIn"]
            >;
          }
      : {
          readonly "the path names no field of the request": Exclude<
            Params<PathOf<R[P]>>,
            keyof TypesIn<M[P]>["reqIn"]
          >;
        }
    : { readonly "the service has no such method": P };
};

/**
 * Binds methods of a service to verbs and paths. Methods that are left out keep `POST /service/method`.
 *
 * @throws {RangeError} when a template, name or status is not what it should be, naming the method.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { routes } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const get = method({ request: z.object({ id: z.string() }), response: z.object({ name: z.string() }) });
 * const profiles = service("profiles", { get });
 * routes(profiles, { get: "GET /profiles/{id}" }).routes[0]?.params; // => ["id"]
 * ```
 */
export function routes<M extends Methods, const R extends { readonly [P in keyof M]?: Template | Bind<TypesIn<M[P]>> }>(
  service: Service<M>,
  table: R & Checked<M, R>,
): Routes {
  const entries = Object.entries(table as Record<string, Template | Bind<Types>>);
  return { service, routes: entries.map(([method, bind]) => route(service, method, bind)) };
}

const HEADER = { pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, says: "the name of a header" };

const TEMPLATE =
  /^(?:(GET|PUT|POST|PATCH|DELETE) )?(\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@%]|\/|\{[A-Za-z_][A-Za-z0-9_]*\})*)$/;

function route(service: AnyService, method: string, bind: Template | Bind<Types>): Route {
  const where = `the route of ${service.name}.${method}`;
  if (!Object.hasOwn(service.methods, method))
    throw new RangeError(`${where} should name a method of the service, got "${method}"`);
  const full: Bind<Types> = typeof bind === "string" ? { path: bind } : bind;
  checkNames(where, full, ["path", "query", "header", "body", "codec", "events", ...ANSWERS]);
  const says = "a verb (GET, PUT, POST, PATCH, DELETE) or none, a space, and a path with {field} for whole segments";
  checkString(`${where}: path`, full.path, { pattern: TEMPLATE, says });
  const [, verb = "*", path = ""] = TEMPLATE.exec(full.path)!;
  const params = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!);
  if (path.split("/").some((segment) => segment.includes("{") && !/^\{[^{}]+\}$/.test(segment))) {
    throw new RangeError(`${where}: path should be ${says}, got "${full.path}"`);
  }
  if (new Set(params).size < params.length)
    throw new RangeError(`${where}: path should name each field once, got "${full.path}"`);
  if (path.split("/").length > MAX_SEGMENTS + 1)
    throw new RangeError(
      `${where}: path should have at most ${MAX_SEGMENTS} segments, got ${path.split("/").length - 1}`,
    );
  if (full.codec !== undefined) checkCodec(`${where}: codec`, full.codec);
  const query = full.query as readonly string[] | undefined;
  const header = (full.header ?? {}) as Record<string, string>;
  for (const name of Object.values(header)) checkString(`${where}: header`, name, HEADER);
  for (const field of [...params, ...(query ?? []), ...Object.keys(header), full.body]) {
    if (field === "__proto__") throw new RangeError(`${where} should name fields that can be sent, got "__proto__"`);
  }
  const hasBody = verb !== "GET" && verb !== "DELETE";
  const { errors, oneWay } = service.methods[method]!;
  return {
    method,
    verb,
    path,
    params,
    query,
    header,
    body: (full.body as string | undefined) ?? (hasBody ? "*" : undefined),
    ...routeAnswers(where, full, { verb, reasons: errors.map(({ reason }) => reason), oneWay }),
    codec: full.codec,
    events: eventsOf(where, full.events),
  };
}

function eventsOf(where: string, events: Bind<Types>["events"]): Route["events"] {
  if (events === undefined) return undefined;
  checkNames(`${where}: events`, events, ["id", "resume"]);
  const { id, resume } = events as { readonly id: string; readonly resume: string };
  return { id: checkString(`${where}: events.id`, id), resume: checkString(`${where}: events.resume`, resume) };
}
