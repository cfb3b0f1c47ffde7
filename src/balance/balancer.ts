/**
 * Chooses an instance for each call, from a source or a list.
 *
 * @module
 */
import type { Instance, InstanceInput, Source } from "../discovery/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { EjectionOptions } from "./ejection-options.ts";
import type { BalanceEvent } from "./events.ts";
import type { Member } from "./member.ts";
import type { Strategy } from "./strategy.ts";

/** What a balancer is made of. */
export interface BalancerOptions<T> {
  /** The instances: a source, or a list that never changes. An address that stands there twice has twice the weight. */
  readonly from: Source | readonly (string | InstanceInput)[];
  /** Makes the way to an instance, once for as long as it is listed; and again when its address changes. */
  readonly open: (instance: Instance) => T;
  /** Ends the way, when the instance is gone and its calls have ended. What it throws or rejects with is reported. Default: nothing. */
  readonly close?: ((value: T) => Promise<void> | void) | undefined;
  /** Default: `p2c()`. */
  readonly strategy?: Strategy | undefined;
  /** Default: on, with its defaults. */
  readonly ejection?: EjectionOptions | false | undefined;
  /** Below this part of usable instances, all are used: rather a few failed calls than none that succeeds. 0 turns it off. Default: 0.5. */
  readonly panicRatio?: number | undefined;
  /** The zone this process is in: its instances are preferred, as far as they can bear it. Default: zones do not matter. */
  readonly zone?: string | undefined;
  /** This process calls only so many of the instances, always the same ones. Default: all. */
  readonly subset?: SubsetOptions | undefined;
  /** How long an instance that is new, or back, takes to get its full share, in milliseconds. Default: 10 s; 0: at once. */
  readonly slowStartMs?: number | undefined;
  /** Is told what happens to instances. Default: nobody. */
  readonly onEvent?: ((event: BalanceEvent) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Which part of the instances a client calls. */
export interface SubsetOptions {
  /** How many. */
  readonly size: number;
  /** Which client this is, an integer from 0: clients with numbers in a row share instances evenly. */
  readonly client: number;
}

/** Chooses. */
export interface Balancer<T> {
  /** For people, e.g. `p2c over 3 instances`. */
  readonly text: string;
  /** The members that may be chosen and those that may not, in no order. */
  readonly members: readonly Member<T>[];
  /**
   * A member for a call that begins at `nowMs`, or undefined when there is none at all. Nothing is counted before
   * `member.begin`. `key` is what consistent hashing goes by; `avoid` is not given out if there is another.
   */
  pick(nowMs: number, key?: string, avoid?: Member<T>): Member<T> | undefined;
  /** The member of an instance by its id. */
  find(id: string): Member<T> | undefined;
  /** Resolves when the source holds something to go by. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Leaves the source, gives out nothing any more, and resolves when the ways to all instances are closed. */
  close(): Promise<void>;
}
