/**
 * The schemas of one document: what has a name or is used in several places becomes a component, and all references lead
 * to components. A document is described twice with one of these: once to count, once, settled, to write.
 *
 * @module
 */
import { resolveRef, type JsonSchema, type JsonSchemaNode, type Scope } from "../transport/json/schema.ts";
import { copied, type Step } from "./keywords.ts";
import { componentName, Names, pascal } from "./names.ts";
import { definitionName, standIn } from "./references.ts";
import { signatureOf } from "./signature.ts";

/** Where a schema comes from: the document its references lead into, and what to call it when it says no name. */
export interface Origin extends Scope {
  readonly name: string;
}

/** The prefix of references to components. */
const COMPONENTS = "#/components/schemas/";

/** Counts, then writes. */
export class Schemas {
  readonly #uses = new Map<string, { times: number; step: Step }>();
  /** What is referred to, and so must be a component. */
  readonly #targets = new Set<string>();
  readonly #names = new Names();
  readonly #nameOf = new Map<string, string>();
  readonly #components = new Map<string, unknown>();
  readonly #signatures = new Map<JsonSchema, string>();
  #isSettled = false;

  /** All uses are counted: from now on schemas are written. */
  settle(): void {
    this.#isSettled = true;
  }

  /** The schema as it stands in the document: itself, or a reference. */
  use(schema: JsonSchema, origin: Origin): JsonSchema {
    const { at, name } = landed(schema, origin);
    return this.#isSettled ? this.#write(at, { ...origin, name: name ?? origin.name }, name) : this.#count(at, origin);
  }

  /** A component that is described here rather than by a contract; `build` is called once for each `key`. */
  component(name: string, key: string, build: () => JsonSchemaNode): JsonSchemaNode {
    const signature = `${name} ${key}`;
    if (this.#isSettled) return this.#refTo(signature, name, build);
    if (!this.#targets.has(signature)) {
      this.#targets.add(signature);
      build();
    }
    return {};
  }

  /** All components by name, in the order of names, so that a change moves nothing else. */
  components(): Readonly<Record<string, unknown>> {
    const entries = [...this.#components].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  }

  #count(schema: JsonSchema, origin: Origin, step?: Step): JsonSchema {
    if (typeof schema === "boolean") return schema;
    const inline = standIn(schema, origin);
    if (inline !== undefined) return this.#count(inline, origin, step);
    const ref = schema["$ref"];
    if (ref !== undefined) {
      const target = resolveRef(ref, origin);
      const signature = this.#signature(target, origin);
      if (!this.#targets.has(signature)) {
        this.#targets.add(signature);
        copied(typeof target === "boolean" ? {} : target, (one, next) => this.#count(one, origin, next));
      }
    }
    if (isType(schema)) {
      const signature = this.#signature(schema, origin);
      const known = this.#uses.get(signature);
      if (known !== undefined) {
        known.times++;
        if (known.step !== step) known.step = undefined;
        // What is inside is used once, however often the whole is.
        return schema;
      }
      this.#uses.set(signature, { times: 1, step });
    }
    copied(schema, (one, next) => this.#count(one, origin, next));
    return schema;
  }

  #write(schema: JsonSchema, origin: Origin, given?: string): JsonSchema {
    if (typeof schema === "boolean") return schema;
    const inline = standIn(schema, origin);
    if (inline !== undefined) return this.#write(inline, origin);
    if (schema["$ref"] !== undefined) return this.#follow(schema, origin);
    const own = given ?? (isWorthAName(schema) ? nameOf(schema) : undefined);
    const signature = this.#signature(schema, origin);
    const { times = 0, step } = this.#uses.get(signature) ?? {};
    const isShared = own !== undefined || times > 1 || this.#targets.has(signature);
    // Fields of one name hold one type more often than not.
    const name = own ?? (step === undefined || step === "item" || step === "value" ? origin.name : pascal(step));
    return isShared
      ? this.#refTo(signature, name, (name) => this.#body(schema, { ...origin, name }))
      : this.#body(schema, origin);
  }

  #follow(schema: JsonSchemaNode, origin: Origin): JsonSchema {
    const target = resolveRef(schema["$ref"], origin);
    const name = nameOf(target, definitionName(schema["$ref"])) ?? origin.name;
    const build = (chosen: string): JsonSchema =>
      typeof target === "boolean" ? target : this.#followed(target, { ...origin, name: chosen });
    const ref = this.#refTo(this.#signature(target, origin), name, build);
    const beside = copied(schema, (one, step) => this.#write(one, below(origin, step)));
    return { ...beside, ...ref };
  }

  // A definition may be nothing but a reference to another.
  #followed(target: JsonSchemaNode, origin: Origin): JsonSchema {
    return target["$ref"] === undefined ? this.#body(target, origin) : this.#follow(target, origin);
  }

  #body(schema: JsonSchemaNode, origin: Origin): JsonSchemaNode {
    return copied(schema, (one, step) => this.#write(one, below(origin, step)));
  }

  #refTo(signature: string, wanted: string, build: (name: string) => unknown): JsonSchemaNode {
    const known = this.#nameOf.get(signature);
    if (known !== undefined) return { $ref: COMPONENTS + known };
    const name = this.#names.take(componentName(wanted));
    // Before its body is written: it may refer to itself.
    this.#nameOf.set(signature, name);
    this.#components.set(name, build(name));
    return { $ref: COMPONENTS + name };
  }

  #signature(schema: JsonSchema, scope: Scope): string {
    const known = this.#signatures.get(schema);
    if (known !== undefined && typeof schema !== "boolean") return known;
    const signature = signatureOf(schema, scope);
    this.#signatures.set(schema, signature);
    return signature;
  }
}

/** A message that is only a reference into its own definitions is that definition, under its name. */
function landed(schema: JsonSchema, scope: Scope): { readonly at: JsonSchema; readonly name: string | undefined } {
  if (typeof schema === "boolean" || schema["$ref"] === undefined) return { at: schema, name: undefined };
  if (Object.keys(copied(schema, (one) => one)).length > 1) return { at: schema, name: undefined };
  const at = resolveRef(schema["$ref"], scope);
  return { at, name: nameOf(at, definitionName(schema["$ref"])) };
}

function below(origin: Origin, step: Step): Origin {
  return step === undefined ? origin : { ...origin, name: origin.name + pascal(step) };
}

function isObject({ properties }: JsonSchemaNode): boolean {
  return typeof properties === "object" && properties !== null && Object.keys(properties).length > 0;
}

/** Whether it is what a programmer would give a name: an object, a choice among constants or among objects. */
function isType(schema: JsonSchemaNode): boolean {
  const { enum: values, anyOf, oneOf } = schema;
  if (isObject(schema) || (Array.isArray(values) && values.length > 1)) return true;
  const branches: unknown[] = [anyOf, oneOf].flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  const isNamed = (one: unknown): boolean =>
    isObject(one as JsonSchemaNode) || (one as JsonSchemaNode)["$ref"] !== undefined;
  return branches.filter((one) => typeof one === "object" && one !== null && isNamed(one)).length > 1;
}

// The title of a text field is a label, not the name of a type.
function isWorthAName(schema: JsonSchemaNode): boolean {
  return isObject(schema) || ["enum", "anyOf", "oneOf"].some((one) => Array.isArray(schema[one])) || isId(schema["id"]);
}

/** What a schema is called: by its id, by the key of its definition, by its title. */
function nameOf(schema: JsonSchema, key?: string): string | undefined {
  if (typeof schema === "boolean") return key;
  const { id, $id, title } = schema;
  if (isId(id)) return id;
  const last = typeof $id === "string" ? /([^/#]+)#?$/.exec($id)?.[1]?.replace(/\.json$/, "") : undefined;
  return last ?? key ?? (typeof title === "string" && title !== "" ? componentName(title) || undefined : undefined);
}

function isId(id: unknown): id is string {
  return typeof id === "string" && id !== "";
}
