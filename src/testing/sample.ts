/**
 * The service that the transport suite serves: one method for each thing a transport must carry.
 *
 * @module
 */
import { client } from "../client/index.ts";
import {
  method,
  service,
  type Client,
  type Handlers,
  type Method,
  type Service,
  type TypesOf,
} from "../contract/index.ts";
import type { Kind } from "../endpoint/index.ts";
import { error, type ErrorType, type Schema } from "../errors/index.ts";
import { plainSchema } from "./plain-schema.ts";
import type { Connected, Surrounding, TransportHarness } from "./transport-suite.ts";

/** A message of text. */
export interface Text {
  readonly text: string;
}

/** A message of one number. */
export interface Count {
  readonly n: number;
}

/** Declared with details and a message of its own. */
export const full: ErrorType<"full", Count, Count> = error("full", {
  code: "failed_precondition",
  message: "no room left",
  details: plainSchema({ n: "integer" }),
});

/** Declared without details. */
export const gone: ErrorType<"gone", undefined, undefined> = error("gone", { code: "not_found" });

const text: Schema<Text> = plainSchema({ text: "string" });
const count: Schema<Count> = plainSchema({ n: "integer" });

type Of<T, K extends Kind, E = never> = Method<TypesOf<Schema<T>, Schema<T>, E, K>>;

/** The methods every transport serves. */
export type UnaryMethods = {
  readonly echo: Of<Text, "unary", typeof full | typeof gone>;
  readonly wait: Of<Text, "unary">;
};

/** The methods of transports that carry streams. */
export type StreamMethods = {
  readonly count: Of<Count, "server">;
  readonly total: Of<Count, "client">;
  readonly chat: Of<Text, "bidi">;
};

/** One answer each. */
export const unary: Service<UnaryMethods> = service("sample", {
  echo: method({ request: text, response: text, errors: [full, gone], idempotent: true }),
  wait: method({ request: text, response: text, timeoutMs: 60_000 }),
});

/** Streams each way, and both. */
const streams: Service<StreamMethods> = service("streams", {
  count: method({ request: count, response: count, stream: "server" }),
  total: method({ request: count, response: count, stream: "client" }),
  chat: method({ request: text, response: text, stream: "bidi" }),
});

/** What a case is given: a client, and what is behind it. */
export interface Served<C> extends AsyncDisposable {
  readonly remote: C;
  readonly connected: Connected;
}

const echo: Handlers<UnaryMethods> = { echo: (request) => request, wait: (request) => request };

/** Serves the unary sample with these handlers and surroundings, for one case. */
export async function serveUnary(
  harness: TransportHarness,
  handlers: Partial<Handlers<UnaryMethods>>,
  surrounding: Surrounding = {},
): Promise<Served<Client<UnaryMethods>>> {
  const connected = await harness.connect(unary.implement({ ...echo, ...handlers }), surrounding);
  // No breaker: cases that fail on purpose must not open it for those that follow.
  const remote = client(unary, connected.transport, { from: connected.from as string, breaker: false });
  return served(remote, connected);
}

/** Serves the streaming sample with these handlers, for one case. */
export async function serveStreams(
  harness: TransportHarness,
  handlers: Handlers<StreamMethods>,
  surrounding: Surrounding = {},
): Promise<Served<Client<StreamMethods>>> {
  const connected = await harness.connect(streams.implement(handlers), surrounding);
  const remote = client(streams, connected.transport, { from: connected.from as string, breaker: false });
  return served(remote, connected);
}

function served<C extends AsyncDisposable>(remote: C, connected: Connected): Served<C> {
  return {
    remote,
    connected,
    async [Symbol.asyncDispose]() {
      await remote[Symbol.asyncDispose]();
      await connected[Symbol.asyncDispose]();
    },
  };
}

/** A promise with its ends in hand. */
export interface Gateway<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** A promise that a case resolves when something was seen. */
export function seen<T>(): Gateway<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
