/**
 * What is written for a registry: how it is watched, and how an instance is made known to it. All that is the same for
 * every registry (back-off, keeping what was known, heart-beats, registering again) is `source`'s and `registrar`'s.
 *
 * @module
 */
import type { Clock, Random } from "../time/index.ts";
import type { Instance, InstanceInput } from "./instance.ts";

/**
 * Watches a registry: gives the whole list by `session.list` whenever it may have changed, until `session.signal` aborts.
 * It rejects (or throws) when the registry fails; the loop then calls it again after a back-off. One that returns is
 * called again too, after the interval. Everything it opens it closes, whatever ends it.
 */
export interface Watch {
  (session: WatchSession): Promise<void>;
  /** How long after it returned it is called again, in milliseconds, unless the user says otherwise. Default: 10 s. */
  readonly intervalMs?: number | undefined;
  /** After how long without a word it is broken off and called anew, in milliseconds, unless the user says otherwise. Default: 60 s. */
  readonly silenceMs?: number | undefined;
}

/** One run of a watch. */
export interface WatchSession {
  /** Aborts when nobody listens any more, or the run took too long without a word (see `silenceMs`). Every wait takes it. */
  readonly signal: AbortSignal;
  /** Where the last run stopped, in the registry's own words (an index, a revision); undefined: begin anew. */
  readonly position: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** The whole list as it is now, and where a next run may go on. The same list again costs little and means "all is well". */
  list(instances: readonly (string | InstanceInput)[], position?: string): void;
  /** A sign of life: the registry answered, and nothing has changed. */
  alive(): void;
  /** Forgets the position: what the registry said of it makes no sense, or it was compacted away. */
  forget(): void;
  /** Part of what came cannot be used; the rest was given to `list`. */
  skipped(error: Error): void;
}

/** Makes one instance known to a registry. Each function is given up on when its signal aborts. */
export interface Announcer {
  /** For people, e.g. `consul add`. */
  readonly name: string;
  /** How often `renew` is due, in milliseconds. */
  readonly renewMs: number;
  /** Makes it known, or known as it is now: twice is as good as once, and leaves one entry. */
  register(instance: Instance, signal: AbortSignal): Promise<void>;
  /**
   * Says that it still lives. Rejects with a `LostRegistration` when the registry knows nothing of it (it is registered again at once),
   * with any other error when the registry did not answer (it is tried again).
   */
  renew(instance: Instance, signal: AbortSignal): Promise<void>;
  /** Takes it out. Of one that is not there, that is no error. */
  deregister(instance: Instance, signal: AbortSignal): Promise<void>;
  /** Frees connections; called once, last. */
  close?(): PromiseLike<void> | void;
}

/**
 * Thrown by `renew` when the registry has forgotten the instance: its lease or session is over, or the agent was restarted.
 *
 * @example
 * ```ts
 * import { LostRegistration } from "servicekit/discovery";
 *
 * new LostRegistration("the lease is over").name; // => "LostRegistration"
 * ```
 */
export class LostRegistration extends Error {
  override readonly name = "LostRegistration";
}
