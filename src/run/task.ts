/**
 * Background work as a member of a group: a consumer, a refresh loop, a one-off.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import { checkFunction, checkNames, checkOneOf, checkString } from "../internal/check.ts";
import type { Runnable } from "./runnable.ts";

/** What a task may be told. */
export interface TaskOptions {
  /**
   * Whether its coming to an end is what is wanted. Default: false, and the group stops when the work returns, because a
   * loop that has silently ended is a service that looks alive. True for a one-off beside others, such as warming a cache.
   */
  readonly once?: boolean | undefined;
  /**
   * When its signal aborts. Default: "drain", so that it takes on nothing new while servers finish. "close" is for what
   * the others need until they have finished, such as writing metrics; start it before them, and it closes after them.
   */
  readonly until?: "drain" | "close" | undefined;
}

/**
 * Makes a member of a group from a function that works until its signal aborts. It counts as started at once. When the
 * work throws, the group fails; what it throws because of its signal (the signal's reason, or an AbortError) is no failure.
 *
 * @throws {RangeError} when the name is empty or an option is wrong.
 *
 * @example
 * ```ts
 * import { run, task } from "servicekit/run";
 *
 * const seen: string[] = [];
 * const group = run([task("warm", async () => void seen.push("warm"))], { signals: false });
 * await group.done; // => 0
 * seen; // => ["warm"]
 * ```
 */
export function task(
  name: string,
  work: (signal: AbortSignal) => Promise<void> | void,
  options: TaskOptions = {},
): Runnable {
  checkNames("task", options, ["once", "until"]);
  checkFunction("work", work);
  const until = checkOneOf("until", options.until ?? "drain", ["drain", "close"]);
  const { once = false } = options;
  const controller = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  let isCut = false;

  function start(): void {
    ended = new Promise<void>((resolve) => resolve(work(controller.signal))).catch((error: unknown) => {
      if (!controller.signal.aborted || !isAbort(error, controller.signal)) throw error;
    });
    // `done` tells of it; a task that nobody watches should not take the process down.
    ended.catch(() => undefined);
  }
  function stop(): Promise<void> {
    if (!controller.signal.aborted) controller.abort(policyError("draining"));
    return ended.catch(() => undefined);
  }
  async function drain(deadline: AbortSignal): Promise<void> {
    const cut = (): void => void (isCut = true);
    deadline.addEventListener("abort", cut, { once: true });
    await stop();
    deadline.removeEventListener("abort", cut);
  }
  return {
    name: checkString("name", name),
    start,
    ...(until === "drain" ? { drain } : {}),
    // Having been waited for in vain, it is not waited for again.
    close: () => (isCut ? undefined : stop()),
    get done() {
      // A one-off that fails is a failure all the same.
      return once ? ended.then(() => new Promise<void>(() => undefined)) : ended;
    },
  };
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
