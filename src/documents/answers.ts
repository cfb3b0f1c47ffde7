/**
 * What a method answers when all goes well: by status, with the headers that its route adds.
 *
 * @module
 */
import type { Codec } from "../transport/codec.ts";
import { ACCEPTED } from "../transport/http/route-answers.ts";
import type { Route } from "../transport/http/routes.ts";
import { answering, contentOf, manyAnswers } from "./content.ts";
import { annotations, type DescribedMethod } from "./described.ts";
import type { OpenApiContent, OpenApiResponse } from "./open-api-types.ts";
import type { Schemas } from "./schemas.ts";

/** What answers are described from. */
export interface AnswerSource {
  readonly described: DescribedMethod;
  readonly route: Route | undefined;
  readonly codecs: readonly Codec[];
}

/** The answers without errors, by status. */
export function successOf(source: AnswerSource, schemas: Schemas): Readonly<Record<string, OpenApiResponse>> {
  const { described, route, codecs } = source;
  const { response, method } = described;
  if (method.oneWay === true)
    return {
      [route?.status ?? ACCEPTED]: { description: "The request is accepted; what becomes of it is not answered." },
    };
  const { description = "The answer." } = annotations(response);
  const status = route?.status ?? 200;
  const answersMany = method.kind === "server" || method.kind === "bidi";
  const schema = (): ReturnType<Schemas["use"]> => schemas.use(response.schema, response.origin);
  const content = answersMany ? manyAnswers(schema()) : contentOf(answering(codecs), schema);
  const answer = (at: number, text: string): OpenApiResponse => answerOf({ at, text, route, content });
  if (route?.created !== undefined) {
    const made = { [201]: answer(201, "Something was created.") };
    return status === 201 ? made : { [status]: answer(status, description), ...made };
  }
  const isKept = route !== undefined && !answersMany && isConditional(route);
  const same = { [304]: { description: "What the caller has is still what there is.", headers: validators(route) } };
  return { [status]: answer(status, description), ...(isKept && status === 200 && same) };
}

/** Whether a route answers conditions on what was read (RFC 9110 §13). */
export function isConditional({ verb, etag, lastModified }: Route): boolean {
  return (verb === "GET" || verb === "*") && (etag !== undefined || lastModified !== undefined);
}

interface Answer {
  readonly at: number;
  readonly text: string;
  readonly route: Route | undefined;
  readonly content: OpenApiContent;
}

function answerOf({ at, text, route, content }: Answer): OpenApiResponse {
  const headers = headersOf(route, at);
  return {
    description: text,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(at !== 204 && { content }),
  };
}

type Headers = NonNullable<OpenApiResponse["headers"]>;

function headersOf(route: Route | undefined, status: number): Headers {
  if (route === undefined) return {};
  const { location, created, links, cacheControl } = route;
  const isTold = location !== undefined && (created === undefined || status === 201);
  return {
    ...(isTold && { location: header("Where what was created is.") }),
    ...(Object.keys(links).length > 0 && { link: header(`Other pages (RFC 8288): ${Object.keys(links).join(", ")}.`) }),
    ...(cacheControl !== undefined && { "cache-control": header("What caches may do.") }),
    ...validators(route),
  };
}

function validators(route: Route | undefined): Headers {
  return {
    ...(route?.etag !== undefined && { etag: header("Changes whenever the answer does (RFC 9110 §8.8.3).") }),
    ...(route?.lastModified !== undefined && { "last-modified": header("When the answer last changed.") }),
  };
}

function header(description: string): unknown {
  return { description, schema: { type: "string" } };
}
