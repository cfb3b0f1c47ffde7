/**
 * What is served, as data: services, methods, the shapes of their messages and their stacks. It does not change while the
 * server runs.
 *
 * @module
 */
import type { JsonSchemaObject, Shape } from "../contract/index.ts";
import type { App, BoundMethod } from "../transport/index.ts";
import { exampleOf } from "./example.ts";

/** A method as the page shows it. */
interface MethodEntry {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly errors: readonly { readonly reason: string; readonly code: string }[];
  /** Undefined where the schema's library cannot give it. */
  readonly request: JsonSchemaObject | undefined;
  readonly response: JsonSchemaObject | undefined;
  /** A request to begin with. */
  readonly example: unknown;
  readonly stack: readonly { readonly kind: string; readonly text: string }[];
}

/** Everything about the methods of an app that never changes, as JSON. */
export function catalogueOf(app: App, tryIt: boolean): string {
  const methods = app.services.flatMap((service) => [...service.methods.values()].map(entryOf));
  return JSON.stringify({ tryIt, metrics: app.collect !== undefined, traces: app.watchSpans !== undefined, methods });
}

function entryOf({ info, method, layers }: BoundMethod): MethodEntry {
  const request = schemaIn(method.request);
  return {
    service: info.service,
    name: info.name,
    kind: info.kind,
    idempotent: info.idempotent,
    timeoutMs: info.timeoutMs,
    errors: info.errors.map(({ reason, code }) => ({ reason, code })),
    request,
    response: schemaIn(method.response),
    example: request === undefined ? {} : exampleOf(request),
    stack: layers.map(({ kind, text }) => ({ kind, text })),
  };
}

// A page that cannot show one shape shows the rest all the same.
function schemaIn(shape: Shape): JsonSchemaObject | undefined {
  try {
    return shape.jsonSchema();
  } catch {
    return undefined;
  }
}
