/**
 * What a server may be told, and the check of it.
 *
 * @module
 */
import type { Implementation, Policy } from "../contract/index.ts";
import { checkPolicy } from "../contract/policy.ts";
import type { Gate, MethodInfo, Observe } from "../endpoint/index.ts";
import type { Health } from "../health/index.ts";
import { checkFunction, checkNames, shown } from "../internal/check.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import type { Runnable, SignalSource } from "../run/index.ts";
import type { Clock } from "../time/index.ts";
import type { Tracer } from "../trace/index.ts";
import { checkFunctions } from "../transport/hooks.ts";
import type { ServerTransport } from "../transport/index.ts";

/** What a server may be told. Everything has a safe default. */
export interface ServeOptions extends Policy {
  /** The transports to serve on, each with its own port. */
  readonly on: readonly ServerTransport[];
  /** Where lines go: one per call, and what the server does. Default: a logger on the standard output; false for none. */
  readonly log?: Logger | false | undefined;
  /** Where calls are counted. Default: a registry of the server's own; false for none. */
  readonly metrics?: Registry | false | undefined;
  /** Who decides about and records traces. Default: ids are passed on and logged, nothing is recorded; false for none. */
  readonly trace?: Tracer | false | undefined;
  /** Watch every call, inside the server's own observers. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
  /** Decide before a body is read, in order. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** The health of the process. Default: one without parts. */
  readonly health?: Health | undefined;
  /** What runs and stops with the server: consumers, refreshers. Default: nothing. */
  readonly tasks?: readonly Runnable[] | undefined;
  /**
   * What sends logs, metrics and traces on. Starts before the transports, and closes after the last line is written and the
   * last span flushed. Default: nothing.
   */
  readonly exporters?: readonly Runnable[] | undefined;
  /** Which signals stop the server. Default: SIGINT and SIGTERM; false for none, as in tests. */
  readonly signals?: SignalSource | false | undefined;
  /**
   * How long to go on serving after `ready` says no, in milliseconds, so that balancers notice. Default: 5 s, after SIGTERM,
   * which is how orchestrators stop an instance, and when a task ends. Never after SIGINT and `stop()`, where somebody waits.
   */
  readonly graceMs?: number | undefined;
  /** How long calls in flight may take to finish, in milliseconds. Default: 10 s, thrice the default deadline of a call. */
  readonly drainMs?: number | undefined;
  /** Is told of failures nobody declared, and of what observers and hooks throw. Default: an error line in the log. */
  readonly report?: ((error: unknown, method: MethodInfo) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const NAMES = [
  "on",
  "log",
  "metrics",
  "trace",
  "observers",
  "gates",
  "health",
  "tasks",
  "exporters",
  "signals",
  "graceMs",
  "drainMs",
  "report",
  "clock",
  "timeoutMs",
  "limit",
  "breaker",
];

/**
 * Checks what a server is told; times, signals and tasks are checked by what runs it, numbers of policies by what is built
 * of them.
 *
 * @throws {RangeError | TypeError} with the option's name, the rule and the value received.
 */
export function checkServe(what: Implementation | readonly Implementation[], options: ServeOptions): void {
  for (const one of [what].flat() as readonly (Partial<Implementation> | undefined)[]) {
    if (typeof one?.service !== "object" || typeof one.handlers !== "object")
      throw new TypeError(`serve should be given what implement() returns, got ${shown(one)}`);
  }
  const names = [what].flat().map(({ service }) => service.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`serve should be given each service once, got "${twice}" twice`);
  if (typeof options !== "object" || options === null)
    throw new TypeError(`serve should be given options, got ${shown(options)}`);
  checkNames("serve", options, NAMES);
  checkList("on", options.on, "transports");
  for (const one of options.on as readonly (Partial<ServerTransport> | undefined)[]) {
    if (typeof one?.listen !== "function") throw new TypeError(`on should hold server transports, got ${shown(one)}`);
  }
  const { gates = [], observers = [], tasks = [], exporters = [], report } = options;
  checkFunctions("gates", gates);
  checkFunctions("observers", observers);
  checkList("tasks", tasks, "tasks");
  checkList("exporters", exporters, "exporters");
  if (options.on.length + tasks.length === 0) throw new RangeError("on should hold at least one transport, got none");
  if (report !== undefined) checkFunction("report", report);
  checkPart("log", options.log, "info");
  checkPart("metrics", options.metrics, "expose");
  checkPart("trace", options.trace, "flush");
  checkPart("health", options.health, "ready");
  checkPart("clock", options.clock, "expire");
  checkPolicy("", options);
}

function checkList(name: string, list: unknown, what: string): void {
  if (!Array.isArray(list)) throw new TypeError(`${name} should be a list of ${what}, got ${shown(list)}`);
}

// By one of its methods: a logger may be anybody's.
function checkPart(name: string, part: unknown, method: string): void {
  if (part === undefined || part === false) return;
  if (typeof (part as Record<string, unknown> | null)?.[method] !== "function")
    throw new TypeError(`${name} should have a method "${method}", got ${shown(part)}`);
}
