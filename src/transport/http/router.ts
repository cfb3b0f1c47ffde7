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

/** The most segments a template may have: no path is cut into more, so that a hostile one stays cheap. */
export const MAX_SEGMENTS = 32;

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  verbs: Map<string, T> | undefined;
}

const NONE: readonly string[] = [];

/** A table of routes; paths are matched exactly, trailing slashes included, and a parameter is never empty. */
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

  /** What stands at a verb and template; undefined when it is free. */
  at(verb: string, template: string): T | undefined {
    return (template.includes("{") ? this.#verbsOfTemplate(template) : this.#verbsOfPath(template)).get(verb);
  }

  /** Takes a path away from the templates that fit it. */
  reserve(path: string): void {
    this.#verbsOfPath(path);
  }

  /** What stands at the path of a request's target: the most exact fit. */
  find(url: string): Found<T> | undefined {
    return this.#fixed.get(url) ?? this.#search(url);
  }

  /** All that fits the path of a request's target, the most exact first. */
  all(url: string): readonly Found<T>[] {
    const path = pathOf(url);
    const fixed = this.#fixed.get(path);
    const walk = new Walk<T>(path, true);
    walk.descend(this.#root, 1);
    return fixed === undefined ? walk.found : [fixed, ...walk.found];
  }

  #search(url: string): Found<T> | undefined {
    const path = pathOf(url);
    const fixed = path === url ? undefined : this.#fixed.get(path);
    if (fixed !== undefined) return fixed;
    const walk = new Walk<T>(path, false);
    walk.descend(this.#root, 1);
    return walk.found[0];
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
    for (const segment of template.split("/").slice(1)) {
      if (segment.startsWith("{")) at = at.parameter ??= node();
      else {
        const next = at.literals.get(segment) ?? node<T>();
        at.literals.set(segment, next);
        at = next;
      }
    }
    return (at.verbs ??= new Map());
  }
}

/** One walk through the templates. It visits no node twice, so it costs no more than there are templates. */
class Walk<T> {
  readonly found: Found<T>[] = [];
  readonly #segments: readonly string[];
  readonly #values: string[] = [];
  readonly #takesAll: boolean;

  constructor(path: string, takesAll: boolean) {
    // One piece before the first slash, and one more than a template may have: such a path fits none.
    this.#segments = path.split("/", MAX_SEGMENTS + 2);
    this.#takesAll = takesAll;
  }

  /** True when enough was found. */
  descend(at: Node<T>, i: number): boolean {
    const segment = this.#segments[i];
    if (segment === undefined) {
      if (at.verbs === undefined) return false;
      this.found.push({ verbs: at.verbs, values: [...this.#values] });
      return !this.#takesAll;
    }
    const literal = at.literals.get(segment);
    if (literal !== undefined && this.descend(literal, i + 1)) return true;
    if (at.parameter === undefined || segment === "") return false;
    this.#values.push(segment);
    const isEnough = this.descend(at.parameter, i + 1);
    this.#values.pop();
    return isEnough;
  }
}

function node<T>(): Node<T> {
  return { literals: new Map(), parameter: undefined, verbs: undefined };
}

/** The path of a request's target without its query; of the absolute form too, which servers must take (RFC 9112 §3.2.2). */
export function pathOf(url: string): string {
  const mark = url.indexOf("?");
  const target = mark < 0 ? url : url.slice(0, mark);
  if (target.startsWith("/")) return target;
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return target;
  const slash = target.indexOf("/", scheme[0].length);
  return slash < 0 ? "/" : target.slice(slash);
}
