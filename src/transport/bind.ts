/**
 * Joins an implementation with what its server puts around it: each method becomes one pipeline, composed once.
 *
 * @module
 */
import { reasons, type ServiceError } from "../errors/index.ts";
import {
  OTHER,
  TIMEOUT_MS,
  type Endpoint,
  type FusedObserver,
  type Gate,
  type MethodInfo,
  type Middleware,
  type Observe,
  type StreamEndpoint,
  type StreamMiddleware,
  type Values,
} from "../endpoint/index.ts";
import { shapeOf, type AnyMethod, type AnyService, type Implementation, type MethodPolicy } from "../contract/index.ts";
import type { BreakerEvent } from "../resilience/index.ts";
import type { Clock } from "../time/index.ts";
import { schemaOf } from "./codec.ts";
import { jsonProjector } from "./json/writer.ts";
import { observerOf, withGates } from "./observe.ts";
import { policiesOf } from "./policies.ts";
import { layerOf, type Layer } from "./stack.ts";

/** What all methods of a server share. */
export interface Surroundings {
  readonly clock: Clock;
  /** Outermost first. */
  readonly observers: readonly Observe[];
  /** In order, before those of the implementation. */
  readonly gates: readonly Gate[];
  /** The policies of methods that say nothing themselves. */
  readonly policy: MethodPolicy;
  /** Values that every context begins with. */
  readonly values: Values | undefined;
  /** Is told of what observers and hooks throw. */
  readonly report: (error: unknown, where: MethodInfo) => void;
  /** Is told of calls that ended with a failure nobody declared; its cause is what was thrown. */
  readonly failed: (error: ServiceError, where: MethodInfo) => void;
  /** Is told when the breaker of a method opens, closes or probes. Default: nobody. */
  readonly turned?: ((event: BreakerEvent, where: MethodInfo) => void) | undefined;
}

/** A method ready to be served. */
export interface BoundMethod {
  readonly info: MethodInfo;
  readonly method: AnyMethod;
  readonly observer: FusedObserver;
  readonly gates: readonly Gate[];
  /** For unary methods, and those that take many messages and answer once. */
  readonly endpoint: Endpoint<unknown, unknown>;
  /** For methods that answer with many messages. */
  readonly stream: StreamEndpoint<unknown, unknown>;
  /** By reason of a declared error: its details in their wire form, declared fields only. */
  readonly details: ReadonlyMap<string, Project>;
  readonly layers: readonly Layer[];
  readonly around: Surroundings;
}

/** Turns a value into its wire form, declared fields only; throws when it does not fit. */
export type Project = (value: unknown) => unknown;

/** A service ready to be served. */
export interface BoundService {
  readonly name: string;
  /** The contract, for transports that must know more of a method than its messages' shapes. */
  readonly service: AnyService;
  readonly methods: ReadonlyMap<string, BoundMethod>;
}

/**
 * Builds the pipelines of a service.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { systemClock } from "servicekit/time";
 * import { bind } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const text = z.object({ text: z.string() });
 * const echo = service("echo", { say: method({ request: text, response: text }) }).implement({ say: (request) => request });
 * const around = { clock: systemClock, observers: [], gates: [], policy: {}, values: undefined, report() {}, failed() {} };
 * bind(echo, around).methods.get("say")?.info.timeoutMs; // => 3000
 * ```
 */
export function bind(implementation: Implementation, around: Surroundings): BoundService {
  const { service, handlers, attach } = implementation;
  const methods = new Map<string, BoundMethod>();
  for (const [name, method] of Object.entries(service.methods)) {
    const given = defined(attach.methods[name]);
    const own: MethodPolicy = { ...around.policy, ...given };
    const info: MethodInfo = {
      service: service.name,
      name,
      kind: method.kind,
      side: "server",
      idempotent: method.idempotent,
      oneWay: method.oneWay,
      errors: method.errors,
      timeoutMs: given.timeoutMs ?? method.timeoutMs ?? around.policy.timeoutMs ?? TIMEOUT_MS,
    };
    const handler = handlers[name] as unknown as Endpoint<unknown, unknown> & StreamEndpoint<unknown, unknown>;
    methods.set(name, assemble({ info, method, handler, own, attach, around }));
  }
  return { name: service.name, service, methods };
}

interface Parts {
  readonly info: MethodInfo;
  readonly method: AnyMethod;
  readonly handler: Endpoint<unknown, unknown> & StreamEndpoint<unknown, unknown>;
  readonly own: MethodPolicy;
  readonly attach: Implementation["attach"];
  readonly around: Surroundings;
}

function assemble({ info, method, handler, own, attach, around }: Parts): BoundMethod {
  const policies = policiesOf(own, around.clock, around.turned && ((event) => around.turned!(event, info)));
  const gates = [...around.gates, ...policies.gates, ...attach.gates, ...(own.gates ?? [])];
  const middlewares = [...policies.middlewares, ...(own.use ?? [])];
  const observes = [...around.observers, ...attach.observers];
  const answersMany = info.kind === "server" || info.kind === "bidi";
  const layers: Layer[] = [
    ...observes.map((one) => layerOf("observer", one, info)),
    { kind: "gate", text: `deadline ${info.timeoutMs} ms, or what is left of the caller's` },
    ...gates.map((one) => layerOf("gate", one, info)),
    { kind: "decode", text: "validate the request" },
    ...middlewares.map((one) => layerOf("middleware", one, info)),
    // Without its name: methods that have the same stack share one block.
    { kind: "handler", text: info.kind },
  ];
  return {
    info,
    method,
    observer: observerOf(withGates(observes, gates), info, around.report),
    gates,
    endpoint: answersMany ? unsupported : wrapped(handler, middlewares as readonly Middleware[], info),
    stream: answersMany ? wrappedStream(handler, middlewares as readonly StreamMiddleware[], info) : unsupported,
    details: detailsOf(info),
    layers,
    around,
  };
}

function detailsOf({ service, name, errors }: MethodInfo): ReadonlyMap<string, Project> {
  const projects = new Map<string, Project>();
  for (const { reason, details } of errors) {
    if (details === undefined) continue;
    const where = `${service}.${name} error ${reason}`;
    projects.set(reason, jsonProjector(schemaOf(shapeOf(details), where), where));
  }
  return projects;
}

function wrapped(
  handler: Endpoint<unknown, unknown>,
  middlewares: readonly Middleware[],
  info: MethodInfo,
): Endpoint<unknown, unknown> {
  return middlewares.reduceRight((next, middleware) => middleware(next, info), handler);
}

function wrappedStream(
  handler: StreamEndpoint<unknown, unknown>,
  middlewares: readonly StreamMiddleware[],
  info: MethodInfo,
): StreamEndpoint<unknown, unknown> {
  return middlewares.reduceRight((next, middleware) => middleware(next, info), handler);
}

function unsupported(): never {
  throw new TypeError("a method that answers once was asked for a stream, or the other way round");
}

/**
 * The stand-in under which calls are observed that fit no method, so that a 404 is counted and logged like any other.
 *
 * @example
 * ```ts
 * import { systemClock } from "servicekit/time";
 * import { bindOther } from "servicekit/transport";
 *
 * const around = { clock: systemClock, observers: [], gates: [], policy: {}, values: undefined, report() {}, failed() {} };
 * bindOther(around).info.name; // => "other"
 * ```
 */
export function bindOther(around: Surroundings): BoundMethod {
  const info: MethodInfo = {
    service: OTHER,
    name: OTHER,
    kind: "unary",
    side: "server",
    idempotent: false,
    errors: [],
    timeoutMs: TIMEOUT_MS,
  };
  const nothing = { validate: (value: unknown) => ({ value }), jsonSchema: () => ({}) };
  return {
    info,
    method: { kind: "unary", idempotent: false, timeoutMs: undefined, request: nothing, response: nothing, errors: [] },
    observer: observerOf(around.observers, info, around.report),
    gates: [],
    endpoint: () => {
      throw new TypeError(reasons.unknown_method.message);
    },
    stream: unsupported,
    details: new Map(),
    layers: [],
    around,
  };
}

function defined<T extends object>(options: T | undefined): Partial<T> {
  if (options === undefined) return {};
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
