/**
 * Finds what serves a path. Fixed paths are one map look-up; templates (`/profiles/{id}`) a walk over segments, in which a
 * literal segment goes before a parameter. (`find-my-way` does more, and would be a runtime dependency of every server.)
 *
 * @module
 */

/** What was found at a path: by verb, with the values of the template's parameters, still percent-encoded. */
export interface Found<T> {
  readonly verbs: ReadonlyMap<string, T>;
  readonly values: readonly string[];
}

/** The verb that stands for all of them. */
export const ANY = "*";

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  verbs: Map<string, T> | undefined;
}

const NONE: readonly string[] = [];

/** A table of routes; paths are matched exactly, trailing slashes included. */
export class Router<T> {
  readonly #fixed = new Map<string, Found<T> & { readonly verbs: Map<string, T> }>();
  readonly #root: Node<T> = node();

  /** Adds a route; false when the verb and path are taken. */
  add(verb: string, template: string, target: T): boolean {
    const verbs = template.includes("{") ? this.#verbsOfTemplate(template) : this.#verbsOfPath(template);
    if (verbs.has(verb)) return false;
    verbs.set(verb, target);
    return true;
  }

  /** What stands at a path; the query must be cut off. */
  find(path: string): Found<T> | undefined {
    return this.#fixed.get(path) ?? this.#match(path);
  }

  #verbsOfPath(path: string): Map<string, T> {
    const known = this.#fixed.get(path);
    if (known !== undefined) return known.verbs;
    const verbs = new Map<string, T>();
    this.#fixed.set(path, { verbs, values: NONE });
    return verbs;
  }

  #verbsOfTemplate(template: string): Map<string, T> {
    let at = this.#root;
    for (const segment of segmentsOf(template)) {
      if (segment.startsWith("{")) at = at.parameter ??= node();
      else {
        const next = at.literals.get(segment) ?? node<T>();
        at.literals.set(segment, next);
        at = next;
      }
    }
    return (at.verbs ??= new Map());
  }

  #match(path: string): Found<T> | undefined {
    const segments = segmentsOf(path);
    const values: string[] = [];
    const end = this.#descend(this.#root, segments, values);
    return end?.verbs === undefined ? undefined : { verbs: end.verbs, values };
  }

  // Depth is bounded by the longest template, since a node without children ends the walk.
  #descend(at: Node<T>, segments: readonly string[], values: string[]): Node<T> | undefined {
    const segment = segments[0];
    if (segment === undefined) return at.verbs === undefined ? undefined : at;
    const rest = segments.slice(1);
    const literal = at.literals.get(segment);
    const found = literal === undefined ? undefined : this.#descend(literal, rest, values);
    if (found !== undefined || at.parameter === undefined || segment === "") return found;
    values.push(segment);
    const behind = this.#descend(at.parameter, rest, values);
    if (behind === undefined) values.pop();
    return behind;
  }
}

function node<T>(): Node<T> {
  return { literals: new Map(), parameter: undefined, verbs: undefined };
}

// More segments than any template has cannot match; cutting there keeps a hostile path cheap.
function segmentsOf(path: string): string[] {
  return path.split("/", 34).slice(1);
}
