/**
 * The fields of a request that travel in the path, the query and headers, as OpenAPI parameters.
 *
 * @module
 */
import type { JsonSchemaObject } from "../contract/index.ts";
import { LAST_EVENT_ID } from "../transport/http/stream-plan.ts";
import type { Route } from "../transport/http/routes.ts";
import type { Message } from "./described.ts";
import { pascal } from "./names.ts";
import type { OpenApiParameter } from "./open-api-types.ts";
import { fieldsOf, type Field } from "./request-parts.ts";
import type { Schemas } from "./schemas.ts";

/** What parameters are described from. */
export interface ParametersSource {
  readonly request: Message;
  readonly route: Route;
  /** The names of the path's parameters in the document, in order. */
  readonly params: readonly string[];
}

/** Describes the parameters of a route: path, query, headers. */
export function parametersOf({ request, route, params }: ParametersSource, schemas: Schemas): OpenApiParameter[] {
  if (hasNone(route)) return [];
  const fields = fieldsOf(request.schema, request.origin) ?? new Map<string, Field>();
  const parameter = (place: OpenApiParameter["in"], field: string, name: string): OpenApiParameter => {
    const { schema = true, required = false } = fields.get(field) ?? {};
    const { description, deprecated } = schema === true || schema === false ? ({} as JsonSchemaObject) : schema;
    const origin = { ...request.origin, name: request.origin.name + pascal(field) };
    const condition = place === "header" && /^if-(?:none-)?match$/i.test(name);
    const used = condition ? TAGS : schemas.use(schema, origin);
    return {
      name,
      in: place,
      ...((required || place === "path") && { required: true }),
      ...(typeof description === "string" && { description }),
      ...(deprecated === true && { deprecated }),
      schema: typeof used === "boolean" ? {} : used,
    };
  };
  return [
    ...route.params.map((field, i) => parameter("path", field, params[i]!)),
    ...queryOf(route, fields).map((field) => parameter("query", field, field)),
    ...Object.entries(route.header).map(([field, name]) => parameter("header", field, name)),
    ...(route.events === undefined ? [] : [LAST_EVENT]),
  ];
}

// The field holds what stands in the tag; the header, the tag.
const TAGS: JsonSchemaObject = {
  type: "string",
  description: "Entity tags as the header `etag` of an answer gives them, or *.",
};

const LAST_EVENT: OpenApiParameter = {
  name: LAST_EVENT_ID,
  in: "header",
  description: "The id of the last event that was read: the stream goes on after it.",
  schema: { type: "string" },
};

function hasNone({ params, query, header, body, events }: Route): boolean {
  const bound = params.length + (query?.length ?? 0) + Object.keys(header).length;
  return bound === 0 && body === "*" && events === undefined;
}

function queryOf(route: Route, fields: ReadonlyMap<string, Field>): readonly string[] {
  if (route.query !== undefined) return route.query;
  if (route.body === "*") return [];
  const elsewhere = new Set([...route.params, ...Object.keys(route.header), route.body]);
  return [...fields.keys()].filter((field) => !elsewhere.has(field));
}
