/**
 * A context for work that no call asked for.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { ActiveCall } from "./call.ts";
import type { Context } from "./context.ts";
import { OTHER, type MethodInfo } from "./method.ts";

/** What a context outside any call may be given. */
export interface BackgroundOptions {
  /** How long the work may take, in milliseconds. Default: for ever (Infinity), since nobody waits for it. */
  readonly timeoutMs?: number | undefined;
  /** Calls the work off. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const background: MethodInfo = {
  service: OTHER,
  name: "background",
  kind: "unary",
  side: "client",
  idempotent: false,
  errors: [],
  timeoutMs: Infinity,
};

/**
 * A context for work that no call asked for: a start-up task, a job, a test.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 *
 * backgroundContext().canceledBy; // => undefined
 * ```
 */
export function backgroundContext(options: BackgroundOptions = {}): Context {
  const { timeoutMs = Infinity, signal, clock = systemClock } = options;
  const call = new ActiveCall(background, { startMs: clock.now(), timeoutMs });
  const cancel = (): void => call.cancel(policyError("canceled", { cause: signal?.reason }));
  if (signal?.aborted) cancel();
  else signal?.addEventListener("abort", cancel, { once: true });
  return call.context;
}
