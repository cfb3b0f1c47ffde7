/**
 * A metric with its series: finds or makes the series of given label values, and holds their number within bounds.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import type { Definition } from "./definition.ts";
import { OVERFLOW } from "./names.ts";
import type { Home, Series } from "./series.ts";

/** A value for each label. */
export type LabelValues<L extends string> = { readonly [Name in L]: string };

/** A metric with labels. */
export interface Labelled<L extends string, Bound> {
  /** With the registry's prefix. */
  readonly name: string;
  /**
   * The series of these label values, always the same object: keep it, and counting costs a field's addition. Looking it
   * up again costs some tens of nanoseconds.
   *
   * Beyond `maxSeries` combinations, or when a value is longer than 1,024 characters, it is the one series whose values
   * are all `"overflow"`: what is counted there is not lost, and the memory is bounded.
   *
   * @throws {RangeError} when a label is missing, is not a string, or is not one of the metric's.
   */
  with(labels: LabelValues<L>): Bound;
  /**
   * Deletes a series and makes room for another; says whether there was one. Whoever still holds the bound series counts
   * into nothing from here on.
   */
  remove(labels: LabelValues<L>): boolean;
  /** Sets every series back to 0 and keeps it, bound ones too: for tests. */
  reset(): void;
}

/** A metric: with labels something to bind, without labels the one series itself. */
export type Metric<L extends string, Bound> = [L] extends [never] ? Bound : Labelled<L, Bound>;

type Values = Readonly<Record<string, string>>;
type Branch<S> = Map<string, S | Branch<S>>;

const MAX_VALUE_CHARS = 1024;

/** A metric and its series, in a tree by label value: no key is built to find one. */
export class Family<S extends Series> implements Labelled<string, S> {
  readonly definition: Definition;
  readonly #home: Home;
  readonly #make: (home: Home, values: readonly string[]) => S;
  readonly #names: readonly string[];
  /** The series of a metric without labels. */
  readonly only: S | undefined;
  #root: Branch<S> = new Map();
  #size = 0;
  #overflow: S | undefined = undefined;
  #sorted: readonly S[] | undefined = undefined;

  constructor(home: Home, make: (home: Home, values: readonly string[]) => S) {
    this.definition = home.definition;
    this.#names = home.definition.labels;
    this.#home = home;
    this.#make = make;
    this.only = this.#names.length === 0 ? make(home, []) : undefined;
  }

  get name(): string {
    return this.definition.name;
  }

  /** All series, ordered by their label values. */
  get series(): readonly S[] {
    if (this.only !== undefined) return [this.only];
    return (this.#sorted ??= leaves<S>(this.#root, this.#names.length).sort(byValues));
  }

  with(labels: Values): S {
    const names = this.#names;
    if (Object.keys(labels).length !== names.length) return this.#refuse(labels);
    let node: S | Branch<S> | undefined = this.#root;
    for (let i = 0; i < names.length; i++) {
      node = (node as Branch<S>).get(labels[names[i]!]!);
      if (node === undefined) return this.#add(labels);
    }
    return node as S;
  }

  remove(labels: Values): boolean {
    const path: Branch<S>[] = [];
    const values = this.#values(labels);
    let node: S | Branch<S> | undefined = this.#root;
    for (const value of values) {
      path.push(node as Branch<S>);
      node = (node as Branch<S>).get(value);
      if (node === undefined) return false;
    }
    for (let i = path.length - 1; i >= 0; i--) {
      path[i]!.delete(values[i]!);
      if (path[i]!.size > 0) break;
    }
    if (node === this.#overflow) this.#overflow = undefined;
    else this.#size--;
    this.#sorted = undefined;
    return true;
  }

  reset(): void {
    for (const one of this.series) one.reset();
  }

  #add(labels: Values): S {
    const values = this.#values(labels);
    const found = this.#find(values);
    if (found !== undefined) return found;
    const isFull = this.#size >= this.definition.maxSeries || values.some((value) => value.length > MAX_VALUE_CHARS);
    if (isFull || values.every((value) => value === OVERFLOW)) {
      return (this.#overflow ??= this.#insert(values.map(() => OVERFLOW)));
    }
    this.#size++;
    return this.#insert(values);
  }

  #find(values: readonly string[]): S | undefined {
    let node: S | Branch<S> | undefined = this.#root;
    for (const value of values) {
      node = (node as Branch<S>).get(value);
      if (node === undefined) return undefined;
    }
    return node as S;
  }

  #insert(values: readonly string[]): S {
    const last = values.length - 1;
    let node = this.#root;
    for (let i = 0; i < last; i++) {
      let next = node.get(values[i]!) as Branch<S> | undefined;
      if (next === undefined) node.set(values[i]!, (next = new Map()));
      node = next;
    }
    const made = this.#make(this.#home, values);
    node.set(values[last]!, made);
    this.#sorted = undefined;
    return made;
  }

  /** The values in the order of the names, each checked. */
  #values(labels: Values): string[] {
    if (Object.keys(labels).length !== this.#names.length) this.#refuse(labels);
    return this.#names.map((name) => {
      const value: unknown = Object.hasOwn(labels, name) ? labels[name] : this.#refuse(labels);
      if (typeof value === "string") return wellFormed(value);
      throw new RangeError(`label ${name} of ${this.name} should be a string, got ${shown(value)}`);
    });
  }

  #refuse(labels: Values): never {
    const expected = this.#names.join(", ");
    throw new RangeError(
      `labels of ${this.name} should be ${expected}, got ${Object.keys(labels).join(", ") || "none"}`,
    );
  }
}

// Half a surrogate pair becomes U+FFFD when the text is sent; two series that differ only there would collide.
export function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, "\ufffd");
}

function leaves<S>(node: Branch<S>, depth: number): S[] {
  if (depth === 1) return [...(node as Map<string, S>).values()];
  return [...(node as Map<string, Branch<S>>).values()].flatMap((branch) => leaves(branch, depth - 1));
}

function byValues(a: Series, b: Series): number {
  const i = a.values.findIndex((value, at) => value !== b.values[at]);
  return a.values[i]! < b.values[i]! ? -1 : 1;
}
