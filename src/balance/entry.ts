/**
 * A member as the balancer keeps it: counts, what was learned of it, and its place. One fixed shape, since picks read it.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";
import type { MemberGroup } from "./group.ts";
import type { Ledger } from "./ledger.ts";
import type { Ending, Member } from "./member.ts";

/** What members tell their balancer. */
export interface EntryOwner {
  readonly ledger: Ledger;
  /** A call has failed; counts are up to date. */
  failed(entry: Entry<unknown>, startMs: number, nowMs: number): void;
  /** It is no longer listed, and its last call has ended. */
  left(entry: Entry<unknown>): void;
}

/** Where a member stands in its group: well; not well; finishing what it has. */
export type Rank = 0 | 1 | 2;

export class Entry<T> implements Member<T> {
  readonly #ledger: Ledger;
  ledgerRow: number;
  group: MemberGroup | undefined = undefined;
  readonly value: T;
  instance: Instance;
  isEjected = false;
  isUsable = false;
  isListed = true;
  copies = 1;
  share = 1;
  /** Its place: section of its group and index there; and index among all members. */
  rank: Rank = 1;
  at = -1;
  index = -1;
  /** Counted since it is listed; and in this interval of the sweep. */
  calls = 0;
  failures = 0;
  recentCalls = 0;
  recentFailures = 0;
  /** Failures in a row. */
  row = 0;
  ejections = 0;
  multiplier = 0;
  untilMs = 0;
  returnedMs: number = -Infinity;
  /** Up to when healthy intervals were set against its ejections. */
  forgivenMs = 0;
  isSpared = false;
  startedMs = 0;
  readonly #owner: EntryOwner;

  constructor(instance: Instance, value: T, owner: EntryOwner) {
    this.#ledger = owner.ledger;
    this.ledgerRow = owner.ledger.take(instance.weight);
    this.instance = instance;
    this.value = value;
    this.#owner = owner;
  }

  get pending(): number {
    return this.#ledger.pending(this.ledgerRow);
  }

  get weight(): number {
    return this.#ledger.weight(this.ledgerRow);
  }

  set weight(weight: number) {
    this.#ledger.weigh(this.ledgerRow, weight);
  }

  begin(_nowMs: number): void {
    this.#ledger.count(this.ledgerRow, 1);
    if (this.group !== undefined) this.group.pending++;
  }

  end(startMs: number, nowMs: number, ending: Ending): void {
    this.#ledger.count(this.ledgerRow, -1);
    if (this.group !== undefined) this.group.pending--;
    if (ending === "neither") this.#ledger.endure(this.ledgerRow, nowMs - startMs, nowMs);
    else this.#count(startMs, nowMs, ending === "failure");
    if (!this.isListed && this.pending === 0) this.#owner.left(this);
  }

  report(load: number): void {
    this.#ledger.report(this.ledgerRow, load);
  }

  cost(nowMs: number): number {
    return this.#ledger.cost(this.ledgerRow, this.group?.meanWeight ?? 1, nowMs);
  }

  /** It is closed: its row is somebody else's. */
  release(): void {
    this.#ledger.release(this.ledgerRow);
    this.ledgerRow = this.#ledger.gone;
  }

  #count(startMs: number, nowMs: number, isFailure: boolean): void {
    this.calls++;
    this.recentCalls++;
    if (isFailure) this.#ledger.fail(this.ledgerRow, nowMs - startMs, nowMs);
    else this.#ledger.succeed(this.ledgerRow, nowMs - startMs, nowMs);
    if (!isFailure) {
      this.row = 0;
      return;
    }
    this.failures++;
    this.recentFailures++;
    this.row++;
    this.#owner.failed(this, startMs, nowMs);
  }
}
