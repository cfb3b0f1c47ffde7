/**
 * Serves implementations over transports, with everything on that a service in production wants.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import type { Implementation, Policy } from "../contract/index.ts";
import { valuesOf, type Gate, type MethodInfo, type Observe } from "../endpoint/index.ts";
import { health as healthOf, type Health } from "../health/index.ts";
import { accessLog, logErrors, logger, loggerKey, nopLogger, type Logger } from "../log/index.ts";
import { redMetrics, registry, type Registry } from "../metrics/index.ts";
import { run, runEventLine, type RunEvent, type Runnable, type SignalSource } from "../run/index.ts";
import { systemClock, type Clock } from "../time/index.ts";
import { traceCalls, tracer, type Tracer } from "../trace/index.ts";
import {
  bind,
  bindOther,
  printStacks,
  type App,
  type Listening,
  type ServerTransport,
  type Surroundings,
} from "../transport/index.ts";

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
  /** Which signals stop the server. Default: SIGINT and SIGTERM; false for none, as in tests. */
  readonly signals?: SignalSource | false | undefined;
  /** How long to go on serving after `ready` says no, in milliseconds, so that balancers notice. Default: 0. */
  readonly graceMs?: number | undefined;
  /** How long calls in flight may take to finish, in milliseconds. Default: 10 s. */
  readonly drainMs?: number | undefined;
  /** Is told of failures nobody declared, and of what observers and hooks throw. Default: an error line in the log. */
  readonly report?: ((error: unknown, method: MethodInfo) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** A server that runs. */
export interface Running extends AsyncDisposable {
  /** Where it listens, in the order of `on`. */
  readonly addresses: readonly string[];
  /** Resolves with the exit code once everything has stopped. */
  readonly done: Promise<number>;
  readonly health: Health;
  /** Undefined when metrics are off. */
  readonly metrics: Registry | undefined;
  /** Drains and stops; resolves with the exit code. Calling it again waits for the same end. */
  stop(): Promise<number>;
  /** The stack of every method, outermost layer first, as text. */
  describe(): string;
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
 * Serves one or several implementations. On without asking: limits on size and time, the deadline, a line per call, RED
 * metrics, trace ids, health, and a drain on SIGINT and SIGTERM. Each is an option to change or turn off.
 *
 * The order is fixed: observers (trace, metrics, log, then yours) → deadline → gates → limit → decode and validate →
 * breaker → middleware → handler.
 *
 * @throws {RangeError | TypeError} when an option is wrong or a method cannot be served; {Error} when a port cannot be opened.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { serve } from "servicekit/server";
 * import { httpServer } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({ to: z.string() }), response: z.object({ v: z.string() }) }) });
 * const impl = hello.implement({ say: ({ to }) => ({ v: `hello, ${to}` }) });
 * const running = await serve(impl, { on: [httpServer({ port: 0 })], log: false, signals: false });
 * running.addresses.length; // => 1
 * await running.stop(); // => 0
 * ```
 */
export async function serve(what: Implementation | readonly Implementation[], options: ServeOptions): Promise<Running> {
  checkNames("serve", options, NAMES);
  const parts = partsOf(options);
  const services = [what].flat().map((implementation) => bind(implementation, parts.around));
  const describe = (): string =>
    printStacks(
      services.flatMap(({ name, methods }) =>
        [...methods].map(([method, { layers }]) => ({ name: `${name}.${method}`, layers })),
      ),
    );
  const app: App = {
    services,
    other: bindOther(parts.around),
    clock: parts.around.clock,
    health: parts.health,
    metrics: parts.metrics && ((accept) => parts.metrics!.expose(accept)),
    describe,
  };
  const servers = options.on.map((transport) => new Serving(transport, app));
  const group = run([...servers, ...(options.tasks ?? [])], {
    health: parts.health,
    signals: options.signals,
    graceMs: options.graceMs,
    drainMs: options.drainMs,
    clock: options.clock,
    onEvent(event) {
      parts.log[LEVELS[event.kind] ?? "info"](runEventLine(event), "error" in event ? { error: event.error } : undefined);
      if (event.kind === "stopped") parts.log.flush();
    },
  });
  await group.started;
  return {
    addresses: servers.flatMap(({ addresses }) => addresses),
    done: group.done,
    health: parts.health,
    metrics: parts.metrics,
    stop: () => group.stop(),
    describe,
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}

const LEVELS: Partial<Record<RunEvent["kind"], "debug" | "error">> = {
  starting: "debug",
  drained: "debug",
  closed: "debug",
  failed: "error",
  late: "error",
};

interface Parts {
  readonly around: Surroundings;
  readonly health: Health;
  readonly metrics: Registry | undefined;
  readonly log: Logger;
}

function partsOf(options: ServeOptions): Parts {
  const clock = options.clock ?? systemClock;
  const log = options.log === false ? nopLogger : (options.log ?? logger({ clock }));
  const metrics = options.metrics === false ? undefined : (options.metrics ?? registry());
  const tracing = options.trace === false ? undefined : (options.trace ?? tracer({ service: "servicekit", clock }));
  const values = options.log === false ? undefined : valuesOf(loggerKey, log);
  const logError = logErrors(log);
  const observers: Observe[] = [
    ...(tracing === undefined ? [] : [traceCalls(tracing)]),
    ...(metrics === undefined ? [] : [redMetrics(metrics)]),
    ...(options.log === false ? [] : [accessLog(log)]),
    ...(options.observers ?? []),
  ];
  const { limit, breaker } = options;
  const timeoutMs =
    options.timeoutMs === undefined ? undefined : checkNumber("timeoutMs", options.timeoutMs, { min: 1 });
  return {
    around: {
      clock,
      observers,
      gates: options.gates ?? [],
      policy: { timeoutMs, limit, breaker },
      values,
      report: options.report ?? ((error) => logError(error)),
      // The access log has them, with the ids of their request.
      failed: options.report ?? (() => undefined),
    },
    health: options.health ?? healthOf({ clock }),
    metrics,
    log,
  };
}

/** A transport as a member of the group. */
class Serving implements Runnable {
  readonly name: string;
  readonly #transport: ServerTransport;
  readonly #app: App;
  #listening: Listening | undefined = undefined;

  constructor(transport: ServerTransport, app: App) {
    this.name = transport.name;
    this.#transport = transport;
    this.#app = app;
  }

  get addresses(): readonly string[] {
    return this.#listening?.addresses ?? [];
  }

  async start(): Promise<void> {
    this.#listening = await this.#transport.listen(this.#app);
  }

  async drain(): Promise<void> {
    await this.#listening?.drain();
  }

  async close(): Promise<void> {
    await this.#listening?.close();
  }
}
