/**
 * Leaves the fields of a JSON form out that its message does not declare. protobuf-es can ignore them by itself, but then
 * ignores misspelt enum values as well.
 *
 * @module
 */
import type { DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { isWellKnown } from "./well-known.ts";

/** Gives the JSON form of a message with declared fields only; what is no such form stays as it is. */
export type Project = (desc: DescMessage, json: unknown) => unknown;

type Json = Readonly<Record<string, unknown>>;

/** The fields of a message by the names they may have in JSON. */
export type Fields = (desc: DescMessage) => ReadonlyMap<string, DescField>;

/** Makes the tables of fields, each when it is first asked for. */
export function fieldTables(): Fields {
  const tables = new Map<string, ReadonlyMap<string, DescField>>();
  return function fieldsOf(desc) {
    const known = tables.get(desc.typeName);
    if (known !== undefined) return known;
    const made = new Map(
      desc.fields.flatMap((field) => [field.jsonName, field.name].map((name) => [name, field] as const)),
    );
    tables.set(desc.typeName, made);
    return made;
  };
}

/** Makes the projection; extensions and what is in an `Any` are declared in `registry`. */
export function declaredFields(registry: Registry, fieldsOf: Fields): Project {
  function inMessage(desc: DescMessage, json: unknown): unknown {
    if (!isRecord(json)) return json;
    if (desc.typeName === "google.protobuf.Any") return inAny(json);
    if (isWellKnown(desc)) return json;
    const fields = fieldsOf(desc);
    return project(json, (key, value) => {
      const field = fields.get(key);
      if (field !== undefined) return inField(field, value);
      return isExtension(key, desc) ? value : undefined;
    });
  }

  function inField(field: DescField, json: unknown): unknown {
    const { message } = field;
    if (message === undefined) return json;
    if (field.fieldKind === "list") return Array.isArray(json) ? json.map((one) => inMessage(message, one)) : json;
    if (field.fieldKind === "map")
      return isRecord(json) ? project(json, (_, value) => inMessage(message, value)) : json;
    return inMessage(message, json);
  }

  function inAny(json: Json): unknown {
    const { "@type": url, ...fields } = json;
    const desc = typeof url === "string" ? registry.getMessage(url.slice(url.lastIndexOf("/") + 1)) : undefined;
    if (desc === undefined || isWellKnown(desc)) return json;
    return { "@type": url, ...(inMessage(desc, fields) as Json) };
  }

  function isExtension(key: string, desc: DescMessage): boolean {
    return key.startsWith("[") && registry.getExtension(key.slice(1, -1))?.extendee.typeName === desc.typeName;
  }

  return inMessage;
}

/** A copy with other values; what becomes undefined is left out. */
function project(json: Json, change: (key: string, value: unknown) => unknown): Json {
  const entries = Object.entries(json).map(([key, value]) => [key, change(key, value)] as const);
  // Not by assignment: "__proto__" may be a key.
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
