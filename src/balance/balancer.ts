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
import { Pool } from "./pool.ts";
import { settingsOf } from "./settings.ts";
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
  /** Instances of a version on trial get a part of the calls of their own. Default: versions do not matter. */
  readonly canary?: CanaryOptions | undefined;
  /** How long an instance that is new, or back, takes to get its full share, in milliseconds. Default: 10 s; 0: at once. */
  readonly slowStartMs?: number | undefined;
  /** Is told what happens to instances. What it throws is dropped. Default: nobody. */
  readonly onEvent?: ((event: BalanceEvent) => void) | undefined;
  /** Whose time `pick`, `begin` and `end` are told. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's chance; it seeds the strategies' own. */
  readonly random?: Random | undefined;
}

/** Which part of the instances a client calls. */
export interface SubsetOptions {
  /** How many. */
  readonly size: number;
  /** Which client this is, an integer from 0: clients with numbers in a row share instances evenly. */
  readonly client: number;
}

/** A version on trial. */
export interface CanaryOptions {
  /** Which instances, by their version. */
  readonly version: string;
  /** Their part of all calls, from 0 to 1, however many they are. Where no others are usable, they get all. */
  readonly ratio: number;
}

/** Why an instance gets calls, or gets none. */
export interface MemberExplanation {
  readonly instance: Instance;
  readonly isUsed: boolean;
  /** For people, e.g. `well`, `its last 2 calls failed`, `ejected for another 12000 ms, 2 times so far`, `down, says the source`. */
  readonly because: string;
}

/** A member in numbers. */
export interface MemberSnapshot {
  readonly id: string;
  readonly address: string;
  readonly isUsable: boolean;
  readonly isEjected: boolean;
  /** Its weight now, slow start included. */
  readonly weight: number;
  readonly pending: number;
  /** See `Member.cost`. */
  readonly cost: number;
  /** Calls that ended with success or failure, and those that failed, since it is listed. */
  readonly calls: number;
  readonly failures: number;
  readonly ejections: number;
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
  /** For each instance of the list, why it gets calls or not. */
  explain(): readonly MemberExplanation[];
  /** All members in numbers, in no order. */
  snapshot(): readonly MemberSnapshot[];
  /** Leaves the source, gives out nothing any more, and resolves when the ways to all instances are closed. */
  close(): Promise<void>;
}

/**
 * Makes a balancer. It keeps what it learns of an instance under the instance's id, whatever else of the list changes; it has no timer, and
 * keeps no process alive. An instance whose address changes is taken for a new one.
 *
 * @throws {RangeError | TypeError} when an option is out of range, or what `open` throws for an instance of a plain list.
 *
 * @example
 * ```ts
 * import { balancer } from "servicekit/balance";
 *
 * const urls = balancer({ from: ["http://a:1", "http://b:1"], open: ({ address }) => address, slowStartMs: 0 });
 * const member = urls.pick(0)!;
 * member.begin(0);
 * member.end(0, 12, "success");
 * urls.text; // => "p2c over 2 instances"
 * ```
 */
export function balancer<T>(options: BalancerOptions<T>): Balancer<T> {
  const pool = new Pool(settingsOf(options));
  try {
    pool.begin();
  } catch (error) {
    // Ways that were opened before the one that cannot be.
    void pool.close();
    throw error;
  }
  return pool;
}
