/**
 * Plain values as OTLP's: attributes, bodies, resources.
 *
 * @module
 */
import type { AttributeValue } from "../trace/index.ts";
import type { Message } from "./proto.ts";

/** How deep a value may be nested; what lies deeper is sent as JSON text. */
const MAX_DEPTH = 8;

/** Any JSON value. An integer that a double holds exactly is an integer, any other number a double. */
export function anyValue(value: unknown, depth = 0): Message {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    case "object":
      break;
    default:
      return { stringValue: String(value) };
  }
  if (value === null) return {};
  if (depth === MAX_DEPTH) return { stringValue: JSON.stringify(value) };
  if (Array.isArray(value)) return { arrayValue: { values: value.map((one) => anyValue(one, depth + 1)) } };
  return { kvlistValue: { values: keyValues(Object.entries(value), depth + 1) } };
}

/** Named values in their order. */
export function keyValues(entries: readonly (readonly [string, unknown])[], depth = 0): Message[] {
  return entries.map(([key, value]) => ({ key, value: anyValue(value, depth) }));
}

/** Who sends. */
export interface ResourceParts {
  readonly service: string;
  readonly version?: string | undefined;
  readonly instance?: string | undefined;
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined;
}

/** A resource in OpenTelemetry's words. */
export function resourceOf({ service, version, instance, attributes = {} }: ResourceParts): Message {
  const named: (readonly [string, unknown])[] = [["service.name", service]];
  if (version !== undefined) named.push(["service.version", version]);
  if (instance !== undefined) named.push(["service.instance.id", instance]);
  return { attributes: keyValues([...named, ...Object.entries(attributes)]) };
}

/** What made the data, in OpenTelemetry's sense. */
export const SCOPE: Message = { name: "servicekit" };
