/**
 * Which instances a client calls when it calls only some: every client decides alone, always the same, and together they
 * spread evenly.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import type { SubsetOptions } from "./balancer.ts";
import { hash } from "./hash.ts";

/**
 * Deals subsets: clients form rounds of as many as there are whole subsets; in each round all instances are shuffled by their ids,
 * and every client takes one run of them. (Google SRE book, chapter 20. There a shuffle of places moves everything when one instance goes; here each id
 * is ordered by its own hash, so a client exchanges at most one. Only when the number of instances passes a half multiple of the
 * size are rounds dealt anew.)
 */
export class Subset {
  readonly #size: number;
  readonly #client: number;
  #round = -1;
  #ids: string[] = [];
  readonly #all = new Set<string>();
  #isStale = false;

  constructor(options: SubsetOptions) {
    checkNames("subset", options, ["size", "client"]);
    const { size, client } = options;
    this.#size = checkNumber("subset.size", size, { min: 1, max: 1e6, integer: true });
    this.#client = checkNumber("subset.client", client, { min: 0, max: 1e9, integer: true });
  }

  add(id: string): void {
    this.#all.add(id);
    this.#isStale = true;
  }

  remove(id: string): void {
    this.#all.delete(id);
    this.#isStale = true;
  }

  /** The ids this client calls. */
  chosen(): readonly string[] {
    const count = this.#all.size;
    const perRound = Math.max(1, Math.round(count / this.#size));
    const round = Math.floor(this.#client / perRound);
    if (this.#isStale || round !== this.#round) this.#shuffle(round);
    const first = Math.floor(((this.#client % perRound) * count) / perRound);
    const start = Math.max(0, Math.min(first, count - this.#size));
    return this.#ids.slice(start, start + this.#size);
  }

  #shuffle(round: number): void {
    this.#isStale = false;
    this.#round = round;
    this.#ids = [...this.#all]
      .map((id): readonly [number, string] => [hash(id, round + 1), id])
      .sort(([one, id], [other, otherId]) => one - other || (id < otherId ? -1 : 1))
      .map(([, id]) => id);
  }
}
