/**
 * How much may be tried again: a part of what is asked for, whoever tries again and why.
 *
 * @module
 */
import type { BudgetPolicy } from "../contract/index.ts";

/** A budget, shared by the retries and hedges of one client. (Finagle's retry budget.) */
export interface Budget {
  /** A request was made. */
  deposit(nowMs: number): void;
  /** Takes what one try more costs; false: there is nothing left. */
  withdraw(nowMs: number): boolean;
  /** How many tries are left. */
  left(nowMs: number): number;
  set(options: BudgetPolicy): void;
  describe(): string;
}
