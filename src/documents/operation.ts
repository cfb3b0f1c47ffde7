/**
 * One route of the HTTP server as an OpenAPI operation.
 *
 * @module
 */
import type { Codec } from "../transport/codec.ts";
import type { Route } from "../transport/http/routes.ts";
import type { JsonSchema } from "../transport/json/schema.ts";
import { successOf } from "./answers.ts";
import { contentOf, manyRequests } from "./content.ts";
import { annotations, type DescribedMethod } from "./described.ts";
import { pascal } from "./names.ts";
import type { OpenApiContent, OpenApiOperation } from "./open-api-types.ts";
import { parametersOf } from "./parameters.ts";
import { errorResponses } from "./problems.ts";
import { fieldsOf, withoutFields } from "./request-parts.ts";
import type { Schemas } from "./schemas.ts";

/** What an operation is described from. */
export interface OperationSource {
  readonly described: DescribedMethod;
  /** Undefined for `POST /service/method`. */
  readonly route: Route | undefined;
  /** The codecs of the server. */
  readonly codecs: readonly Codec[];
  /** The names of the path's parameters in the document, in order. */
  readonly params: readonly string[];
  readonly operationId: string;
}

/** Describes one route. */
export function operationOf(source: OperationSource, schemas: Schemas): OpenApiOperation {
  const { described, route, params, operationId } = source;
  const { request, service } = described;
  const { description, deprecated } = annotations(request);
  const codecs = route?.codec === undefined ? source.codecs : [route.codec];
  const parameters = route === undefined ? [] : parametersOf({ request, route, params }, schemas);
  const content = bodyOf(described, { route, codecs, schemas });
  const any = route?.verb === "*" ? "Served under every verb." : undefined;
  const said = [description, any].filter((one) => one !== undefined).join("\n\n");
  return {
    operationId,
    tags: [service],
    ...(said !== "" && { description: said }),
    ...(deprecated && { deprecated }),
    ...(parameters.length > 0 && { parameters }),
    ...(content !== undefined && { requestBody: { required: true, content } }),
    responses: {
      ...successOf({ described, route, codecs }, schemas),
      ...errorResponses({ described, route, takesBody: content !== undefined }, schemas),
    },
  };
}

interface BodySource {
  readonly route: Route | undefined;
  readonly codecs: readonly Codec[];
  readonly schemas: Schemas;
}

/** The body by media type; undefined when none is read. */
function bodyOf({ request, method }: DescribedMethod, from: BodySource): OpenApiContent | undefined {
  const { route, codecs, schemas } = from;
  if (method.kind === "client" || method.kind === "bidi")
    return manyRequests(schemas.use(request.schema, request.origin));
  if (route !== undefined && route.body === undefined) return undefined;
  return contentOf(codecs, (): JsonSchema => {
    const { schema, origin } = request;
    if (route === undefined) return schemas.use(schema, origin);
    if (route.body === "*") {
      const elsewhere = new Set([...route.params, ...(route.query ?? []), ...Object.keys(route.header)]);
      return schemas.use(withoutFields(schema, elsewhere, origin), { ...origin, name: `${origin.name}Body` });
    }
    const field = fieldsOf(schema, origin)?.get(route.body!)?.schema ?? true;
    return schemas.use(field, { ...origin, name: origin.name + pascal(route.body!) });
  });
}
