/**
 * One who waits for a place, and the list of those who do: in order of arrival, each removable at once.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";

/** Somebody in a queue: told once, by one of the two. */
export abstract class Waiter {
  /** When it came. */
  readonly sinceMs: number;
  /** Its place in the order of criticality, from 0. */
  readonly level: number;
  list: WaiterList | undefined = undefined;
  older: Waiter | undefined = undefined;
  newer: Waiter | undefined = undefined;

  constructor(sinceMs: number, level: number) {
    this.sinceMs = sinceMs;
    this.level = level;
  }

  /** It has a place now. False: it is gone, and the next may have it. */
  abstract grant(nowMs: number): boolean;

  /** There is none for it. */
  abstract refuse(error: ServiceError): void;
}

/** Those of one criticality. */
export class WaiterList {
  oldest: Waiter | undefined = undefined;
  newest: Waiter | undefined = undefined;

  add(waiter: Waiter): void {
    waiter.list = this;
    waiter.older = this.newest;
    if (this.newest === undefined) this.oldest = waiter;
    else this.newest.newer = waiter;
    this.newest = waiter;
  }

  remove(waiter: Waiter): void {
    const { older, newer } = waiter;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    waiter.list = undefined;
    waiter.older = undefined;
    waiter.newer = undefined;
  }
}
