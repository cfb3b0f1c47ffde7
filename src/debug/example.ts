/**
 * A value that fits a JSON Schema, more or less: what the form of a method begins with. People change it; the method's own
 * validation has the last word.
 *
 * @module
 */
import type { JsonSchemaObject } from "../contract/index.ts";

/** Deeper parts, as of a schema that holds itself, are left out. */
const MAX_DEPTH = 8;

/** The most parts of one example. */
const MAX_PARTS = 200;

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "12:00:00Z",
  duration: "PT1M",
  uuid: "00000000-0000-4000-8000-000000000000",
  email: "ada@example.com",
  uri: "https://example.com/",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
};

/** Makes an example of what a schema describes. */
export function exampleOf(schema: JsonSchemaObject): unknown {
  return new Sketch(schema).of(schema, 0) ?? null;
}

class Sketch {
  readonly #root: JsonSchemaObject;
  #parts = 0;

  constructor(root: JsonSchemaObject) {
    this.#root = root;
  }

  of(given: unknown, depth: number): unknown {
    if (typeof given !== "object" || given === null || depth > MAX_DEPTH || this.#parts++ > MAX_PARTS) return undefined;
    const schema = given as Readonly<Record<string, unknown>>;
    for (const name of ["const", "default"]) if (schema[name] !== undefined) return schema[name];
    for (const name of ["examples", "enum"]) {
      const [first] = listOf(schema[name]);
      if (first !== undefined) return first;
    }
    if (typeof schema["$ref"] === "string") return this.of(this.#find(schema["$ref"]), depth + 1);
    const all = listOf(schema["allOf"]);
    if (all.length > 0) return this.#joined([{ ...schema, allOf: undefined }, ...all], depth);
    const [choice] = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])];
    if (choice !== undefined) return this.of(choice, depth + 1);
    return this.#ofType(schema, depth);
  }

  #ofType(schema: Readonly<Record<string, unknown>>, depth: number): unknown {
    const type = listOf(schema["type"])[0] ?? schema["type"] ?? (schema["properties"] ? "object" : undefined);
    switch (type) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, depth);
      case "string":
        return text(schema);
      case "integer":
      case "number":
        return number(schema);
      case "boolean":
        return false;
      case "null":
        return null;
      default:
        return undefined;
    }
  }

  #object(schema: Readonly<Record<string, unknown>>, depth: number): unknown {
    const required = listOf(schema["required"]);
    const entries: [string, unknown][] = [];
    for (const [name, part] of Object.entries((schema["properties"] ?? {}) as object)) {
      // What need not be there stays out further down: an example is to be read.
      if (depth > 1 && !required.includes(name)) continue;
      const value = this.of(part, depth + 1);
      if (value !== undefined) entries.push([name, value]);
    }
    return Object.fromEntries(entries);
  }

  #array(schema: Readonly<Record<string, unknown>>, depth: number): unknown {
    const fixed = listOf(schema["prefixItems"]);
    if (fixed.length > 0) return fixed.map((item) => this.of(item, depth + 1) ?? null);
    const item = this.of(schema["items"], depth + 1);
    const count = Math.min(10, Math.max(1, numberOr(schema["minItems"], 1)));
    return item === undefined ? [] : Array.from({ length: count }, () => item);
  }

  #joined(schemas: readonly unknown[], depth: number): unknown {
    const parts = schemas.map((one) => this.of(one, depth + 1)).filter((one) => one !== undefined);
    const objects = parts.filter((one) => typeof one === "object" && one !== null && !Array.isArray(one));
    return objects.length > 0 ? Object.fromEntries(objects.flatMap((one) => Object.entries(one as object))) : parts[0];
  }

  #find(pointer: string): unknown {
    let found: unknown = this.#root;
    for (const part of pointer.replace(/^#\/?/, "").split("/").filter(Boolean)) {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      found =
        typeof found === "object" && found !== null && Object.hasOwn(found, name) ? found[name as never] : undefined;
    }
    return found;
  }
}

function text(schema: Readonly<Record<string, unknown>>): string {
  const known = FORMATS[String(schema["format"])];
  if (known !== undefined) return known;
  const least = Math.min(100, numberOr(schema["minLength"], 0));
  const word = "text".slice(0, numberOr(schema["maxLength"], 4));
  return word.padEnd(least, "x");
}

function number(schema: Readonly<Record<string, unknown>>): number {
  const step = numberOr(schema["multipleOf"], schema["type"] === "integer" ? 1 : 0);
  const least = numberOr(schema["minimum"], numberOr(schema["exclusiveMinimum"], -Infinity));
  const most = numberOr(schema["maximum"], numberOr(schema["exclusiveMaximum"], Infinity));
  const above = least === schema["exclusiveMinimum"] ? least + (step || 1) : least;
  const near = Math.min(most, Math.max(above, 1));
  return step > 0 ? Math.ceil(near / step) * step : near;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOr(value: unknown, other: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : other;
}
