/**
 * A JSON Schema made ready to check with: a copy of the keywords that are checked, and where each reference leads. The
 * library would look for references itself, but writes what it finds into the caller's schema, and once for each schema.
 *
 * @module
 */
import type { JsonSchemaObject } from "../contract/index.ts";
import { shown } from "../internal/check.ts";
import { checkCycles } from "./cycles.ts";
import { isNode, KIND, REFUSED, type Node } from "./keywords.ts";
import { checkKeyword, wrong } from "./rules.ts";

/** A schema ready to check with. */
export interface Compiled {
  readonly root: Node;
  /** The schema behind each reference, by the reference as it is written. */
  readonly lookup: Readonly<Record<string, Node | boolean>>;
}

/** What is known of one `$defs`, for all schemas that hold it. */
interface Shared {
  readonly nodes: Map<object, Node>;
  readonly lookup: Record<string, Node | boolean>;
  readonly checked: Set<object>;
}

// Not a state that anybody could see: what is prepared of a `$defs` lives as long as it does.
const prepared = new WeakMap<object, Shared>();

const OWN_DEFS = "#/$defs/";

const CONDITIONAL = ["if", "then", "else"];

/** `if`, `then`, `else`. An object with a `then` of its own would be taken for a promise where somebody waits for it. */
function conditional(...parts: readonly [when: Node, yes: Node, no: Node]): Node {
  return Object.fromEntries(CONDITIONAL.map((keyword, i) => [keyword, parts[i]]));
}

/** `uniqueItems` for at most `maxItems`: a longer list is refused and not looked at. */
function bounded(maxItems: number): Node {
  return conditional({ maxItems }, { uniqueItems: true }, { maxItems });
}

// The library compares each item with each, objects in depth.
const UNIQUE: Node = conditional(
  { items: { type: ["string", "number", "boolean", "null"] } },
  bounded(2048),
  bounded(64),
);

/**
 * Compiles a schema.
 *
 * @throws {TypeError} when it cannot be used; it names the place and the rule.
 */
export function compile(schema: JsonSchemaObject): Compiled {
  const defs = schema["$defs"];
  const shared = isNode(defs) ? (prepared.get(defs) ?? fresh()) : fresh();
  try {
    const compiled = new Compiler(schema, shared, true).compile();
    if (isNode(defs)) prepared.set(defs, shared);
    return compiled;
  } catch (thrown) {
    if (thrown !== NOT_SHARED) throw thrown;
    return new Compiler(schema, fresh(), false).compile();
  }
}

/** A definition refers to the schema around it, which is another one for everybody. */
const NOT_SHARED = new TypeError("a definition refers to what stands outside $defs");

function fresh(): Shared {
  return { nodes: new Map(), lookup: Object.create(null) as Record<string, Node>, checked: new Set() };
}

class Compiler {
  readonly #root: JsonSchemaObject;
  readonly #shared: Shared;
  readonly #isSharing: boolean;
  readonly #nodes = new Map<object, Node>();
  readonly #lookup: Record<string, Node | boolean>;

  constructor(root: JsonSchemaObject, shared: Shared, isSharing: boolean) {
    this.#root = root;
    this.#shared = shared;
    this.#isSharing = isSharing;
    this.#lookup = Object.create(shared.lookup) as Record<string, Node | boolean>;
  }

  compile(): Compiled {
    const root = this.#copy(this.#root, "#", false) as Node;
    const isShort = Object.keys(this.#lookup).length === 0;
    const lookup = isShort ? this.#shared.lookup : this.#lookup;
    checkCycles(root, lookup, this.#shared.checked);
    return { root, lookup };
  }

  #copy(schema: unknown, where: string, inDefs: boolean): Node | boolean {
    if (typeof schema === "boolean") return schema;
    if (!isNode(schema)) throw wrong(where, `should be a schema, got ${shown(schema)}`);
    const nodes = inDefs ? this.#shared.nodes : this.#nodes;
    const known = nodes.get(schema);
    if (known !== undefined) return known;
    const copy = Object.create(null) as Record<string, unknown>;
    nodes.set(schema, copy);
    for (const [keyword, value] of Object.entries(schema)) {
      if (value === undefined) continue;
      const kind = KIND[keyword];
      const at = `${where}/${keyword}`;
      if (REFUSED.has(keyword) && !(keyword === "$id" && schema === this.#root)) throw wrong(at, "is not supported");
      if (kind === undefined) continue;
      if (kind === "schema") copy[keyword] = this.#copy(value, at, inDefs);
      else if (kind === "list") copy[keyword] = this.#list(value, at, inDefs);
      else if (kind === "map") copy[keyword] = this.#map(value, at, inDefs);
      else if (kind === "ref") copy[keyword] = this.#follow(value, at, inDefs);
      else copy[keyword] = checkKeyword(keyword, value, at);
    }
    // The library's own pattern for it takes time without end: twice as long for each further letter of a host.
    if (copy["format"] === "url") copy["format"] = "uri";
    // The library compares each item with each, however many there are.
    if (copy["uniqueItems"] === true) {
      delete copy["uniqueItems"];
      copy["allOf"] = [...((copy["allOf"] as readonly Node[] | undefined) ?? []), UNIQUE];
    }
    return copy;
  }

  #list(value: unknown, where: string, inDefs: boolean): readonly (Node | boolean)[] {
    if (!Array.isArray(value)) throw wrong(where, `should be a list of schemas, got ${shown(value)}`);
    return value.map((one, i) => this.#copy(one, `${where}/${i}`, inDefs));
  }

  #map(value: unknown, where: string, inDefs: boolean): Node {
    if (!isNode(value)) throw wrong(where, `should be an object of schemas, got ${shown(value)}`);
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [name, one] of Object.entries(value)) {
      if (where.endsWith("/patternProperties")) checkKeyword("pattern", name, where);
      copy[name] = this.#copy(one, `${where}/${name}`, inDefs);
    }
    return copy;
  }

  #follow(ref: unknown, where: string, inDefs: boolean): string {
    if (typeof ref !== "string" || (ref !== "#" && !ref.startsWith("#/")))
      throw wrong(where, `should be a reference into the schema, beginning with "#/", got ${shown(ref)}`);
    const isInDefs = this.#isSharing && ref.startsWith(OWN_DEFS);
    if (inDefs && !isInDefs) throw NOT_SHARED;
    const lookup = isInDefs ? this.#shared.lookup : this.#lookup;
    if (!Object.hasOwn(lookup, ref)) {
      const target = this.#find(ref, where);
      // Known before it is copied: it may refer to itself.
      lookup[ref] = true;
      lookup[ref] = this.#copy(target, ref, isInDefs);
    }
    return ref;
  }

  #find(ref: string, where: string): unknown {
    let at: unknown = this.#root;
    for (const step of ref.split("/").slice(1)) {
      const name = decoded(step);
      const isHere = typeof at === "object" && at !== null && Object.hasOwn(at, name);
      if (!isHere) throw wrong(where, `should lead to a schema, got ${shown(ref)}`);
      at = (at as Record<string, unknown>)[name];
    }
    return at;
  }
}

/** A step of a JSON Pointer in a URI fragment (RFC 6901 §6). */
function decoded(step: string): string {
  let text = step;
  try {
    text = decodeURIComponent(step);
  } catch {
    // A percent sign that stands for itself.
  }
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}
