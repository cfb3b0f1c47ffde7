/**
 * What a group runs: anything that starts, may finish what it has begun, and ends. Servers of every kind fit by shape.
 *
 * @module
 */

/** A member of a group. Each function is called at most once, those after `start` only when it was. */
export interface Runnable {
  /** What logs call it, e.g. "http". Need not be unique. */
  readonly name: string;
  /**
   * Starts; resolves when it serves. The signal aborts when the group is stopped meanwhile or the time is over. A start
   * that fails has cleaned up after itself: it is not closed. `addresses` are those of the members before it, for one that
   * makes them known.
   */
  start(signal: AbortSignal, addresses: readonly string[]): Promise<void> | void;
  /**
   * Tells callers to go elsewhere, e.g. takes an instance out of a registry, when the group begins to stop: readiness is off,
   * everything still serves, and `graceMs` begin after it. The signal aborts when `closeMs` are over. Default: nobody has
   * to be told.
   */
  leave?(deadline: AbortSignal): Promise<void> | void;
  /**
   * Takes on nothing new and resolves when what was begun is finished. The signal aborts when the time is over; `close`
   * follows at once. `isAwaited`: somebody waits for the end (SIGINT, `stop()`), so nothing is left open just in case. Default: there is
   * nothing to finish.
   */
  drain?(deadline: AbortSignal, isAwaited: boolean): Promise<void> | void;
  /** Cuts what is left and frees everything; also after it ended by itself. */
  close(): Promise<void> | void;
  /**
   * Settles when it ends by itself, which stops the group: a rejection is a failure. Read once, after `start`. Default:
   * it never does.
   */
  readonly done?: Promise<void> | undefined;
  /** Where it serves, e.g. `http://127.0.0.1:8081`, for the log. Read once, after `start`. Default: nowhere. */
  readonly addresses?: readonly string[] | undefined;
}
