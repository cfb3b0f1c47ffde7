/**
 * Load reports: a server says in each reply how busy it is, and clients that balance by cost send it less.
 *
 * @module
 */
import { described, type Carrier, type Context, type Gate } from "../endpoint/index.ts";
import { checkFunction, checkNames, checkNumber } from "../internal/check.ts";
import { systemClock, type Clock } from "../time/index.ts";

/** The name of the metadata in replies. */
const NAME = "server-load";

/** How load is found. */
export interface LoadReportOptions {
  /** The load now, from 0 (idle) to 1 (full). Default: the part of the time in which the event loop of Node was busy, since it was last asked. */
  readonly read?: (() => number) | undefined;
  /** How long one reading is good for, in milliseconds. Default: 1000: shorter ones jump, longer ones come too late. */
  readonly everyMs?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Makes a gate for servers that writes the load of this process into the reply, as `server-load`. It refuses nothing.
 *
 * @throws {RangeError | TypeError} when an option is out of range, or there is no `read` and the platform does not tell.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { loadOf, loadReport } from "servicekit/balance";
 *
 * const context = backgroundContext();
 * void loadReport({ read: () => 0.25 })(context, context.method);
 * loadOf(context.reply); // => 0.25
 * ```
 */
export function loadReport(options: LoadReportOptions = {}): Gate {
  checkNames("loadReport", options, ["read", "everyMs", "clock"]);
  const { read = utilization(), clock = systemClock } = options;
  checkFunction("read", read);
  const everyMs = checkNumber("everyMs", options.everyMs ?? 1000, { min: 1, max: 3_600_000 });
  let text: string | undefined = undefined;
  let readMs = -Infinity;
  function reportLoad(context: Context): Context {
    const nowMs = clock.now();
    if (nowMs - readMs >= everyMs) {
      readMs = nowMs;
      const load = read();
      text = load >= 0 ? Math.min(1, load).toFixed(2) : undefined;
    }
    if (text !== undefined) context.reply.set(NAME, text);
    return context;
  }
  return described("loadReport", reportLoad);
}

/**
 * The load that a reply tells of, from 0 to 1; undefined when it tells none, or nonsense. For `Member.report`.
 *
 * @example
 * ```ts
 * import { loadOf } from "servicekit/balance";
 *
 * loadOf({ get: () => "0.50" }); // => 0.5
 * loadOf({ get: () => "a lot" }); // => undefined
 * ```
 */
export function loadOf(reply: Carrier): number | undefined {
  const text = reply.get(NAME);
  return text !== undefined && /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/.test(text) ? Number(text) : undefined;
}

interface Utilization {
  readonly utilization: number;
}

interface Globals {
  readonly performance?: { eventLoopUtilization?(now?: Utilization, before?: Utilization): Utilization };
}

const globals: Globals = globalThis;

function utilization(): () => number {
  // Node's global has it; importing it would bind this door to Node.
  const { performance } = globals;
  const measure = performance?.eventLoopUtilization?.bind(performance);
  if (measure === undefined)
    throw new TypeError("read should be a function on this platform, which does not tell its event loop's load");
  let before = measure();
  return function eventLoopLoad() {
    const now = measure();
    const since = measure(now, before).utilization;
    before = now;
    return since;
  };
}
