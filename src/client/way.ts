/**
 * The way of a method's calls to the instances: who is chosen, and whether a breaker lets the call through.
 *
 * @module
 */
import type { Balancer, Member } from "../balance/index.ts";
import type { AnyMethod } from "../contract/index.ts";
import type { MethodInfo } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Budget, CircuitBreaker, HedgePlan, RetryPlan } from "../resilience/index.ts";
import type { Clock } from "../time/index.ts";
import { Attempt } from "./attempt.ts";
import type { ClientCall } from "./call.ts";
import type { Reach, Upstream } from "./upstream.ts";

/** All instances of a client, and what its methods share on the way to them. */
export interface Instances {
  readonly balancer: Balancer<Upstream>;
  /** Whether the source has said anything yet. */
  readonly isKnown: boolean;
  readonly isClosed: boolean;
  /** Below this part of instances whose breakers let calls through, the share of the others is refused. */
  readonly panicRatio: number;
  /** Resolves when something is known; rejects when the call is called off, or the client closed. */
  ready(call: ClientCall): Promise<void>;
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
  return tried(way, member, startMs) ?? another(way, choice, member);
}

/** An attempt at this one, if its breaker lets the call through. */
function tried<S>(way: Way<S>, member: Member<Upstream>, startMs: number): Attempt<S> | undefined {
  const target = member.value.target(way);
  const { breaker } = target;
  if (breaker === undefined) return new Attempt(member, target, { ticket: undefined, startMs });
  const ticket = breaker.tryEnter();
  return ticket === undefined ? undefined : new Attempt(member, target, { ticket, startMs });
}

/** The error of a call that has nowhere to go. */
export function nobody({ isClosed, isKnown }: Instances, cause?: Error): ServiceError {
  if (isClosed) return policyError("no_instances", { message: "the client is closed" });
  return isKnown
    ? policyError("no_instances")
    : policyError("no_instances", { message: "nothing is known of the instances yet", cause });
}

// The chosen one's breaker is open, and the balancer does not know of breakers. First another of its choice, so that what the closed one
// would have had is spread over all; then whoever lets a call through, those that are well first. But none at all where most breakers are
// open: the few that work could not bear the rest, and all would be lost. That is a balancer's panic, for breakers.
function another<S>(way: Way<S>, { startMs, key, avoid }: Choice, closed: Member<Upstream>): Attempt<S> {
  const { balancer, panicRatio } = way.instances;
  const passing = balancer.members.filter((member) => isPassing(member.value.target(way).breaker)).length;
  if (passing < balancer.members.length * panicRatio) throw soonestOf(way, balancer.members);
  const other = balancer.pick(startMs, key, closed);
  const isNew = other !== closed && other !== avoid && other?.isUsable === true;
  const attempt = isNew ? tried(way, other, startMs) : undefined;
  if (attempt !== undefined) return attempt;
  // What is draining takes no more, whatever the others do.
  const members = balancer.members.filter(({ instance }) => instance.health !== "draining");
  members.sort((a, b) => rank(a, avoid) - rank(b, avoid) || a.instance.priority - b.instance.priority);
  for (const member of members) {
    const found = tried(way, member, startMs);
    if (found !== undefined) return found;
  }
  throw soonestOf(way, members.length > 0 ? members : balancer.members);
}

/** Whether calls go through, or a probe might: one whose time is over only waits for it. */
function isPassing(breaker: CircuitBreaker | undefined): boolean {
  return breaker === undefined || (breaker.state !== "isolated" && !((breaker.refusal().retryAfterMs ?? 0) > 0));
}

function soonestOf<S>(way: Way<S>, members: readonly Member<Upstream>[]): ServiceError {
  let soonest: ServiceError | undefined;
  for (const member of members) {
    const error = member.value.target(way).breaker!.refusal();
    if (soonest === undefined || (error.retryAfterMs ?? Infinity) < (soonest.retryAfterMs ?? Infinity)) soonest = error;
  }
  return soonest!;
}

function rank(member: Member<Upstream>, avoid: Member<Upstream> | undefined): number {
  if (member === avoid) return 3;
  if (member.isEjected) return 2;
  return member.instance.health === "up" ? 0 : 1;
}
