/**
 * Builds the messages of a service out of its schemas: which there are, what they are called, what is in them.
 *
 * @module
 */
import type { AnyService, Shape } from "../contract/index.ts";
import { schemaOf } from "./codec.ts";
import type { ObjectForm } from "./json/form.ts";
import type { JsonSchema, Scope } from "./json/schema.ts";
import {
  typeText,
  type FieldType,
  type MessageField,
  type MessageType,
  type MethodMessages,
} from "./message-types-model.ts";
import { checkFieldName, MessageNames, pascalCase } from "./message-types-names.ts";
import {
  bytesType,
  closedObject,
  followed,
  itemsOf,
  jsonType,
  nullableForms,
  recordOf,
  singleType,
  type Followed,
} from "./message-types-schema.ts";
import type { Numbering } from "./numbering-rules.ts";

/** How deep messages nest that have no name of their own, before the rest is left to JSON: such a schema never ends. */
const MAX_NESTED = 16;

/** The messages of a service by the names of its methods. */
export function buildMessages(service: AnyService, numbering: Numbering): ReadonlyMap<string, MethodMessages> {
  const names = new MessageNames([service.name.slice(service.name.lastIndexOf(".") + 1)]);
  // The messages of methods have the first choice of names.
  const roots = Object.entries(service.methods).map(([name, method]) => ({
    name,
    method,
    request: names.take(`${pascalCase(name)}Request`),
    response: names.take(`${pascalCase(name)}Response`),
  }));
  const common: Common = { names, shared: new Map(), numbering };
  function build(shape: Shape, name: string, where: string): MessageType {
    return new SchemaMessages({ root: schemaOf(shape, where), where }, common).root(name);
  }
  return new Map(
    roots.map(({ name, method, request, response }) => [
      name,
      {
        request: build(method.request, request, `${service.name}.${name} request`),
        response: build(method.response, response, `${service.name}.${name} response`),
      },
    ]),
  );
}

/** A definition that became a message, with the text of all that belongs to it. */
interface Shared {
  readonly text: string;
  readonly message: MessageType;
}

/** What the schemas of a service have in common. */
interface Common {
  readonly names: MessageNames;
  readonly shared: Map<string, Shared>;
  readonly numbering: Numbering;
}

interface Draft extends MessageType {
  readonly fields: MessageField[];
  removed: MessageType["removed"];
}

/** The messages of one schema. */
class SchemaMessages {
  readonly #scope: Scope;
  readonly #names: MessageNames;
  readonly #shared: Map<string, Shared>;
  readonly #numbering: Numbering;
  readonly #known = new Map<JsonSchema, MessageType>();

  constructor(scope: Scope, { names, shared, numbering }: Common) {
    this.#scope = scope;
    this.#names = names;
    this.#shared = shared;
    this.#numbering = numbering;
  }

  root(name: string): MessageType {
    const { root } = this.#scope;
    const { schema, isNullable } = followed(root, this.#scope);
    const object = nullableForms(schema, this.#scope);
    const form = closedObject(object.forms);
    if (form !== undefined && !isNullable && !object.isNullable) return this.#message(root, form, { name, depth: 0 });
    const message: Draft = { name, fields: [], removed: [], isWrapped: true };
    this.#fill(message, [{ name: "value", schema: root, required: true }], 0);
    return message;
  }

  #message(schema: JsonSchema, form: ObjectForm, { name, depth }: Place): MessageType {
    const message: Draft = { name, fields: [], removed: [], isWrapped: false };
    // Before its fields are looked at: one of them may lead back here.
    this.#known.set(schema, message);
    this.#fill(message, form.fields, depth);
    return message;
  }

  #fill(message: Draft, fields: ObjectForm["fields"], depth: number): void {
    const made = fields.map(({ name, schema, required }) => {
      checkFieldName(name, this.#scope);
      const { type, isNullable } = this.#field(schema, required, { name: message.name + pascalCase(name), depth });
      return { name, type, isOptional: !required || isNullable, isNullable };
    });
    const named = made.map(({ name, type }) => ({ name, type: typeText(type) }));
    const { numbers, removed } = this.#numbering({ name: message.name, where: this.#scope.where, fields: named });
    message.removed = removed;
    made.forEach((field, at) => message.fields.push({ ...field, number: numbers[at]! }));
  }

  #field(
    schema: JsonSchema,
    required: boolean,
    place: Place,
  ): { readonly type: FieldType; readonly isNullable: boolean } {
    const { type, isNullable } = this.#type(schema, place);
    // A wire has one way to leave a field out, which cannot stand for null and for nothing; lists and maps have none.
    const hasNull = type?.kind !== "list" && type?.kind !== "map" && required;
    if (type === undefined || (isNullable && !hasNull))
      return { type: jsonType(schema, this.#scope), isNullable: false };
    return { type, isNullable };
  }

  /** The type of a schema, undefined when it has none of its own. */
  #type(from: JsonSchema, place: Place): { readonly type: FieldType | undefined; readonly isNullable: boolean } {
    const found = followed(from, this.#scope);
    const { schema, isNullable } = found;
    const before = this.#known.get(schema);
    if (before !== undefined) return { type: { kind: "message", message: before }, isNullable };
    const bytes = bytesType(schema, this.#scope);
    if (bytes !== undefined) return { type: bytes, isNullable };
    const { forms, isNullable: hasNull } = nullableForms(schema, this.#scope);
    const form = closedObject(forms);
    let type: FieldType | undefined = singleType(forms);
    if (form !== undefined) type = this.#nested(found, form, place);
    const items = itemsOf(forms);
    if (items !== undefined) type = { kind: "list", of: this.#item(items, place) };
    const values = recordOf(forms);
    if (values !== undefined) type = { kind: "map", of: this.#item(values, place) };
    return { type, isNullable: isNullable || hasNull };
  }

  /** The type of an item, of which there are neither lists nor maps, and no null. */
  #item(schema: JsonSchema, place: Place): FieldType {
    const depth = place.depth + 1;
    if (depth > MAX_NESTED) return jsonType(schema, this.#scope);
    const { type, isNullable } = this.#type(schema, { name: place.name, depth });
    const fits = type !== undefined && type.kind !== "list" && type.kind !== "map" && !isNullable;
    return fits ? type : jsonType(schema, this.#scope);
  }

  #nested({ schema, definition }: Followed, form: ObjectForm, place: Place): FieldType | undefined {
    const depth = place.depth + 1;
    if (depth > MAX_NESTED) return undefined;
    // A name with "_" in front is one that a library gave, not a person.
    const own = definition === undefined || definition.startsWith("_") ? "" : pascalCase(definition);
    if (own === "") return { kind: "message", message: this.#message(schema, form, this.#place(place.name, depth)) };
    const text = this.#textOf(schema);
    const same = this.#shared.get(own);
    if (same?.text === text) return { kind: "message", message: same.message };
    if (this.#names.has(own))
      return { kind: "message", message: this.#message(schema, form, this.#place(place.name, depth)) };
    const message: Draft = { name: this.#names.take(own), fields: [], removed: [], isWrapped: false };
    this.#shared.set(own, { text, message });
    this.#known.set(schema, message);
    this.#fill(message, form.fields, depth);
    return { kind: "message", message };
  }

  #place(name: string, depth: number): Place {
    return { name: this.#names.take(name), depth };
  }

  /** A definition with all it refers to: only where both are the same may two schemas share a message. */
  #textOf(schema: JsonSchema): string {
    const texts = new Map<string, string>();
    const look = (one: JsonSchema): string => {
      const text = JSON.stringify(one);
      for (const [, ref] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
        if (texts.has(ref!)) continue;
        texts.set(ref!, "");
        texts.set(ref!, look(followed({ $ref: ref }, this.#scope).schema));
      }
      return text;
    };
    return JSON.stringify([look(schema), ...texts]);
  }
}

/** Where a message would stand that has no name of its own. */
interface Place {
  readonly name: string;
  readonly depth: number;
}
