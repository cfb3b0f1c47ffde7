/**
 * Takes in a list as a registry gives it: what is known already stays the same object, what stands there twice is taken
 * once, what cannot be used is told of and left out.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { listedInstance, type Instance, type InstanceInput } from "./instance.ts";
import { sameInstance } from "./same-instance.ts";

/** Of one list no more than so many faults are told one by one. */
const MAX_TOLD = 20;

/** Reads lists, and remembers which faults were told: a bad entry in a list that comes every second is told once. */
export class Intake {
  readonly #service: string;
  readonly #tell: (error: Error) => void;
  #told: ReadonlySet<string> = new Set();
  #found = new Set<string>();
  #count = 0;

  constructor(service: string, tell: (error: Error) => void) {
    this.#service = service;
    this.#tell = tell;
  }

  /** The instances of a list by their ids, in its order. */
  take(
    entries: readonly (string | InstanceInput)[],
    known: ReadonlyMap<string, Instance>,
  ): ReadonlyMap<string, Instance> {
    const taken = new Map<string, Instance>();
    for (const entry of entries) {
      let one: Instance;
      try {
        one = this.#one(entry, known);
      } catch (error) {
        this.skip(error as Error);
        continue;
      }
      const first = taken.get(one.id);
      if (first === undefined) taken.set(one.id, one);
      else if (first !== one) this.skip(new Error(`instance ${shown(one.id)} stands in the list more than once`));
    }
    if (this.#count > MAX_TOLD)
      this.#say(`${this.#count - MAX_TOLD} further entries of the list cannot be used`, undefined);
    this.#told = this.#found;
    this.#found = new Set();
    this.#count = 0;
    return taken;
  }

  /** Tells of a fault, unless it was told of the list before. */
  skip(error: Error): void {
    if (++this.#count <= MAX_TOLD) this.#say(error.message, error);
  }

  #say(message: string, error: Error | undefined): void {
    if (this.#found.has(message)) return;
    this.#found.add(message);
    if (!this.#told.has(message)) this.#tell(error ?? new Error(message));
  }

  #one(entry: string | InstanceInput, known: ReadonlyMap<string, Instance>): Instance {
    const input: InstanceInput | null = typeof entry === "string" ? { address: entry } : entry;
    const before = known.get(input?.id ?? input?.address ?? "");
    if (before !== undefined && (before === input || sameInstance(before, input, this.#service))) return before;
    return listedInstance(entry, this.#service);
  }
}
