/**
 * Members of one priority, zone and side, those that may be chosen first: a pick never searches.
 *
 * @module
 */
import type { Random } from "../time/index.ts";
import type { Entry, Rank } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import type { Chooser, Group } from "./strategy.ts";

/** The place of a group in the plan. */
export interface GroupPlace {
  readonly priority: number;
  /** Undefined where zones do not matter, and for instances without one. */
  readonly zone: string | undefined;
  readonly isCanary: boolean;
}

/**
 * Three sections: well, not well, draining. Changing a member's section swaps it over the borders, so it costs the same
 * for ten members and ten thousand.
 */
export class MemberGroup implements Group {
  readonly place: GroupPlace;
  readonly chooser: Chooser;
  readonly members: Entry<unknown>[] = [];
  /** Members before this index are well; before `able`, not draining. */
  well = 0;
  able = 0;
  usable = 0;
  pending = 0;
  isPanicking = false;
  /** Of the usable members. */
  meanWeight = 1;
  #weight = 0;
  readonly #ledger: Ledger;
  /** The rows of the members in the ledger, in the order of the members. */
  #rows: Int32Array = new Int32Array(16);

  constructor(place: GroupPlace, chooser: Chooser, ledger: Ledger) {
    this.place = place;
    this.chooser = chooser;
    this.#ledger = ledger;
  }

  cost(index: number, nowMs: number): number {
    return this.#ledger.cost(this.#rows[index]!, this.meanWeight, nowMs);
  }

  add(entry: Entry<unknown>, rank: Rank): void {
    entry.group = this;
    entry.rank = 2;
    entry.at = this.members.push(entry) - 1;
    if (entry.at === this.#rows.length) {
      const rows = new Int32Array(entry.at * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows[entry.at] = entry.ledgerRow;
    this.pending += entry.pending;
    this.rank(entry, rank);
  }

  remove(entry: Entry<unknown>): void {
    this.rank(entry, 2);
    this.#swap(entry, this.members.length - 1);
    this.members.pop();
    this.pending -= entry.pending;
    this.chooser.left?.(entry);
    entry.group = undefined;
    entry.at = -1;
  }

  rank(entry: Entry<unknown>, rank: Rank): void {
    while (entry.rank > rank) this.#swap(entry, entry.rank-- === 2 ? this.able++ : this.well++);
    while (entry.rank < rank) this.#swap(entry, entry.rank++ === 0 ? --this.well : --this.able);
    this.#tell(entry);
  }

  panic(isOn: boolean): void {
    if (this.isPanicking === isOn) return;
    this.isPanicking = isOn;
    for (let i = this.well; i < this.able; i++) this.#tell(this.members[i]!);
    this.usable = isOn ? this.able : this.well;
  }

  /** Its weight is another one. */
  weigh(entry: Entry<unknown>, weight: number): void {
    if (entry.weight === weight) return;
    const before = entry.weight;
    entry.weight = weight;
    if (!entry.isUsable) return;
    this.#add(weight - before);
    this.chooser.changed?.(entry);
  }

  /** One of the first `count` members but for one, each as likely; undefined when there is no other. */
  another(count: number, avoid: Entry<unknown>, random: Random): Entry<unknown> | undefined {
    const at = avoid.group === this && avoid.at < count ? avoid.at : -1;
    const others = at < 0 ? count : count - 1;
    if (others === 0) return undefined;
    const drawn = Math.floor(random.fraction() * others);
    return this.members[at < 0 || drawn < at ? drawn : drawn + 1];
  }

  #tell(entry: Entry<unknown>): void {
    this.usable = this.isPanicking ? this.able : this.well;
    const isUsable = entry.rank === 0 || (this.isPanicking && entry.rank === 1);
    if (isUsable === entry.isUsable) return;
    entry.isUsable = isUsable;
    this.#add(isUsable ? entry.weight : -entry.weight);
    if (isUsable) this.chooser.added?.(entry);
    else this.chooser.removed?.(entry);
  }

  #add(weight: number): void {
    // Sums of many differences drift; an empty one is known.
    this.#weight = this.usable === 0 ? 0 : this.#weight + weight;
    this.meanWeight = this.#weight > 0 ? this.#weight / this.usable : 1;
  }

  #swap(entry: Entry<unknown>, to: number): void {
    const { members } = this;
    const other = members[to]!;
    members[entry.at] = other;
    this.#rows[entry.at] = other.ledgerRow;
    other.at = entry.at;
    members[to] = entry;
    this.#rows[to] = entry.ledgerRow;
    entry.at = to;
  }
}
