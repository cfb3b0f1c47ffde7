/**
 * One after the other, by weight.
 *
 * @module
 */
import type { Random } from "../time/index.ts";
import type { Member } from "./member.ts";
import type { Chooser, Strategy } from "./strategy.ts";

/**
 * Every member in turn, as often as its weight says, evenly mixed: 5, 1, 1 is not five in a row. Exact: whole weights that sum up to 7 are met in every
 * 7 picks. A pick costs the logarithm of the number of members (nginx's smooth round robin looks at all).
 *
 * @example
 * ```ts
 * import { balancer, weightedRoundRobin } from "servicekit/balance";
 *
 * const from = [{ address: "big:1", weight: 5 }, "a:1", "b:1"];
 * const three = balancer({ from, open: ({ address }) => address, strategy: weightedRoundRobin() });
 * let big = 0;
 * for (let i = 0; i < 7; i++) if (three.pick(0)!.value === "big:1") big++;
 * big; // => 5
 * ```
 */
export function weightedRoundRobin(): Strategy {
  return { text: "weighted round robin", start: (random) => new DueFirst(random) };
}

/** A member and its turns: the next is due at `origin + turns / weight`, which sums no roundings up. */
interface Turn {
  readonly member: Member<unknown>;
  weight: number;
  origin: number;
  turns: number;
  due: number;
  at: number;
}

/** Earliest due time first: a heap of members by when their next turn is. */
class DueFirst implements Chooser {
  readonly #random: Random;
  readonly #heap: Turn[] = [];
  readonly #turns = new Map<Member<unknown>, Turn>();
  /** The due time of the last turn taken. */
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  choose(): Member<unknown> {
    const turn = this.#heap[0]!;
    this.#now = turn.due;
    turn.turns++;
    turn.due = turn.origin + turn.turns / turn.weight;
    this.#sink(turn);
    return turn.member;
  }

  added(member: Member<unknown>): void {
    const { weight } = member;
    // Anywhere in its first period, so that clients that start together do not all begin with the same one.
    const origin = this.#now + this.#random.fraction() / weight;
    const turn: Turn = { member, weight, origin, turns: 0, due: origin, at: this.#heap.length };
    this.#heap.push(turn);
    this.#turns.set(member, turn);
    this.#rise(turn);
  }

  removed(member: Member<unknown>): void {
    const turn = this.#turns.get(member);
    if (turn === undefined) return;
    this.#turns.delete(member);
    const last = this.#heap.pop()!;
    if (last === turn) return;
    this.#put(last, turn.at);
    this.#rise(last);
    this.#sink(last);
  }

  changed(member: Member<unknown>): void {
    const turn = this.#turns.get(member);
    if (turn === undefined) return;
    // What is left of the wait grows or shrinks with the period.
    turn.origin = this.#now + ((turn.due - this.#now) * turn.weight) / member.weight;
    turn.weight = member.weight;
    turn.turns = 0;
    turn.due = turn.origin;
    this.#rise(turn);
    this.#sink(turn);
  }

  #rise(turn: Turn): void {
    while (turn.at > 0) {
      const parentAt = (turn.at - 1) >> 1;
      const parent = this.#heap[parentAt]!;
      if (parent.due <= turn.due) return;
      this.#put(parent, turn.at);
      this.#put(turn, parentAt);
    }
  }

  #sink(turn: Turn): void {
    const heap = this.#heap;
    for (;;) {
      const left = turn.at * 2 + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const childAt = right < heap.length && heap[right]!.due < heap[left]!.due ? right : left;
      const child = heap[childAt]!;
      if (child.due >= turn.due) return;
      this.#put(child, turn.at);
      this.#put(turn, childAt);
    }
  }

  #put(turn: Turn, at: number): void {
    this.#heap[at] = turn;
    turn.at = at;
  }
}
