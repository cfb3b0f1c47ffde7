/**
 * Serves implementations over transports, with everything on that a service in production wants.
 *
 * @module
 */
import type { Implementation } from "../contract/index.ts";
import { valuesOf, type Observe } from "../endpoint/index.ts";
import { health as healthOf, type Health } from "../health/index.ts";
import { accessLog, logErrors, logger, loggerKey, nopLogger, type Logger } from "../log/index.ts";
import { redMetrics, registry, type Registry } from "../metrics/index.ts";
import type { BreakerEvent } from "../resilience/index.ts";
import { run, runEventLine, type RunEvent, type Runnable } from "../run/index.ts";
import { systemClock } from "../time/index.ts";
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
import { checkServe, type ServeOptions } from "./options.ts";

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
  checkServe(what, options);
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
    collect: parts.metrics && (() => parts.metrics!.collect()),
    watchSpans: parts.tracing && ((onSpan) => parts.tracing!.watch(onSpan)),
    watchLines: parts.log.watch && ((onLine) => parts.log.watch!(onLine)),
  };
  const servers = options.on.map((transport) => new Serving(transport, app));
  const group = run([...exportersOf(options.exporters, parts), ...servers, ...(options.tasks ?? [])], {
    health: parts.health,
    signals: options.signals,
    graceMs: options.graceMs,
    drainMs: options.drainMs,
    clock: options.clock,
    onEvent(event) {
      parts.log[LEVELS[event.kind] ?? "info"](
        runEventLine(event),
        "error" in event ? { error: event.error } : undefined,
      );
      if (event.kind === "stopped") parts.log.flush();
    },
  });
  // Spans of the last calls, which nobody would else wait for.
  const done = group.done.then(async (code) => {
    await parts.tracing?.flush();
    return code;
  });
  await group.started;
  return {
    addresses: servers.flatMap(({ addresses }) => addresses),
    done,
    health: parts.health,
    metrics: parts.metrics,
    stop() {
      void group.stop();
      return done;
    },
    describe,
    async [Symbol.asyncDispose]() {
      void group.stop();
      await done;
    },
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
  readonly tracing: Tracer | undefined;
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
  const { timeoutMs, limit, breaker } = options;
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
      turned: (event) => logBreaker(log, event),
    },
    health: options.health ?? healthOf({ clock }),
    metrics,
    log,
    tracing,
  };
}

/** A line when a method's breaker opens and when it lets calls through again, where else there is only a flood of refusals. */
function logBreaker(log: Logger, event: BreakerEvent): void {
  const breaker = event.name;
  if (event.type === "open") log.warn("breaker opened", { breaker, open_ms: event.openMs, error: event.error });
  else if (event.type === "close") log.info("breaker closed", { breaker });
}

/** The exporters, and a member that gives them the rest before they close. */
function exportersOf(exporters: readonly Runnable[] = [], { tracing, log }: Parts): readonly Runnable[] {
  if (exporters.length === 0) return [];
  const rest: Runnable = {
    name: "telemetry",
    start: () => undefined,
    async close() {
      log.flush();
      await tracing?.flush();
    },
  };
  return [...exporters, rest];
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

  async drain(_deadline: AbortSignal, isAwaited: boolean): Promise<void> {
    await this.#listening?.drain(isAwaited);
  }

  async close(): Promise<void> {
    await this.#listening?.close();
  }
}
