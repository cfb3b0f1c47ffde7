/**
 * What a route adds to the answers of its method: where something new is, where the next page is, what the answer is
 * recognised by, and whether the caller has it already. Compiled once per route.
 *
 * @module
 */
import type { AnyMethod } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { schemaOf } from "../codec.ts";
import { stringsOf } from "../json/coerce.ts";
import { jsonForm } from "../json/misfit.ts";
import { verdictOf } from "./conditional.ts";
import { bodyTag, entityTag } from "./entity-tag.ts";
import type { HttpHeaders, HttpRequest, ReplyDraft } from "./message.ts";
import type { Route } from "./routes.ts";

/** What is asked of the call that an answer is for. */
export interface Asked {
  readonly verb: string;
  readonly headers: HttpHeaders;
  readonly request: HttpRequest;
}

/** Dresses the answers of one route. */
export interface Dressing {
  /** Adds what follows from the response. */
  dress(draft: ReplyDraft, response: unknown, asked: Asked): void;
  /** The last step, after the hooks: adds validators, and answers a condition. */
  seal(draft: ReplyDraft, response: unknown, asked: Asked): void;
}

/**
 * Compiles what a route says of answers; undefined when it says nothing.
 *
 * @throws {RangeError} when it names a field the response does not have.
 */
export function dressing(route: Route, method: AnyMethod, where: string): Dressing | undefined {
  const { etag, lastModified, location, created, links, cacheControl } = route;
  const named = [etag === "body" ? undefined : etag, lastModified, created, ...(location?.params ?? [])];
  for (const fields of Object.values(links)) named.push(...Object.values(fields).map((field) => field ?? undefined));
  const steps: Step[] = [];
  if (location !== undefined || created !== undefined) steps.push(creation(route, where));
  for (const [rel, fields] of Object.entries(links)) steps.push(link(rel, fields, where));
  if (cacheControl !== undefined) steps.push((draft) => draft.header("cache-control", cacheControl));
  if (steps.length === 0 && etag === undefined && lastModified === undefined) return undefined;
  checkFields(named, method, where);
  const { toJson } = method.response;
  const wireOf = (response: unknown): Wire => (toJson === undefined ? response : toJson(response)) as Wire;
  return {
    dress(draft, response, asked) {
      const wire = steps.length === 0 ? {} : wireOf(response);
      for (const step of steps) step(draft, wire, asked);
    },
    seal(draft, response, asked) {
      const isRead = asked.verb === "GET" || asked.verb === "HEAD";
      let tag = draft.headers.get("etag");
      if (tag === undefined && etag === "body") {
        if (isRead) draft.headers.set("etag", (tag = bodyTag(draft.body)));
      } else if (tag === undefined && etag !== undefined) {
        const text = textOf(wireOf(response), etag, where);
        if (text !== undefined) draft.headers.set("etag", (tag = entityTag(text)));
      }
      const modifiedMs = lastModified === undefined ? undefined : dateOf(wireOf(response), lastModified, where);
      if (modifiedMs !== undefined) draft.header("last-modified", new Date(modifiedMs).toUTCString());
      if (isRead && draft.status === 200) condition(draft, asked.headers, { etag: tag, modifiedMs });
    },
  };
}

type Wire = Readonly<Record<string, unknown>>;

type Step = (draft: ReplyDraft, wire: Wire, asked: Asked) => void;

function condition(draft: ReplyDraft, headers: HttpHeaders, validators: Parameters<typeof verdictOf>[1]): void {
  const verdict = verdictOf(headers, validators);
  if (verdict === "failed") throw policyError("precondition_failed");
  if (verdict === "holds") return;
  draft.status = 304;
  draft.body = "";
  // RFC 9110 §15.4.5: what the caller has already is not said again.
  for (const name of ["content-type", "link"]) draft.headers.delete(name);
}

function creation({ location, created, status }: Route, where: string): Step {
  const pieces = location?.path.split(/\{[^}]+\}/);
  return function tellCreation(draft, wire) {
    if (created !== undefined && own(wire, created) !== true) return;
    draft.status = created === undefined ? status : 201;
    if (location === undefined) return;
    let path = pieces![0]!;
    location.params.forEach((field, i) => {
      const text = textOf(wire, field, where);
      if (text === undefined || text === "" || text === "." || text === "..")
        throw unfit(`${where} response.${field} should be a text that can be a segment of a path`);
      path += encodeURIComponent(text) + pieces![i + 1]!;
    });
    draft.header("location", path);
  };
}

// RFC 8288. The other fields of the query stay as they were asked, so that a page goes on with the same filter.
function link(rel: string, fields: Readonly<Record<string, string | null>>, where: string): Step {
  const parts = Object.entries(fields);
  return function addLink(draft, wire, { request }) {
    const query = new URLSearchParams(request.query);
    for (const [name, field] of parts) {
      query.delete(name);
      if (field === null) continue;
      const text = textOf(wire, field, where);
      // There is no such page.
      if (text === undefined || text === "") return;
      query.set(name, text);
    }
    const path = request.path.replace(/[^\x21\x23-\x3b\x3d\x3f-\x7e]/g, encodeURIComponent);
    const search = query.toString();
    draft.append("link", `<${path}${search === "" ? "" : `?${search}`}>; rel="${rel}"`);
  };
}

function textOf(wire: Wire, field: string, where: string): string | undefined {
  const value = own(wire, field);
  if (value === null) return undefined;
  const texts = stringsOf(value);
  if (texts.length < 2) return texts[0];
  throw unfit(`${where} response.${field} should be one value to stand in a header`);
}

function dateOf(wire: Wire, field: string, where: string): number | undefined {
  const value = own(wire, field);
  if (value === undefined || value === null) return undefined;
  const plain = jsonForm(value);
  const ms = typeof plain === "number" ? plain : typeof plain === "string" ? Date.parse(plain) : Number.NaN;
  // What a Date can hold.
  if (Math.abs(ms) <= 8.64e15) return ms;
  throw unfit(`${where} response.${field} should be a date: a Date, its ISO text, or milliseconds since 1970`);
}

function unfit(text: string): Error {
  return policyError("invalid_response", { cause: new TypeError(text) });
}

function own(wire: Wire, field: string): unknown {
  return typeof wire === "object" && wire !== null && Object.hasOwn(wire, field) ? wire[field] : undefined;
}

function checkFields(named: readonly (string | undefined)[], method: AnyMethod, where: string): void {
  const { properties } = schemaOf(method.response, `${where} response`) as { readonly properties?: object };
  if (properties === undefined) return;
  for (const field of named) {
    if (field !== undefined && !Object.hasOwn(properties, field))
      throw new RangeError(`the route of ${where} should name fields of the response, "${field}" is none`);
  }
}
