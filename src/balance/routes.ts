/**
 * The groups of a balancer's members, and the way of a pick to one of them.
 *
 * @module
 */
import type { Random } from "../time/index.ts";
import type { Entry, Rank } from "./entry.ts";
import type { BalanceEvent } from "./events.ts";
import { MemberGroup } from "./group.ts";
import { hash, HASHES } from "./hash.ts";
import type { Ledger } from "./ledger.ts";
import { plan, type Part } from "./plan.ts";
import type { PoolSettings } from "./settings.ts";

/** Salts the hash by which a key finds its group, so that groups and members are not chosen by the same bits. */
const GROUP_SALT = 0x5bd1e995;

export class Routes<T> {
  readonly #settings: PoolSettings<T>;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #tell: (event: BalanceEvent) => void;
  #groups: MemberGroup[] = [];
  #parts: readonly Part[] = [];
  /** While all calls go to one group, it is found without a draw. */
  #only: MemberGroup | undefined = undefined;
  #isStale = true;
  #isPanicking = false;

  constructor(settings: PoolSettings<T>, ledger: Ledger, tell: (event: BalanceEvent) => void) {
    this.#settings = settings;
    this.#ledger = ledger;
    this.#random = settings.random;
    this.#tell = tell;
  }

  /** Where calls go now. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** The group of the next call; undefined when nobody may be chosen. */
  find(key: string | undefined): MemberGroup | undefined {
    if (this.#isStale) this.plan();
    return this.#only ?? this.#drawn(key);
  }

  /** Another than the one chosen, if there is one: rather one that is not well than the same again. */
  other(group: MemberGroup, avoid: Entry<T>): Entry<T> {
    const random = this.#random;
    let found = group.another(group.usable, avoid, random);
    for (let i = 0; found === undefined && i < this.#parts.length; i++) {
      const other = this.#parts[i]!.group;
      found = other.another(other.usable, avoid, random);
    }
    for (let i = 0; found === undefined && i < this.#groups.length; i++) {
      const other = this.#groups[i]!;
      found = other.another(other.able, avoid, random);
    }
    return (found as Entry<T> | undefined) ?? avoid;
  }

  /** Puts a member where it belongs by what its instance says. */
  join(entry: Entry<T>): void {
    const { zone, canary } = this.#settings;
    const { instance } = entry;
    const place = {
      priority: instance.priority,
      zone: zone === undefined ? undefined : instance.zone,
      isCanary: canary !== undefined && instance.version === canary.version,
    };
    let group = this.#groups.find(
      (one) =>
        one.place.priority === place.priority && one.place.zone === place.zone && one.place.isCanary === place.isCanary,
    );
    if (group === undefined) {
      group = new MemberGroup(place, this.#settings.strategy.start(this.#random), this.#ledger);
      this.#groups.push(group);
    }
    group.add(entry, rankOf(entry));
    this.#isStale = true;
  }

  /** Takes a member out. */
  part(entry: Entry<T>): void {
    const group = entry.group!;
    group.remove(entry);
    if (group.members.length === 0) this.#groups = this.#groups.filter((one) => one !== group);
    this.#isStale = true;
  }

  /** It is well, or is not any more. */
  rank(entry: Entry<unknown>): void {
    entry.group?.rank(entry, rankOf(entry));
    this.#isStale = true;
  }

  /** Its weight or share is another one. */
  weigh(entry: Entry<unknown>): void {
    const weight = entry.instance.weight * entry.copies * entry.share;
    if (entry.group === undefined) entry.weight = weight;
    else entry.group.weigh(entry, weight);
  }

  /** Spreads calls over the groups, if anything has changed. */
  plan(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#parts = plan(this.#groups, this.#settings.rules);
    this.#only = this.#parts.length === 1 ? this.#parts[0]!.group : undefined;
    const isPanicking = this.#groups.some((group) => group.isPanicking);
    if (isPanicking === this.#isPanicking) return;
    this.#isPanicking = isPanicking;
    const usable = this.#groups.reduce((sum, { well }) => sum + well, 0);
    const of = this.#groups.reduce((sum, { able }) => sum + able, 0);
    this.#tell({ kind: "panic", isOn: isPanicking, usable, of });
  }

  #drawn(key: string | undefined): MemberGroup | undefined {
    const parts = this.#parts;
    // A key keeps its group too, or it would be at home in several.
    const draw = key === undefined ? this.#random.fraction() : hash(key, GROUP_SALT) / HASHES;
    for (let i = 0; i < parts.length; i++) if (draw < parts[i]!.upTo) return parts[i]!.group;
    return undefined;
  }
}

function rankOf({ instance, isEjected }: Entry<unknown>): Rank {
  if (instance.health === "draining") return 2;
  return isEjected || instance.health === "down" ? 1 : 0;
}
