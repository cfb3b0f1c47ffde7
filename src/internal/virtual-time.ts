/**
 * Time that moves only when told: what waits stands in a binary heap, by time and then by order of setting. Under the clock of
 * tests and under the simulator.
 *
 * @module
 */
import type { Wakeable } from "./wheel.ts";

const GONE = -1;

/** Something that waits; it knows its place in the heap, so that cancelling one costs no search. */
export class VirtualTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly target: Wakeable;
  place: number = GONE;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime, dueMs: number, target: Wakeable) {
    this.#time = time;
    this.dueMs = dueMs;
    this.order = time.nextOrder();
    this.target = target;
  }

  cancel(): void {
    this.#time.remove(this);
  }
}

/** A function as something to be woken. */
class Task implements Wakeable {
  readonly expire: () => void;

  constructor(run: () => void) {
    this.expire = run;
  }
}

/** A clock that stands still, and what waits on it. */
export class VirtualTime {
  readonly #heap: VirtualTimer[] = [];
  readonly #dateMs: number;
  readonly #perMs: number;
  #nowMs = 0;
  #orders = 0;

  /**
   * `perMs`: into how many moments a millisecond is divided; a power of two makes the difference of any two moments exact.
   * Then nothing that waits for the rest of a time is woken one rounding too early, for ever at the same moment. 0: undivided.
   */
  constructor(dateMs: number, perMs: number = 0) {
    this.#dateMs = dateMs;
    this.#perMs = perMs;
  }

  readonly now = (): number => this.#nowMs;
  readonly date = (): number => this.#dateMs + this.#nowMs;
  readonly after = (delayMs: number, run: () => void): VirtualTimer => this.expire(delayMs, new Task(run));
  readonly expire = (delayMs: number, target: Wakeable): VirtualTimer =>
    this.at(delayMs > 0 ? this.#rounded(this.#nowMs + delayMs) : this.#nowMs, target);

  /** How many wait. */
  get pending(): number {
    return this.#heap.length;
  }

  /** When the next is due; Infinity: nothing waits. */
  get dueMs(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.dueMs;
  }

  nextOrder(): number {
    return this.#orders++;
  }

  /** Wakes `target` at a time, which is not before now. */
  at(dueMs: number, target: Wakeable): VirtualTimer {
    const timer = new VirtualTimer(this, dueMs, target);
    this.#heap.push(timer);
    this.#up(timer, this.#heap.length - 1);
    return timer;
  }

  /** Moves time to the earliest that waits, and wakes it. Whoever calls this lets promises run after it. */
  fire(): void {
    const timer = this.#heap[0]!;
    this.remove(timer);
    this.#nowMs = timer.dueMs;
    timer.target.expire();
  }

  /** Moves time to where nothing is due before it. */
  moveTo(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  // Up: never early. And at least one moment on.
  #rounded(dueMs: number): number {
    if (this.#perMs === 0) return dueMs;
    const rounded = Math.ceil(dueMs * this.#perMs) / this.#perMs;
    return rounded > this.#nowMs ? rounded : this.#nowMs + 1 / this.#perMs;
  }

  remove(timer: VirtualTimer): void {
    const { place } = timer;
    if (place === GONE) return;
    timer.place = GONE;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    if (place > 0 && isBefore(last, this.#heap[(place - 1) >> 1]!)) this.#up(last, place);
    else this.#down(last, place);
  }

  #up(timer: VirtualTimer, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = heap[(place - 1) >> 1]!;
      if (!isBefore(timer, above)) break;
      heap[place] = above;
      above.place = place;
      place = (place - 1) >> 1;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #down(timer: VirtualTimer, from: number): void {
    const heap = this.#heap;
    const { length } = heap;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (!isBefore(below, timer)) break;
      heap[place] = below;
      below.place = place;
      place = child;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
