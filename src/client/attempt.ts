/**
 * The right to one attempt at one instance. It is told how the attempt ended, and tells the balancer and the breaker.
 *
 * @module
 */
import { loadOf, type Ending, type Member } from "../balance/index.ts";
import { noMetadata, type Carrier } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { isFailure, verdictOf, type BreakerTicket } from "../resilience/index.ts";
import type { Target, Upstream } from "./upstream.ts";

/** One attempt. */
export class Attempt<S> {
  readonly member: Member<Upstream>;
  readonly target: Target<S>;
  readonly startMs: number;
  #ticket: BreakerTicket | undefined;

  constructor(member: Member<Upstream>, target: Target<S>, { ticket, startMs }: Entry) {
    this.member = member;
    this.target = target;
    this.startMs = startMs;
    this.#ticket = ticket;
    member.begin(startMs);
  }

  /**
   * A stream has begun. A probe of the breaker cannot wait for its end, which may be days away: whoever begins well works.
   * How it ends is told to the balancer alone.
   */
  begun(): void {
    if (this.#ticket === undefined) return;
    this.target.breaker!.succeed(this.#ticket);
    this.#ticket = undefined;
  }

  /** `reply` is the metadata that came with the answer: it may tell how busy the instance is. */
  succeeded(nowMs: number, reply: Carrier): void {
    if (reply !== noMetadata) {
      const load = loadOf(reply);
      if (load !== undefined) this.member.report(load);
    }
    if (this.#ticket !== undefined) this.target.breaker!.succeed(this.#ticket);
    this.#end(nowMs, "success");
  }

  failed(error: unknown, nowMs: number): void {
    if (this.#ticket !== undefined) this.target.breaker!.record(this.#ticket, error);
    this.#end(nowMs, endingOf(error));
  }

  /** It ended without saying anything about the instance. */
  released(nowMs: number): void {
    if (this.#ticket !== undefined) this.target.breaker!.release(this.#ticket);
    this.#end(nowMs, "neither");
  }

  #end(nowMs: number, ending: Ending): void {
    this.member.end(this.target.isTimed ? this.startMs : nowMs, nowMs, ending);
  }
}

/** What an attempt begins with. */
export interface Entry {
  readonly ticket: BreakerTicket | undefined;
  readonly startMs: number;
}

/**
 * What an error says of the instance. One that refuses because it is overloaded works, and a breaker leaves it alone; but it
 * refuses fast, and a balancer that goes by time alone would send it more and more.
 */
export function endingOf(error: unknown): Ending {
  if (ServiceError.is(error) && error.reason === "overloaded" && error.origin === "peer") return "failure";
  return verdictOf(error, isFailure);
}
