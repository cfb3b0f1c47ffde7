/**
 * A typed client of a contract, with everything on that a caller in production wants.
 *
 * @module
 */
import type { BudgetPolicy, Client, Methods, Service } from "../contract/index.ts";
import { checkPolicy, checkPolicyData } from "../contract/policy.ts";
import type { Gate, Observe } from "../endpoint/index.ts";
import { checkFunction, checkNames, shown } from "../internal/check.ts";
import { accessLog, logErrors, type Logger } from "../log/index.ts";
import { redMetrics } from "../metrics/index.ts";
import { budget, type Budget } from "../resilience/index.ts";
import { systemClock, systemRandom } from "../time/index.ts";
import { traceCalls } from "../trace/index.ts";
import { printStacks, type ClientTransport, type LocalTransport } from "../transport/index.ts";
import { adjusted } from "./adjust.ts";
import { onBalance, onBreaker } from "./events.ts";
import { hold } from "./handle.ts";
import { instancesOf } from "./instances.ts";
import { bindCall, type Around, type BoundCall } from "./method.ts";
import { NAMES, type AnyClientOptions, type ClientOptions, type LocalClientOptions } from "./options.ts";

/** A client: a function per method, and the end of an `await using`. Without that, `close(client)`. */
export type ClosableClient<M extends Methods> = Client<M> & AsyncDisposable;

/**
 * Makes a client of a service: `remote.sum(request)` resolves with the validated response and rejects with a
 * `ServiceError`; `remote.sum.try(request)` resolves with `{ ok, value }` or `{ ok, error }` for exactly the declared
 * errors. The second argument is the context of the call this one is made for (its deadline, cancellation, trace and ids
 * go on) or options.
 *
 * On without asking: a deadline (3 s, never later than the context's), retries at another instance under a budget (idempotent methods, and requests
 * that nobody got), the instance chosen by latency and load (p2c), those that fail put out for a while, a breaker for each (neither before a
 * broker, which stands for them all). The order is fixed: observers (trace, metrics, log, then yours) → gates → limit → middleware → validation
 * of the response → hedge → retry → balancer → breaker of the instance → transport. `describe(client)` prints it.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or a method cannot be carried by the transport.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { local } from "servicekit/transport/local";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const remote = client(add, local(add.implement({ sum: ({ a, b }) => ({ v: a + b }) })));
 * (await remote.sum({ a: 1, b: 2 }, { timeoutMs: 100 })).v; // => 3
 * ```
 */
export function client<M extends Methods, T extends ClientTransport>(
  service: Service<M>,
  transport: T,
  // Not two overloads: of those the compiler explains the wrong one when an option is missing.
  ...options: T extends LocalTransport ? [options?: LocalClientOptions<M>] : [options: ClientOptions<M>]
): ClosableClient<M>;
export function client(
  service: Service<Methods>,
  transport: ClientTransport,
  given: object = {},
): ClosableClient<Methods> {
  const options = given as AnyClientOptions;
  checkNames("client", options, NAMES);
  checkMethods(service, options.methods ?? {});
  const around = aroundOf(service, transport, options);
  const bound = new Map<string, BoundCall>();
  try {
    for (const [index, name] of Object.keys(service.methods).entries())
      bound.set(name, bindCall(around, index, options.methods?.[name]));
  } catch (error) {
    // It has joined the source already, which would be watched for nobody.
    void around.instances.close();
    throw error;
  }
  const remote = Object.fromEntries([...bound].map(([name, { call }]) => [name, call]));
  let closing: Promise<void> | undefined;
  hold(remote, {
    describe: () => printStacks([...bound].map(([name, { layers }]) => ({ name: `${service.name}.${name}`, layers }))),
    explain: () => around.instances.explain(),
    adjust: (change) => adjusted(bound, around.budget, change),
    close: () => (closing ??= around.instances.close()),
  });
  return remote as unknown as ClosableClient<Methods>;
}

function aroundOf(service: Service<Methods>, transport: ClientTransport, options: AnyClientOptions): Around {
  if ((transport as { "~client"?: unknown } | undefined)?.["~client"] !== true) {
    throw new TypeError(`transport should be a client transport, e.g. httpClient(), got ${shown(transport)}`);
  }
  const { clock = systemClock, random = systemRandom, timeoutMs, limit, breaker, retry, hedge } = options;
  const log = options.log === false ? undefined : options.log;
  const report = options.report ?? reporter(log);
  checkFunction("report", report);
  checkPolicy("", options);
  if (options.onEvent !== undefined) checkFunction("onEvent", options.onEvent);
  const told = { log, onEvent: options.onEvent, service: service.name };
  return {
    service,
    transport: transport.name,
    clock,
    random,
    observers: observersOf(options, log),
    gates: functions("gates", options.gates),
    policy: {
      timeoutMs,
      limit,
      breaker: breaker ?? (transport.isBroker === true ? false : undefined),
      retry,
      hedge,
    },
    budget: budgetOf(options.budget),
    instances: instancesOf({
      service,
      transport,
      clock,
      random,
      from: options.from,
      balance: options.balance,
      onEvent: onBreaker(told),
      onBalance: onBalance(told),
      report: reporter(log),
    }),
    report,
  };
}

function budgetOf(given: AnyClientOptions["budget"]): Budget | undefined {
  if (given === false) return undefined;
  if (typeof (given as Partial<Budget> | undefined)?.withdraw === "function") return given as Budget;
  checkPolicyData("budget", given, ["ratio", "perSecond", "ttlMs"]);
  return budget(given as BudgetPolicy | undefined);
}

function observersOf({ trace, metrics, observers }: AnyClientOptions, log: Logger | undefined): readonly Observe[] {
  return [
    ...(trace === undefined || trace === false ? [] : [traceCalls(trace)]),
    ...(metrics === undefined || metrics === false ? [] : [redMetrics(metrics)]),
    ...(log === undefined ? [] : [accessLog(log)]),
    ...functions("observers", observers),
  ];
}

function checkMethods(service: Service<Methods>, methods: object): void {
  for (const name of Object.keys(methods)) {
    if (Object.hasOwn(service.methods, name)) continue;
    throw new TypeError(
      `methods should name methods of ${service.name} (${Object.keys(service.methods).join(", ")}), got ${shown(name)}`,
    );
  }
}

function functions<F extends Gate | Observe>(name: string, list: readonly F[] = []): readonly F[] {
  if (!Array.isArray(list)) throw new TypeError(`${name} should be a list of functions, got ${shown(list)}`);
  for (const one of list) checkFunction(name, one);
  return list;
}

function reporter(log: Logger | undefined): (error: unknown) => void {
  if (log === undefined) return (error) => process.emitWarning(error instanceof Error ? error : String(error));
  const report = logErrors(log);
  return (error) => report(error);
}
