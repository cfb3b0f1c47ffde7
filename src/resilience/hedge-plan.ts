/**
 * Whether and when to ask a second instance while the first still works: the decision, apart from whatever asks.
 *
 * @module
 */

/** A hedge policy, checked and ready; it learns how long calls take. */
export interface HedgePlan {
  /** How many attempts run side by side at most, the first included. */
  readonly tries: number;
  /** How long to wait for the attempts that run before one more begins; Infinity: no hedge, for instance while too little is known. */
  delayMs(): number;
  /** A call was answered after so long: from its first attempt on. */
  answered(durationMs: number): void;
  /** Whether one more may begin now. Takes from the budget. */
  take(nowMs: number): boolean;
  describe(): string;
}
