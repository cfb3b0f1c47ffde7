/**
 * Binding a contract to REST: which verb and path serves a method, and which fields travel in the path, the query, the
 * headers and the body. A value of this door, given to server and client alike; the contract knows nothing of it.
 *
 * @module
 */
import { checkNames, checkNumber, checkString } from "../../internal/check.ts";
import type { AnyService, Methods, Service, Types, TypesIn } from "../../contract/index.ts";
import { checkCodec, type Codec } from "../codec.ts";
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
  /** Fields in headers: field to header name. Default: none. */
  readonly header?: { readonly [F in keyof X["reqIn"]]?: string } | undefined;
  /** The field that is the body, or "*" for all fields that are nowhere else. Default: "*", for GET and DELETE no body. */
  readonly body?: (keyof X["reqIn"] & string) | "*" | undefined;
  /** The status of an answer, 200 to 299; with 204 the body is left out. Default: 200. */
  readonly status?: number | undefined;
  /** Reads and writes this method's bodies, in place of the server's codecs. Default: those. */
  readonly codec?: Codec | undefined;
}

/** A bind with its defaults, its types forgotten. */
export interface Route {
  readonly method: string;
  /** "*" for every verb. */
  readonly verb: string;
  readonly path: string;
  /** The names in braces, in order. */
  readonly params: readonly string[];
  readonly query: readonly string[] | undefined;
  readonly header: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
  readonly codec: Codec | undefined;
}

/** The routes of one service. */
export interface Routes {
  readonly service: AnyService;
  readonly routes: readonly Route[];
}

type PathOf<B> = B extends { readonly path: infer P extends string } ? P : B extends string ? B : never;

/** What is wrong with a table of routes, in the place where it is wrong. */
type Checked<M extends Methods, R> = {
  readonly [P in keyof R]: P extends keyof M
    ? Exclude<Params<PathOf<R[P]>>, keyof TypesIn<M[P]>["reqIn"]> extends never
      ? unknown
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
  checkNames(where, full, ["path", "query", "header", "body", "status", "codec"]);
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
  return {
    method,
    verb,
    path,
    params,
    query,
    header,
    body: (full.body as string | undefined) ?? (hasBody ? "*" : undefined),
    status: checkNumber(`${where}: status`, full.status ?? 200, { min: 200, max: 299, integer: true }),
    codec: full.codec,
  };
}
