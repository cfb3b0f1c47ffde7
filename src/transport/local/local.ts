/**
 * Client and server in one process, through the same steps as over a wire: for tests, and for modules that may become
 * services of their own. Messages are written and read as JSON, so neither side ever holds the other's objects.
 *
 * @module
 */
import { bareError, policyError, toServiceError, type Outcome, type ServiceError } from "../../errors/index.ts";
import {
  Metadata,
  type ActiveCall,
  type CallStart,
  type Gate,
  type MethodInfo,
  type Observe,
  type Subscription,
} from "../../endpoint/index.ts";
import type { Implementation } from "../../contract/index.ts";
import { checkNames } from "../../internal/check.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { injectTrace } from "../../trace/index.ts";
import { bind, type BoundMethod, type BoundService, type Surroundings } from "../bind.ts";
import type { Channel, LocalTransport, StreamSender, UnarySender } from "../client.ts";
import { json } from "../codec.ts";
import { checkFunctions, HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf } from "../limits.ts";
import { REQUEST_ID } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { ServerStream } from "../server-stream.ts";

/** A request as a hook sees it. */
export interface LocalRequest {
  readonly method: MethodInfo;
  /** The request in its wire form; undefined where many come. */
  readonly body: unknown;
}

/** A reply as a hook sees it: the answer in its wire form, or an error. */
export interface LocalReply {
  body: unknown;
  error: ServiceError | undefined;
}

/** What stands around the methods of a local server. */
export interface LocalOptions extends Hooks<LocalRequest, LocalReply> {
  /** Watch every call on the server's side, outermost first. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
  /** Decide before a request is decoded, in order. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** Is told of failures that nobody declared. Default: nobody. */
  readonly report?: ((error: unknown, method: MethodInfo) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/**
 * A transport to an implementation in this process.
 *
 * @throws {TypeError} when a message's schema cannot give its JSON Schema, naming the method and the missing adapter.
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
 * await remote.sum({ a: 1, b: 2 }); // => { v: 3 }
 * ```
 */
export function local(implementation: Implementation, options: LocalOptions = {}): LocalTransport {
  checkNames("local", options, ["observers", "gates", "report", "clock", ...HOOKS]);
  checkFunctions("observers", options.observers ?? []);
  checkFunctions("gates", options.gates ?? []);
  const around: Surroundings = {
    clock: options.clock ?? systemClock,
    observers: options.observers ?? [],
    gates: options.gates ?? [],
    policy: {},
    values: undefined,
    report: options.report ?? (() => undefined),
    failed: options.report ?? (() => undefined),
  };
  const methods = wires(bind(implementation, around), hooksOf(options));
  return {
    name: "local",
    "~client": true,
    "~local": true,
    open: (_service, _instance, clock) => channel(methods, clock),
  };
}

/** A method with the way its messages cross: written and read again, as on a wire. */
interface Wire {
  readonly bound: BoundMethod;
  request(value: unknown): unknown;
  response(value: unknown): unknown;
  readonly hooks: Hooks<LocalRequest, LocalReply>;
}

function wires(service: BoundService, hooks: Wire["hooks"]): ReadonlyMap<string, Wire> {
  const limits = limitsOf();
  return new Map(
    [...service.methods].map(([name, bound]) => {
      const { request, response } = bound.method;
      const where = `${service.name}.${name}`;
      const cross = (shape: typeof request, side: "request" | "response"): ((value: unknown) => unknown) => {
        const write = json.writer(shape, `${where} ${side}`, `invalid_${side}`);
        const read = json.reader(shape, limits);
        return (value) => read(write(value));
      };
      return [name, { bound, request: cross(request, "request"), response: cross(response, "response"), hooks }];
    }),
  );
}

/** One side's call as the other side gets it. */
interface Crossing {
  readonly caller: ActiveCall;
  /** The caller's clock, which its deadline is on. */
  readonly clock: Clock;
  readonly body: unknown;
}

function channel(methods: ReadonlyMap<string, Wire>, clock: Clock): Channel {
  const wireOf = (method: string): Wire => {
    const wire = methods.get(method);
    if (wire === undefined) throw policyError("unknown_method");
    return wire;
  };
  return {
    unary(method): UnarySender {
      const wire = wireOf(method);
      return wire.bound.info.kind === "client"
        ? collected(wire, clock)
        : (body, caller) => new LocalCall(wire, { caller, clock, body }).answer();
    },
    stream(method): StreamSender {
      const wire = wireOf(method);
      return (body, caller) => streamed(wire, { caller, clock, body });
    },
    close: () => Promise.resolve(),
  };
}

function startOf(wire: Wire, { caller, clock }: Crossing): CallStart {
  const { clock: own, values } = wire.bound.around;
  const startMs = own.now();
  const incoming = new Metadata();
  incoming.set(REQUEST_ID, caller.requestId);
  injectTrace(caller.context, (name, value) => incoming.set(name, value));
  for (const [name, value] of caller.outgoingIfAny ?? []) incoming.set(name, value);
  // As on a wire, what crosses is the time that is left: each side has its own clock.
  const leftMs = caller.context.deadlineMs - (clock === own ? startMs : clock.now());
  const { timeoutMs: ownMs, oneWay } = wire.bound.info;
  const timeoutMs = oneWay === true ? ownMs : Math.max(0, Math.min(ownMs, leftMs));
  return { startMs, timeoutMs, transport: "local", incoming, values };
}

class LocalCall extends ServerCall<LocalRequest, LocalReply> {
  readonly #wire: Wire;
  readonly #caller: ActiveCall;
  readonly #body: unknown;
  #subscription: Subscription | undefined = undefined;
  /** Whether it is a one-way call that was accepted. */
  #isTold = false;
  #resolve: (wire: unknown) => void = () => undefined;
  #reject: (error: ServiceError) => void = () => undefined;

  constructor(wire: Wire, from: Crossing) {
    super(wire.bound, startOf(wire, from), wire.hooks);
    this.#wire = wire;
    this.#caller = from.caller;
    this.#body = from.body;
  }

  get request(): LocalRequest {
    return { method: this.method, body: this.#body };
  }

  /** Runs the call and resolves with the wire value of the answer. */
  answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#subscription = this.#caller.onCancel((reason) => this.abandon(reason));
      this.begin();
      const admitted = this.admit();
      if (admitted === true) this.#receive();
      else if (admitted !== false) void admitted.then((passes) => (passes ? this.#receive() : undefined));
    });
  }

  #receive(): void {
    let wire: unknown;
    try {
      wire = this.#wire.request(this.#body);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  protected succeed(response: unknown): void {
    const reply: LocalReply = { body: this.#wire.response(response), error: undefined };
    this.after(reply);
    this.finish("ok");
    this.#resolve(reply.body);
  }

  // Whoever called is free to go.
  protected override acknowledge(): void {
    const reply: LocalReply = { body: undefined, error: undefined };
    this.after(reply);
    this.#subscription?.cancel();
    this.#caller.incoming = this.outgoing;
    this.#isTold = true;
    this.#resolve(undefined);
  }

  protected override done(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    if (this.#isTold) return this.finish(error.code);
    const reply: LocalReply = { body: undefined, error };
    this.encodeError(error, reply);
    this.finish(error.code);
    this.#reject(crossed(reply.error ?? error));
  }

  protected override finish(outcome: Outcome): void {
    if (!this.#isTold) {
      this.#subscription?.cancel();
      this.#caller.incoming = this.outgoing;
    }
    super.finish(outcome);
  }
}

// `after` and `errorEncoder` do not run: there is no one reply to change.
class LocalStream extends ServerStream {
  override readonly request: LocalRequest;

  constructor(wire: Wire, from: Crossing, body: unknown) {
    super(wire.bound, startOf(wire, from), wire.hooks as Hooks<unknown, unknown>);
    this.request = { method: wire.bound.info, body };
  }
}

async function* streamed(wire: Wire, from: Crossing): AsyncGenerator<unknown, void, undefined> {
  const { caller, body } = from;
  const { kind } = wire.bound.info;
  const many = kind === "client" || kind === "bidi";
  const call = new LocalStream(wire, from, many ? undefined : body);
  const subscription = caller.onCancel((reason) => call.abandon(reason));
  try {
    const incoming = many ? crossing(wire, body as AsyncIterable<unknown>) : wire.request(body);
    yield* call.answers(incoming, (value) => wire.response(value));
  } catch (error) {
    throw crossed(toServiceError(error));
  } finally {
    caller.incoming = call.outgoing;
    subscription.cancel();
  }
}

async function* crossing(wire: Wire, messages: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  for await (const message of messages) yield wire.request(message);
}

// A method that takes many messages and answers once: the stream of its answers has one.
function collected(wire: Wire, clock: Clock): UnarySender {
  return async function collect(body, caller) {
    let answers: unknown[] = [];
    // To the end, which is when the call is over: leaving it before would call it off.
    for await (const answer of streamed(wire, { caller, clock, body })) answers = [answer];
    if (answers.length === 0) throw policyError("invalid_response");
    return answers[0];
  };
}

// What crosses is what a wire would carry: no cause, no stack, no identity.
function crossed({ message, code, reason, details, retryAfterMs }: ServiceError): ServiceError {
  return bareError(message, { code, reason, details, origin: "peer", retryAfterMs });
}
