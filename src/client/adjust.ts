/**
 * What of a client may change while it runs: everything is checked before anything changes.
 *
 * @module
 */
import type { BudgetPolicy, HedgePolicy, RetryPolicy } from "../contract/index.ts";
import { checkNames, shown } from "../internal/check.ts";
import { budget as budgetOf, hedgePlan, retryPlan, type Budget } from "../resilience/index.ts";
import type { BoundCall } from "./method.ts";
import { checkHedge, checkRetry } from "./plans.ts";

/** A change. What it does not name stays as it is; what was turned off at construction stays off. */
export interface ClientChange {
  /** For all methods that had no `retry` of their own. */
  readonly retry?: RetryPolicy | undefined;
  /** For all methods that had no `hedge` of their own. */
  readonly hedge?: HedgePolicy | undefined;
  readonly budget?: BudgetPolicy | undefined;
  /** For single methods. */
  readonly methods?: Readonly<Record<string, MethodChange | undefined>> | undefined;
}

/** A change of one method. */
export interface MethodChange {
  readonly retry?: RetryPolicy | undefined;
  readonly hedge?: HedgePolicy | undefined;
}

/** Checks a change, and makes it. */
export function adjusted(
  bound: ReadonlyMap<string, BoundCall>,
  budget: Budget | undefined,
  change: ClientChange,
): void {
  checkNames("adjust", change, ["retry", "hedge", "budget", "methods"]);
  const { methods = {} } = change;
  for (const name of Object.keys(methods)) {
    if (!bound.has(name))
      throw new RangeError(
        `methods should name methods of the client (${[...bound.keys()].join(", ")}), got ${shown(name)}`,
      );
    checkNames(`methods.${name}`, methods[name] ?? {}, ["retry", "hedge"]);
  }
  const steps: (() => void)[] = [];
  if (change.budget !== undefined) steps.push(ofBudget(budget, change.budget));
  for (const [name, one] of bound) {
    const own = methods[name] ?? {};
    const retry = own.retry ?? (one.own.retry === undefined ? change.retry : undefined);
    const hedge = own.hedge ?? (one.own.hedge === undefined ? change.hedge : undefined);
    if (retry !== undefined) steps.push(...ofRetry(one, retry, own.retry !== undefined));
    if (hedge !== undefined) steps.push(...ofHedge(one, hedge, own.hedge !== undefined));
  }
  for (const step of steps) step();
}

function ofBudget(budget: Budget | undefined, change: BudgetPolicy): () => void {
  if (budget === undefined) throw off("budget");
  budgetOf(change);
  return () => budget.set(change);
}

function ofRetry({ plans, info }: BoundCall, change: RetryPolicy, isNamed: boolean): (() => void)[] {
  const { retry } = plans;
  // Made and thrown away: that checks it.
  const { tries } = retryPlan(change);
  if (retry === undefined) return unlessNamed(isNamed, `methods.${info.name}.retry`);
  const perTryMs = change.perTryMs ?? retry.perTryMs;
  checkRetry(
    info,
    { perTryMs: perTryMs === Infinity ? undefined : perTryMs },
    { tries: change.tries === undefined ? retry.tries : tries },
  );
  return [() => retry.set(change)];
}

function ofHedge({ plans, info }: BoundCall, change: HedgePolicy, isNamed: boolean): (() => void)[] {
  const { hedge } = plans;
  hedgePlan(change);
  if (hedge === undefined) return unlessNamed(isNamed, `methods.${info.name}.hedge`);
  checkHedge(info, change);
  return [() => hedge.set(change)];
}

function unlessNamed(isNamed: boolean, name: string): never[] {
  if (isNamed) throw off(name);
  return [];
}

function off(name: string): RangeError {
  return new RangeError(`${name} should be on from the beginning to be changed, got one that is off`);
}
