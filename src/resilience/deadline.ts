/**
 * The deadline as a gate: work whose caller no longer waits is not begun.
 *
 * @module
 */
import { described, type Admission, type Context, type Gate } from "../endpoint/index.ts";
import { checkNames } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { deadlineError } from "./stall.ts";

/** How a deadline is checked. */
export interface DeadlineOptions {
  /** The clock of the server or client, on which deadlines are. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Makes a gate that refuses a call whose deadline has passed, with `deadline_exceeded`. Servers check once when a call
 * arrives; put this behind gates that wait, such as a limiter with `mode: "wait"` or one that asks another service.
 *
 * @example
 * ```ts
 * import { backgroundContext, ServiceError } from "servicekit";
 * import { deadline } from "servicekit/resilience";
 *
 * const late = backgroundContext({ timeoutMs: 0 });
 * ServiceError.is(deadline()(late, late.method)); // => true
 * ```
 */
export function deadline(options: DeadlineOptions = {}): Gate {
  checkNames("deadline", options, ["clock"]);
  const { clock = systemClock } = options;
  function checkDeadline(context: Context): Admission {
    // Most contexts outside a call have none, and then the clock need not be read.
    if (context.deadlineMs === Infinity || clock.now() < context.deadlineMs) return context;
    return deadlineError();
  }
  return described("deadline", checkDeadline);
}
