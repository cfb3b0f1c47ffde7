/**
 * An OpenAPI 3.1 document, as far as this door writes one.
 *
 * @module
 */
import type { JsonSchemaObject } from "../contract/index.ts";
import type { DocumentServer } from "./document-info.ts";

/** An OpenAPI 3.1 document: plain data, for JSON.stringify. */
export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly servers?: readonly DocumentServer[];
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  /** By path template, then by verb in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly responses: Readonly<Record<string, OpenApiResponse>>;
    readonly headers: Readonly<Record<string, unknown>>;
  };
}

/** One route. */
export interface OpenApiOperation {
  /** `service.method`; a method's second route has a 2 at its end. */
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly description?: string;
  readonly deprecated?: true;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: true; readonly content: OpenApiContent };
  readonly responses: Readonly<Record<string, OpenApiResponse | OpenApiReference>>;
}

/** What travels in the path, the query or a header. */
export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: true;
  readonly description?: string;
  readonly deprecated?: true;
  readonly schema: JsonSchemaObject;
}

/** Bodies by media type. */
export type OpenApiContent = Readonly<
  Record<string, { readonly schema?: unknown; readonly example?: unknown; readonly "x-item-schema"?: unknown }>
>;

/** What one status says. */
export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: OpenApiContent;
}

/** A reference to a component. */
export interface OpenApiReference {
  readonly $ref: string;
}
