/**
 * The same key to the same instance: for caches, sessions and shards in the instances.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, shown } from "../internal/check.ts";
import type { Random } from "../time/index.ts";
import { Draws } from "./draws.ts";
import { hash } from "./hash.ts";
import { HashRing } from "./hash-ring.ts";
import { JumpHash } from "./jump-hash.ts";
import { MaglevTable } from "./maglev-table.ts";
import { fullWeight, type KeySpace } from "./key-space.ts";
import type { Member } from "./member.ts";
import type { Chooser, Group, Strategy } from "./strategy.ts";

/** How keys find their instance. */
export interface ConsistentHashOptions {
  /**
   * `ring`: instances come and go at little cost. `maglev`: spreads more evenly, and moves a few more keys. `jump`: perfectly even, for
   * instances whose ids have an order and that come and go at its end, such as `shard-0` to `shard-9`; knows no weights. Default: "ring".
   */
  readonly kind?: "ring" | "maglev" | "jump" | undefined;
  /**
   * An instance gets at most this many times the mean of pending calls, at least 1; a key whose instance is full goes to the next one on its
   * way. false: no bound. Default: 1.25, as in the paper (Mirrokni, Thorup, Zadimoghaddam).
   */
  readonly boundedLoad?: number | false | undefined;
  /**
   * Places on the ring per instance of weight 1, from 1 to 10,000. More spread more evenly and cost memory. Where weights ask for more than
   * a million places in all, everybody gets the same part of what it asks for. Default: 100.
   */
  readonly virtualNodes?: number | undefined;
  /** Places in Maglev's table, a prime; 100 times the number of instances spreads within 1 %. Default: 65,537. */
  readonly tableSize?: number | undefined;
}

/** How far a key goes to find an instance that is not full, before it stays at home. */
const STEPS = 256;

/**
 * The instance of a key (the second argument of `pick`), the same in every client with the same list. What comes or goes moves only the keys it must; one that is
 * ejected or down gives its keys to others until it is back. A pick without a key is random.
 *
 * @throws {RangeError} when an option is out of range.
 *
 * @example
 * ```ts
 * import { balancer, consistentHash } from "servicekit/balance";
 *
 * const from = ["a:1", "b:1", "c:1"];
 * const caches = balancer({ from, open: ({ address }) => address, strategy: consistentHash() });
 * const other = balancer({ from: from.toReversed(), open: ({ address }) => address, strategy: consistentHash() });
 * caches.pick(0, "user 7")!.value === other.pick(0, "user 7")!.value; // => true
 * ```
 */
export function consistentHash(options: ConsistentHashOptions = {}): Strategy {
  checkNames("consistentHash", options, ["kind", "boundedLoad", "virtualNodes", "tableSize"]);
  const kind = checkOneOf("kind", options.kind ?? "ring", ["ring", "maglev", "jump"]);
  const bound = checkedBound(options.boundedLoad ?? 1.25);
  const virtualNodes = checkNumber("virtualNodes", options.virtualNodes ?? 100, { min: 1, max: 10_000, integer: true });
  const tableSize = checkedPrime(options.tableSize ?? 65_537);
  return {
    text: `${kind} hash${bound === Infinity ? "" : `, at most ${bound} of the mean`}`,
    start(random) {
      const space =
        kind === "ring" ? new HashRing(virtualNodes) : kind === "maglev" ? new MaglevTable(tableSize) : new JumpHash();
      return new KeyChooser(space, bound, random);
    },
  };
}

/**
 * The same key to the same instance for as long as that is usable, however busy it is: `consistentHash` without a bound. When instances are added, each
 * takes its part of the keys.
 *
 * @example
 * ```ts
 * import { balancer, sticky } from "servicekit/balance";
 *
 * const rooms = balancer({ from: ["a:1", "b:1"], open: ({ address }) => address, strategy: sticky() });
 * const first = rooms.pick(0, "room 1")!;
 * for (let i = 0; i < 100; i++) first.begin(0);
 * rooms.pick(0, "room 1") === first; // => true
 * ```
 */
export function sticky(): Strategy {
  return { ...consistentHash({ boundedLoad: false }), text: "sticky" };
}

class KeyChooser implements Chooser {
  readonly #space: KeySpace;
  readonly #bound: number;
  readonly #draws: Draws;
  #weight = 0;
  readonly #weights = new Map<Member<unknown>, number>();

  constructor(space: KeySpace, bound: number, random: Random) {
    this.#space = space;
    this.#bound = bound;
    this.#draws = new Draws(random);
  }

  choose(group: Group, nowMs: number, key: string | undefined): Member<unknown> {
    if (key === undefined) return group.members[this.#draws.below(group.usable)]!;
    const home = this.#space.seek(hash(key), nowMs);
    if (this.#bound === Infinity) return home;
    const each = (this.#bound * (group.pending + 1)) / this.#weight;
    let found = home;
    for (let step = 0; step < STEPS; step++) {
      const weight = this.#weights.get(found) ?? found.weight;
      // Rounded up, so that there is always room for one more somewhere.
      if (found.pending < Math.ceil(each * weight)) return found;
      found = this.#space.next();
    }
    return home;
  }

  added(member: Member<unknown>): void {
    this.#weigh(member, fullWeight(member));
    this.#space.add(member);
  }

  removed(member: Member<unknown>): void {
    this.#weigh(member, 0);
    this.#space.remove(member);
  }

  left(member: Member<unknown>): void {
    this.#space.left?.(member);
  }

  changed(member: Member<unknown>): void {
    const weight = fullWeight(member);
    // Slow start would move keys to and fro: only a new weight counts.
    if (this.#weights.get(member) === weight) return;
    this.#weigh(member, weight);
    this.#space.change(member);
  }

  #weigh(member: Member<unknown>, weight: number): void {
    this.#weight += weight - (this.#weights.get(member) ?? 0);
    if (weight > 0) this.#weights.set(member, weight);
    else this.#weights.delete(member);
    if (this.#weights.size === 0) this.#weight = 0;
  }
}

function checkedBound(bound: number | false): number {
  return bound === false ? Infinity : checkNumber("boundedLoad", bound, { min: 1, max: 1000 });
}

function checkedPrime(size: number): number {
  checkNumber("tableSize", size, { min: 3, max: 5_000_011, integer: true });
  for (let divisor = 2; divisor * divisor <= size; divisor++)
    if (size % divisor === 0) throw new RangeError(`tableSize should be a prime, got ${shown(size)}`);
  return size;
}
