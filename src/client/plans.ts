/**
 * The plans of a method's policies: whether it may be tried again and asked twice, checked against each other at construction, since a
 * stack that cannot work should not wait for an outage to say so.
 *
 * @module
 */
import type { HedgePolicy, RetryPolicy } from "../contract/index.ts";
import { checkPolicyData } from "../contract/policy.ts";
import type { MethodInfo } from "../endpoint/index.ts";
import { hedgePlan, retryPlan, type Budget, type HedgePlan, type RetryPlan } from "../resilience/index.ts";
import type { Random } from "../time/index.ts";
import type { ClientPolicy } from "./options.ts";

/** What plans are made with. */
export interface PlanOptions {
  readonly info: MethodInfo;
  /** The method's own policy, and the client's for all. */
  readonly own: ClientPolicy;
  readonly all: ClientPolicy;
  readonly budget: Budget | undefined;
  readonly random: Random;
}

/** The plans of one method. */
export interface Plans {
  readonly retry: RetryPlan | undefined;
  readonly hedge: HedgePlan | undefined;
}

/**
 * Makes the plans.
 *
 * @throws {RangeError} when a value is out of range, or two that are given cannot work together; it says what to change.
 */
export function plansOf({ info, own, all, budget, random }: PlanOptions): Plans {
  const where = `methods.${info.name}.`;
  for (const [at, one] of [
    ["", all],
    [where, own],
  ] as const) {
    checkPolicyData(`${at}retry`, one.retry, ["tries", "baseMs", "maxMs", "perTryMs", "codes"]);
    checkPolicyData(`${at}hedge`, one.hedge, ["afterMs", "extra", "tries"]);
  }
  const retry = own.retry ?? all.retry ?? {};
  const hedge = own.hedge ?? all.hedge ?? false;
  // Asked for by name it is a mistake; for all methods it means those that can.
  if (own.hedge !== undefined && own.hedge !== false) checkRepeatable(info);
  const isRepeatable = info.kind === "unary" && info.idempotent && info.oneWay !== true;
  const plans: Plans = {
    retry: retry === false || isUsedUp(info) ? undefined : retryPlan({ ...retry, budget, random }),
    hedge: hedge === false || !isRepeatable ? undefined : hedgePlan({ ...hedge, budget }),
  };
  if (retry !== false && plans.retry !== undefined) checkRetry(info, retry, plans.retry);
  if (hedge !== false && plans.hedge !== undefined) checkHedge(info, hedge);
  return plans;
}

// The caller's messages can be sent but once.
function isUsedUp({ kind }: MethodInfo): boolean {
  return kind === "client" || kind === "bidi";
}

function checkRepeatable({ name, kind, idempotent, oneWay }: MethodInfo): void {
  const where = `methods.${name}.hedge`;
  if (kind !== "unary" || oneWay === true)
    throw new RangeError(`${where} should be left out: only a method with one request and one response is asked twice`);
  if (!idempotent)
    throw new RangeError(
      `${where} should be left out, or the method declared idempotent: true, since a hedged call is done twice`,
    );
}

/** @throws {RangeError} when the attempts do not fit into the call's time. */
export function checkRetry(
  { name, timeoutMs }: MethodInfo,
  { perTryMs }: RetryPolicy,
  { tries }: Pick<RetryPlan, "tries">,
): void {
  if (perTryMs === undefined || perTryMs * tries <= timeoutMs) return;
  throw new RangeError(
    `retry of ${name} should fit into its time: ${tries} attempts of ${perTryMs} ms are more than timeoutMs ${timeoutMs}; ` +
      `let perTryMs be at most ${Math.floor(timeoutMs / tries)}, or timeoutMs at least ${perTryMs * tries}`,
  );
}

/** @throws {RangeError} when a hedge would begin after the call is over. */
export function checkHedge({ name, timeoutMs }: MethodInfo, { afterMs }: HedgePolicy): void {
  if (afterMs === undefined || afterMs < timeoutMs) return;
  throw new RangeError(
    `hedge of ${name} should begin before its time is over: afterMs is ${afterMs} and timeoutMs ${timeoutMs}; let afterMs be what 95 of 100 calls take`,
  );
}
