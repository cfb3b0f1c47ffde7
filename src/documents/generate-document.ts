/**
 * Reading somebody else's OpenAPI document: its own fields only, references followed, and a note of what is passed over.
 *
 * @module
 */
import { shown } from "../internal/check.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Something in the document that the generated contract does not carry, or carries in another way. */
export interface GenerateNote {
  /** An operation, as in `GET /pets/{id}`, a place, as in `#/components/schemas/Pet`, or `#` for the whole document. */
  readonly where: string;
  /** What is not carried, why, and what to do instead where there is something. */
  readonly says: string;
}

/** Collects notes; the same one is kept once. */
export class Notes {
  readonly #notes = new Map<string, GenerateNote>();

  add(where: string, says: string): void {
    this.#notes.set(`${where}\n${says}`, { where, says });
  }

  all(): readonly GenerateNote[] {
    return [...this.#notes.values()];
  }

  /** What is noted at a place. */
  of(where: string): readonly string[] {
    return this.all()
      .filter((note) => note.where === where)
      .map(({ says }) => says);
  }
}

/** Whether a value is an object that is no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object's own field; undefined when it has none. */
export function own(object: unknown, name: string): unknown {
  return isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** An object's own field when it is an object; else an empty one. */
export function ownObject(object: unknown, name: string): JsonObject {
  const value = own(object, name);
  return isObject(value) ? value : {};
}

/** An object's own field when it is a list; else an empty one. */
export function ownList(object: unknown, name: string): readonly unknown[] {
  const value = own(object, name);
  return Array.isArray(value) ? value : [];
}

/** An object's own field when it is a text with something in it. */
export function ownText(object: unknown, name: string): string | undefined {
  const value = own(object, name);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A document that is read. */
export class Source {
  readonly root: JsonObject;
  /** Whether schemas are those of OpenAPI 3.0, an older JSON Schema with words of its own. */
  readonly isOld: boolean;
  readonly notes: Notes = new Notes();

  /** @throws {TypeError | RangeError} when it is no OpenAPI document of version 3.0 or 3.1. */
  constructor(document: unknown) {
    if (!isObject(document)) throw new TypeError(`the document should be an object, got ${shown(document)}`);
    const version = own(document, "openapi") ?? own(document, "swagger");
    if (typeof version !== "string" || !/^3\.[01]\.\d/.test(version))
      throw new RangeError(`the document should be OpenAPI 3.0 or 3.1, got version ${shown(version)}`);
    this.root = document;
    this.isOld = version.startsWith("3.0");
  }

  /** What a pointer such as `#/components/schemas/Pet` leads to; undefined when nothing is there. */
  at(pointer: string): unknown {
    let at: unknown = this.root;
    for (const step of steps(pointer)) {
      if (Array.isArray(at)) at = /^\d+$/.test(step) ? at[Number(step)] : undefined;
      else at = own(at, step);
    }
    return at;
  }

  /** An object, or the one its `$ref` leads to; undefined, with a note, when it leads nowhere. */
  follow(value: unknown, where: string): JsonObject | undefined {
    let at = value;
    for (let hops = 0; isObject(at) && typeof own(at, "$ref") === "string"; hops++) {
      const ref = at["$ref"] as string;
      if (!isLocal(ref) || hops > 32) {
        this.notes.add(where, `the reference ${shown(ref)} ${hops > 32 ? "has no end" : "leads out of the document"}`);
        return undefined;
      }
      at = this.at(ref);
      if (at === undefined) this.notes.add(where, `the reference ${shown(ref)} leads to nothing`);
    }
    return isObject(at) ? at : undefined;
  }
}

/** Whether a reference leads into the document itself. */
export function isLocal(ref: string): boolean {
  return ref === "#" || ref.startsWith("#/");
}

/** The steps of a JSON Pointer in a fragment (RFC 6901 §6). */
export function steps(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => {
      let text = step;
      try {
        text = decodeURIComponent(step);
      } catch {
        // A percent sign that stands for itself.
      }
      return text.replaceAll("~1", "/").replaceAll("~0", "~");
    });
}
