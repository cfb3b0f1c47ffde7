/**
 * Several servers and background tasks as one group that starts, runs and stops together. For the outermost level of a
 * program, once; inside a service, plain promises do.
 *
 * @module
 */
import { checkFunction, checkString, shown } from "../internal/check.ts";
import { Group } from "./group.ts";
import { runSettings, type RunOptions } from "./options.ts";
import type { Runnable } from "./runnable.ts";

/** A group that has been told to run. */
export interface RunGroup extends AsyncDisposable {
  /**
   * Resolves when every member has started. Rejects, after everything that was started is closed again, with what the
   * failing start threw, or with `canceled` when the group was stopped meanwhile. May be left alone: `done` tells too.
   */
  readonly started: Promise<void>;
  /**
   * Resolves with the exit code when everything is closed, and never rejects: 0 when it was asked to stop or a member came
   * to its end, 1 when a member failed or its time ran out, 130 or 143 when a second SIGINT or SIGTERM forced it.
   */
  readonly done: Promise<number>;
  /** Stops the group as SIGINT would; once is enough, and a second call forces nothing. Resolves as `done`. */
  stop(): Promise<number>;
}

/**
 * Starts the members in order, runs them until one ends or somebody asks, and stops them: readiness off, all
 * leave (registries forget them), `graceMs` to be forgotten by load balancers, all drain side by side, then close in reverse order. Each phase is bounded in time. A second
 * signal closes at once and exits; the same one again within half a second is an echo and does nothing. (Go kit's examples
 * use `oklog/run` for this; it knows no readiness, no drain and no bounds.)
 *
 * @throws {RangeError} when there is no member, or an option is wrong.
 *
 * @example
 * ```ts
 * import { run } from "servicekit/run";
 *
 * const seen: string[] = [];
 * const server = { name: "http", start: () => {}, drain: async () => {}, close: () => {} };
 * const group = run([server], { signals: false, onEvent: ({ kind }) => void seen.push(kind) });
 * await group.started;
 * await group.stop(); // => 0
 * seen; // => ["starting", "started", "running", "stopping", "draining", "drained", "closed", "stopped"]
 * ```
 */
export function run(members: readonly Runnable[], options: RunOptions = {}): RunGroup {
  if (members.length === 0) throw new RangeError("members should be at least one, got none");
  members.forEach((member, at) => {
    if (typeof member !== "object" || member === null) {
      throw new TypeError(`members[${at}] should be runnable, got ${shown(member)}`);
    }
    checkString(`members[${at}].name`, member.name);
    checkFunction(`${member.name}.start`, member.start);
    checkFunction(`${member.name}.close`, member.close);
    if (member.leave !== undefined) checkFunction(`${member.name}.leave`, member.leave);
    if (member.drain !== undefined) checkFunction(`${member.name}.drain`, member.drain);
  });
  return new Group([...members], runSettings(options));
}
