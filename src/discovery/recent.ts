/**
 * The instances that went lately, for those who ask where one is.
 *
 * @module
 */
import type { Difference } from "./difference.ts";
import type { Instance } from "./instance.ts";
import type { Explanation } from "./source.ts";

const MAX = 100;

/** Remembers the last hundred. */
export class Recent {
  readonly #gone = new Map<string, { readonly instance: Instance; readonly because: string }>();

  note({ added, removed }: Difference, because: string): void {
    for (const { id } of added) this.#gone.delete(id);
    for (const instance of removed) this.#gone.set(instance.id, { instance, because });
    for (const id of this.#gone.keys()) {
      if (this.#gone.size <= MAX) return;
      this.#gone.delete(id);
    }
  }

  explain(): readonly Explanation[] {
    return [...this.#gone.values()].map(({ instance, because }) => ({ instance, isIn: false, because }));
  }
}
