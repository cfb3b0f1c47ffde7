/**
 * What a route says of answers, checked: statuses, validators, where something is, where the next page is.
 *
 * @module
 */
import { checkNumber, checkString, shown } from "../../internal/check.ts";

/** A path made of an answer. */
export interface LocationTemplate {
  readonly path: string;
  readonly params: readonly string[];
}

/** The part of a route that is about answers. */
export interface RouteAnswers {
  readonly status: number;
  /** By reason of a declared error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly location: LocationTemplate | undefined;
  readonly created: string | undefined;
  /** By relation: fields of the query, and what they are taken from. */
  readonly links: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
  readonly cacheControl: string | undefined;
}

/** The same as users write it, types forgotten. */
export interface GivenAnswers {
  readonly status?: number | undefined;
  readonly errors?: object | undefined;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly location?: string | undefined;
  readonly created?: string | undefined;
  readonly links?: object | undefined;
  readonly cacheControl?: string | undefined;
}

/** The names of these options. */
export const ANSWERS: readonly string[] = [
  "status",
  "errors",
  "etag",
  "lastModified",
  "location",
  "created",
  "links",
  "cacheControl",
];

/** What an answer is for. */
export interface AnswersFor {
  readonly verb: string;
  /** The reasons of the method's declared errors. */
  readonly reasons: readonly string[];
  readonly oneWay: boolean | undefined;
}

/** RFC 9110 §15.3.3: what a one-way call is answered as soon as it is accepted. */
export const ACCEPTED = 202;

const FIELD = { pattern: /^(?!__proto__$)/, says: "the name of a field" };
const RELATION = { pattern: /^[a-z][a-z0-9.-]{0,63}$/, says: "a relation in lower case, such as next" };
const CONTROL = { pattern: /^[\t\x20-\x7e]+$/, says: "the value of a Cache-Control header" };
const LOCATION = {
  pattern: /^(?:\/(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z0-9\-._~!$&'()*+,;=:@%]*))+$/,
  says: "a path with {field} for whole segments",
};

/** Checks what a route says of answers, and fills in the defaults. */
export function routeAnswers(where: string, given: GivenAnswers, { verb, reasons, oneWay }: AnswersFor): RouteAnswers {
  const { location, created, etag, lastModified, cacheControl } = given;
  for (const [name, field] of Object.entries({ etag, lastModified, created }))
    if (field !== undefined) checkString(`${where}: ${name}`, field, FIELD);
  if (etag === "body" && verb !== "GET" && verb !== "*")
    throw new RangeError(`${where}: etag should name a field, only GET answers with what is there, got "body"`);
  if (cacheControl !== undefined) checkString(`${where}: cacheControl`, cacheControl, CONTROL);
  const usual = oneWay === true ? ACCEPTED : location !== undefined && created === undefined ? 201 : 200;
  return {
    status: checkNumber(`${where}: status`, given.status ?? usual, { min: 200, max: 299, integer: true }),
    errors: statuses(where, given.errors, reasons),
    etag,
    lastModified,
    location: location === undefined ? undefined : template(checkString(`${where}: location`, location, LOCATION)),
    created,
    links: linksOf(where, given.links),
    cacheControl,
  };
}

function template(path: string): LocationTemplate {
  return { path, params: [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!) };
}

function statuses(where: string, given: object = {}, reasons: readonly string[]): Readonly<Record<string, number>> {
  for (const [reason, status] of Object.entries(given)) {
    if (!reasons.includes(reason))
      throw new RangeError(`${where}: errors should name declared errors of the method, got "${reason}"`);
    checkNumber(`${where}: errors.${reason}`, status, { min: 400, max: 599, integer: true });
  }
  return given as Readonly<Record<string, number>>;
}

function linksOf(where: string, given: object = {}): RouteAnswers["links"] {
  for (const [relation, fields] of Object.entries(given) as [string, unknown][]) {
    checkString(`${where}: links`, relation, RELATION);
    if (typeof fields !== "object" || fields === null)
      throw new TypeError(`${where}: links.${relation} should say where each field is from, got ${shown(fields)}`);
    for (const [name, field] of Object.entries(fields) as [string, unknown][]) {
      if (field !== null) checkString(`${where}: links.${relation}.${name}`, field, FIELD);
    }
  }
  return given as RouteAnswers["links"];
}
