/**
 * The low door: a server from `(decode, endpoint, encode)`, as Go kit's `transport/http.NewServer`, without a contract. It
 * runs through the same steps as a contract's method, so limits, deadlines, observers and gates are the same.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { checkFunction, checkNames, checkNumber, checkString } from "../../internal/check.ts";
import { isPromise } from "../../internal/promise.ts";
import {
  TIMEOUT_MS,
  type Context,
  type Endpoint,
  type Gate,
  type MethodInfo,
  type Observe,
} from "../../endpoint/index.ts";
import type { Shape } from "../../contract/index.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import type { BoundMethod, Surroundings } from "../bind.ts";
import { observerOf } from "../observe.ts";
import { checkFunctions, HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { parseJson } from "../json/parse.ts";
import { limitsOf, type LimitOptions, type Limits } from "../limits.ts";
import { textOf } from "./body.ts";
import { OneWays } from "../one-way.ts";
import { NodeCall } from "./node-call.ts";
import type { HttpReply, HttpRequest } from "./message.ts";
import type { AssembleSource, Plan } from "./plan.ts";

/** A request with its body, which has been read within the limits. */
export interface HttpMessage extends HttpRequest {
  readonly body: Uint8Array;
  /** The body as text. @throws {ServiceError} malformed_message when it is not UTF-8. */
  text(this: HttpMessage): string;
  /** The body as JSON. @throws {ServiceError} malformed_message when it is not. */
  json(this: HttpMessage): unknown;
}

/** What an endpoint over HTTP is made of. */
export interface HttpEndpointOptions<Req, Res> extends Hooks<HttpRequest, HttpReply> {
  /** Makes the request of the endpoint; a ServiceError it throws is answered as such. */
  readonly decode: (message: HttpMessage, context: Context) => Req | Promise<Req>;
  /** What is served: one function. */
  readonly endpoint: Endpoint<Req, Res>;
  /** Writes the response into the reply, which begins as an empty 200. A promise is waited for; else its result is dropped. */
  readonly encode: (response: NoInfer<Res>, reply: HttpReply, context: Context) => unknown;
  /** The names observers see. Default: service "http", method "endpoint". */
  readonly name?: { readonly service: string; readonly method: string } | undefined;
  /** Watch every request, outermost first. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
  /** Decide before the body is read, in order. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** How long a request may take, in milliseconds. Default: 3 s. */
  readonly timeoutMs?: number | undefined;
  /** Is told of failures nobody expected; the client gets a bare 500. Default: nobody. */
  readonly report?: ((error: unknown, method: MethodInfo) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const NAMES = ["decode", "endpoint", "encode", "name", "observers", "gates", "limits", "timeoutMs", "report", "clock"];

/**
 * Makes a handler for node:http, or for any framework that speaks its types, from three functions.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { httpEndpoint } from "servicekit/transport/http";
 *
 * const shout = httpEndpoint({
 *   decode: (message) => message.text(),
 *   endpoint: (text) => text.toUpperCase(),
 *   encode: (text, reply) => { reply.body = text; },
 * });
 * const server = createServer(shout).listen(0);
 * const { port } = server.address() as { port: number };
 * await (await fetch(`http://localhost:${port}/`, { method: "POST", body: "hello" })).text(); // => "HELLO"
 * server.close();
 * ```
 */
export function httpEndpoint<Req, Res>(
  options: HttpEndpointOptions<Req, Res>,
): (request: IncomingMessage, response: ServerResponse) => void {
  checkNames("httpEndpoint", options, [...NAMES, ...HOOKS]);
  for (const name of ["decode", "endpoint", "encode"] as const) checkFunction(name, options[name]);
  checkFunctions("gates", options.gates ?? []);
  checkFunctions("observers", options.observers ?? []);
  if (options.report !== undefined) checkFunction("report", options.report);
  const clock = options.clock ?? systemClock;
  const limits = limitsOf(options.limits);
  const plan: Plan = {
    bound: boundOf(options as unknown as HttpEndpointOptions<unknown, unknown>, clock),
    status: 200,
    errors: undefined,
    dressing: undefined,
    cors: undefined,
    takesBody: true,
    codecs: [raw],
    answers: [raw],
    assemble: ({ request, context }: AssembleSource, body) =>
      options.decode(new Message(request, body as Buffer, limits), context),
    encode: options.encode as Plan["encode"],
    stream: undefined,
    hooks: hooksOf(options),
    limits,
    compress: undefined,
  };
  const server = { isOurs: false, draining: false, writeTimeoutMs: 30_000, oneWays: new OneWays() };
  return function handle(request, response) {
    new NodeCall(plan, { request, response, values: [], server }, clock.now()).run();
  };
}

const raw = {
  mediaType: "*/*",
  contentType: "application/octet-stream",
  form: "bytes",
  read: (body: string | Uint8Array): unknown => body,
  write: (): string => "",
} as const;

// What `decode` gave is the request; when it is a promise, the request is what it resolves with.
const decoded: Shape = {
  validate: (wire) => (isPromise(wire) ? wire.then((value) => ({ value })) : { value: wire }),
  jsonSchema: () => ({}),
};

function boundOf(options: HttpEndpointOptions<unknown, unknown>, clock: Clock): BoundMethod {
  const {
    name = { service: "http", method: "endpoint" },
    observers = [],
    gates = [],
    report = () => undefined,
  } = options;
  const info: MethodInfo = {
    service: checkString("name.service", name.service),
    name: checkString("name.method", name.method),
    kind: "unary",
    side: "server",
    idempotent: false,
    errors: [],
    timeoutMs: checkNumber("timeoutMs", options.timeoutMs ?? TIMEOUT_MS, { min: 1 }),
  };
  const around: Surroundings = { clock, observers, gates, policy: {}, values: undefined, report, failed: report };
  return {
    info,
    method: {
      kind: "unary",
      idempotent: false,
      timeoutMs: info.timeoutMs,
      request: decoded,
      response: decoded,
      errors: [],
    },
    observer: observerOf(observers, info, report),
    gates,
    endpoint: options.endpoint,
    stream: () => {
      throw new TypeError("an HTTP endpoint answers once");
    },
    details: new Map(),
    layers: [],
    around,
  };
}

class Message implements HttpMessage {
  readonly body: Buffer;
  readonly #request: HttpRequest;
  readonly #limits: Limits;

  constructor(request: HttpRequest, body: Buffer, limits: Limits) {
    this.#request = request;
    this.body = body;
    this.#limits = limits;
  }

  get verb(): string {
    return this.#request.verb;
  }

  get path(): string {
    return this.#request.path;
  }

  get query(): URLSearchParams {
    return this.#request.query;
  }

  header(name: string): string | undefined {
    return this.#request.header(name);
  }

  text(): string {
    return textOf(this.body);
  }

  json(): unknown {
    return parseJson(this.text(), this.#limits);
  }
}
