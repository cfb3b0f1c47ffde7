/**
 * A watch of a registry that can only be asked.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import type { InstanceInput } from "./instance.ts";
import type { Watch, WatchSession } from "./watch.ts";

/** What is asked, and how often. */
export interface PollOptions {
  /** How often, in milliseconds, from 10; jittered by a tenth. Default: 10 s. */
  readonly intervalMs?: number | undefined;
  /** How long one answer may take, in milliseconds, from 10. Default: 10 s. */
  readonly timeoutMs?: number | undefined;
  /**
   * Asks once. Gives the whole list, with a position where the registry has one (it is given back with the next question), or
   * undefined when nothing has changed since.
   */
  readonly look: (question: Pick<WatchSession, "signal" | "position" | "skipped">) => PollAnswer | Promise<PollAnswer>;
}

/** What a registry answered. */
export type PollAnswer =
  | readonly (string | InstanceInput)[]
  | { readonly instances: readonly (string | InstanceInput)[]; readonly position?: string | undefined }
  | undefined;

/**
 * Makes a watch of a question that is asked again and again.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { polled, source } from "servicekit/discovery";
 *
 * const add = source({ name: "my registry", watch: polled({ look: () => ["10.0.0.1:8081"] }) });
 * (await add.ready()).state; // => "fresh"
 * ```
 */
export function polled(options: PollOptions): Watch {
  checkNames("polled", options, ["intervalMs", "timeoutMs", "look"]);
  const { look, intervalMs = 10_000, timeoutMs = 10_000 } = options;
  checkFunction("look", look);
  async function ask(session: WatchSession): Promise<void> {
    const answer = await look(session);
    if (answer === undefined) session.alive();
    else if (isWhole(answer)) session.list(answer.instances, answer.position);
    else session.list(answer);
  }
  return Object.assign(ask, {
    intervalMs: checkNumber("intervalMs", intervalMs, { min: 10 }),
    silenceMs: checkNumber("timeoutMs", timeoutMs, { min: 10 }),
  });
}

// Of anything: what came over a wire was only cast.
function isWhole(answer: NonNullable<PollAnswer>): answer is Exclude<PollAnswer, readonly unknown[] | undefined> {
  return "instances" in Object(answer);
}
