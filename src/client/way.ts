/**
 * The way of a method's calls to the instances: who is chosen, and whether a breaker lets the call through.
 *
 * @module
 */
import type { Balancer, Member } from "../balance/index.ts";
import type { AnyMethod } from "../contract/index.ts";
import type { MethodInfo } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Budget, HedgePlan, RetryPlan } from "../resilience/index.ts";
import type { Clock } from "../time/index.ts";
import { Attempt } from "./attempt.ts";
import type { Reach, Upstream } from "./upstream.ts";

/** All instances of a client, and what its methods share on the way to them. */
export interface Instances {
  readonly balancer: Balancer<Upstream>;
  /** Whether the source has said anything yet. */
  readonly isKnown: boolean;
  readonly isClosed: boolean;
  /** Resolves when something is known. */
  ready(signal: AbortSignal): Promise<void>;
}

/** The way of one method. */
export interface Way<S> extends Reach<S> {
  readonly method: AnyMethod;
  readonly info: MethodInfo;
  readonly clock: Clock;
  readonly instances: Instances;
  readonly keyOf: ((request: never) => string) | undefined;
  readonly budget: Budget | undefined;
  readonly retry: RetryPlan | undefined;
  readonly hedge: HedgePlan | undefined;
  /** Whether nothing stands between the call's beginning and its first attempt, so that one reading of the clock serves both. */
  readonly isDirect: boolean;
}

/** What an attempt is begun with. */
export interface Choice {
  readonly startMs: number;
  readonly key: string | undefined;
  /** Who was tried before. */
  readonly avoid: Member<Upstream> | undefined;
}

/**
 * The right to one attempt.
 *
 * @throws {ServiceError} breaker_open when every instance's breaker is open; no_instances when there is none, or the client is closed.
 */
export function enter<S>(way: Way<S>, choice: Choice): Attempt<S> {
  const { balancer, isClosed } = way.instances;
  const { startMs, key, avoid } = choice;
  const member = isClosed ? undefined : balancer.pick(startMs, key, avoid);
  if (member === undefined) throw nobody(way.instances);
  const target = member.value.target(way);
  const { breaker } = target;
  if (breaker === undefined) return new Attempt(member, target, { ticket: undefined, startMs });
  const ticket = breaker.tryEnter();
  return ticket === undefined ? another(way, choice) : new Attempt(member, target, { ticket, startMs });
}

function nobody({ isClosed, isKnown }: Instances): ServiceError {
  if (isClosed) return policyError("no_instances", { message: "the client is closed" });
  return isKnown
    ? policyError("no_instances")
    : policyError("no_instances", { message: "nothing is known of the instances yet" });
}

// The chosen one's breaker is open, and the balancer does not know of breakers: whoever lets a call through, usable ones first.
function another<S>(way: Way<S>, { startMs, avoid }: Choice): Attempt<S> {
  let soonest: ServiceError | undefined;
  const members = [...way.instances.balancer.members].sort((a, b) => rank(a, avoid) - rank(b, avoid));
  for (const member of members) {
    const target = member.value.target(way);
    const ticket = target.breaker!.tryEnter();
    if (ticket !== undefined) return new Attempt(member, target, { ticket, startMs });
    const error = target.breaker!.refusal();
    if (soonest === undefined || (error.retryAfterMs ?? Infinity) < (soonest.retryAfterMs ?? Infinity)) soonest = error;
  }
  throw soonest!;
}

function rank(member: Member<Upstream>, avoid: Member<Upstream> | undefined): number {
  if (member === avoid) return 3;
  if (member.isEjected) return 2;
  return member.instance.health === "up" ? 0 : 1;
}
