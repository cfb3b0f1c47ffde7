/**
 * Joins an implementation with what its server puts around it: each method becomes one pipeline, composed once.
 *
 * @module
 */
import { reasons, type ServiceError } from "../errors/index.ts";
import {
  descriptionOf,
  fuse,
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
import type { AnyMethod, Implementation, MethodPolicy } from "../contract/index.ts";
import type { Clock } from "../time/index.ts";
import { policiesOf } from "./policies.ts";
import type { Layer } from "./stack.ts";

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
  readonly layers: readonly Layer[];
  readonly around: Surroundings;
}

/** A service ready to be served. */
export interface BoundService {
  readonly name: string;
  readonly methods: ReadonlyMap<string, BoundMethod>;
}

/** Builds the pipelines of a service. */
export function bind(implementation: Implementation, around: Surroundings): BoundService {
  const { service, handlers, attach } = implementation;
  const methods = new Map<string, BoundMethod>();
  for (const [name, method] of Object.entries(service.methods)) {
    const own: MethodPolicy = { ...around.policy, ...defined(attach.methods[name]) };
    const info: MethodInfo = {
      service: service.name,
      name,
      kind: method.kind,
      side: "server",
      idempotent: method.idempotent,
      errors: method.errors,
      timeoutMs: own.timeoutMs ?? method.timeoutMs ?? TIMEOUT_MS,
    };
    const handler = handlers[name] as unknown as Endpoint<unknown, unknown> & StreamEndpoint<unknown, unknown>;
    methods.set(name, assemble({ info, method, handler, own, attach, around }));
  }
  return { name: service.name, methods };
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
  const policies = policiesOf(own, around.clock);
  const gates = [...around.gates, ...policies.gates, ...attach.gates];
  const middlewares = [...policies.middlewares, ...(own.use ?? [])];
  const observes = [...around.observers, ...attach.observers];
  const answersMany = info.kind === "server" || info.kind === "bidi";
  const layers: Layer[] = [
    ...observes.map((one): Layer => ({ kind: "observer", text: descriptionOf(one) })),
    ...gates.map((one): Layer => ({ kind: "gate", text: descriptionOf(one) })),
    { kind: "decode", text: "validate the request" },
    ...middlewares.map((one): Layer => ({ kind: "middleware", text: descriptionOf(one) })),
    { kind: "handler", text: `${info.service}.${info.name}, at most ${info.timeoutMs} ms` },
  ];
  return {
    info,
    method,
    observer: observerOf(observes, info, around.report),
    gates,
    endpoint: answersMany ? unsupported : wrapped(handler, middlewares as readonly Middleware[], info),
    stream: answersMany ? wrappedStream(handler, middlewares as readonly StreamMiddleware[], info) : unsupported,
    layers,
    around,
  };
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

/** The observers of one method, joined. */
export function observerOf(
  observes: readonly Observe[],
  info: MethodInfo,
  report: Surroundings["report"],
): FusedObserver {
  const observers = observes.map((observe) => observe(info)).filter((one) => one !== undefined);
  return fuse(observers, (error) => report(error, info));
}

/** The stand-in under which calls are observed that fit no method, so that a 404 is counted and logged like any other. */
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
    layers: [],
    around,
  };
}

function defined<T extends object>(options: T | undefined): Partial<T> {
  if (options === undefined) return {};
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
