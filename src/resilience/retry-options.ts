/**
 * What a retry may be told, checked once.
 *
 * @module
 */
import type { RetryPolicy } from "../contract/index.ts";
import { codes as allCodes, isCode, type Code, type ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames, checkNumber, shown } from "../internal/check.ts";
import { systemRandom, type Random } from "../time/index.ts";
import type { Budget } from "./budget.ts";
import type { RetryEvent, RetryPlanOptions } from "./retry-plan.ts";

/** The numbers of a policy, complete. */
export interface RetryNumbers {
  readonly tries: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly perTryMs: number;
  readonly codes: readonly Code[];
}

/** What stays as it is. */
export interface RetrySettings {
  readonly budget: Budget | undefined;
  readonly retryable: ((error: ServiceError) => boolean) | undefined;
  readonly random: Random;
  readonly onEvent: ((event: RetryEvent) => void) | undefined;
}

const DAY_MS = 86_400_000;

const DEFAULTS: RetryNumbers = {
  tries: 3,
  baseMs: 25,
  maxMs: 1000,
  perTryMs: Infinity,
  codes: ["unavailable", "deadline_exceeded"],
};

/** Checks the numbers; what is left out stays as before. */
export function retryNumbers(options: RetryPolicy, before: RetryNumbers = DEFAULTS): RetryNumbers {
  const { tries = before.tries, perTryMs = before.perTryMs, codes = before.codes } = options;
  if (options.maxMs !== undefined) checkNumber("retry: maxMs", options.maxMs, { min: 0, max: DAY_MS });
  // Who names only one of the two means the other to follow.
  const baseMs = options.baseMs ?? Math.min(before.baseMs, options.maxMs ?? Infinity);
  checkNumber("retry: baseMs", baseMs, { min: 0, max: DAY_MS });
  return {
    tries: checkNumber("retry: tries", tries, { min: 1, max: 10, integer: true }),
    baseMs,
    maxMs: checkNumber("retry: maxMs", options.maxMs ?? Math.max(before.maxMs, baseMs), { min: baseMs }),
    perTryMs: checkNumber("retry: perTryMs", perTryMs, { min: 1 }),
    codes: checkCodes(codes),
  };
}

/** The words of a policy. */
export const RETRY_POLICY: readonly string[] = ["tries", "baseMs", "maxMs", "perTryMs", "codes"];

/** Checks the rest. */
export function retrySettings(options: RetryPlanOptions): RetrySettings {
  checkNames("retryPlan", options, [...RETRY_POLICY, "budget", "retryable", "random", "onEvent"]);
  const { budget, retryable, random = systemRandom, onEvent } = options;
  if (budget !== undefined) checkFunction("retry: budget.withdraw", (budget as Partial<Budget>).withdraw);
  if (retryable !== undefined) checkFunction("retry: retryable", retryable);
  if (onEvent !== undefined) checkFunction("retry: onEvent", onEvent);
  checkFunction("retry: random.fraction", (random as Partial<Random>).fraction);
  return { budget, retryable, random, onEvent };
}

function checkCodes(codes: readonly Code[]): readonly Code[] {
  if (!Array.isArray(codes)) throw new TypeError(`retry: codes should be a list of codes, got ${shown(codes)}`);
  for (const code of codes)
    if (!isCode(code)) throw new RangeError(`retry: codes should be of ${allCodes.join(", ")}, got ${shown(code)}`);
  return [...codes];
}

/** @throws {RangeError} when the attempts cannot all have their time. */
export function checkFits(
  plan: { readonly tries: number; readonly perTryMs: number },
  timeoutMs: number = Infinity,
): void {
  const { tries, perTryMs } = plan;
  if (perTryMs === Infinity || tries * perTryMs <= timeoutMs) return;
  throw new RangeError(
    `retry: timeoutMs should be at least tries × perTryMs, which is ${tries} × ${perTryMs} ms, got ${timeoutMs}: lower perTryMs to ${Math.floor(timeoutMs / tries)} or less`,
  );
}
