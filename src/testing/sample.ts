/**
 * The service that the transport suite serves: one method for each thing a transport must carry.
 *
 * @module
 */
import { client } from "../client/index.ts";
import {
  method,
  oneWay,
  service,
  type Attach,
  type Client,
  type Handlers,
  type Method,
  type Methods,
  type OneWayTypes,
  type Service,
  type TypesOf,
} from "../contract/index.ts";
import type { Kind, Observe } from "../endpoint/index.ts";
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

/** A text that `echo` refuses. */
export const REFUSED: Text = { text: "refused" };

// Rules that no wire can state, so that it is the receiver who finds what breaks them.
const said: Schema<Text> = ruled(text, ({ text }) => (text === REFUSED.text ? { path: ["text"] } : undefined));
const count: Schema<Count> = ruled(plainSchema({ n: "integer" }), ({ n }) => (n < 0 ? { path: ["n"] } : undefined));

function ruled<T>(
  schema: Schema<T>,
  broken: (value: T) => { readonly path: readonly string[] } | undefined,
): Schema<T> {
  const standard = schema["~standard"];
  const validate: (typeof standard)["validate"] = (value) => {
    const issue = typeof value === "object" && value !== null ? broken(value as T) : undefined;
    return issue === undefined ? standard.validate(value) : { issues: [{ message: "should not be so", ...issue }] };
  };
  return { "~standard": { ...standard, validate } };
}

/** The same messages, taken as they come: shows what really travelled. */
const anyText: Schema<Text> = {
  "~standard": { ...text["~standard"], validate: (value) => ({ value: value as Text }) },
};

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

/** Methods nobody waits for. */
export type OneWayMethods = { readonly note: Method<OneWayTypes<Schema<Text>>> };

/** Longer than any case takes: a machine that is slow is no fault of a transport. */
const timeoutMs = 60_000;

/** Told, not asked. */
const told: Service<OneWayMethods> = service("told", { note: oneWay({ request: text, timeoutMs }) });

/** The unary sample without its errors, and without a receiver that takes away what was not declared. */
const bare: Service<{ readonly echo: Of<Text, "unary"> }> = service("sample", {
  echo: method({ request: anyText, response: anyText, timeoutMs }),
});

/** One answer each. */
const unary: Service<UnaryMethods> = service("sample", {
  echo: method({ request: said, response: text, errors: [full, gone], idempotent: true, timeoutMs }),
  wait: method({ request: text, response: text, timeoutMs }),
});

/** Streams each way, and both. */
const streams: Service<StreamMethods> = service("streams", {
  count: method({ request: count, response: count, stream: "server", timeoutMs }),
  total: method({ request: count, response: count, stream: "client", timeoutMs }),
  chat: method({ request: text, response: text, stream: "bidi", timeoutMs }),
});

/** What a case is given: a client, and what is behind it. */
export interface Served<C> extends AsyncDisposable {
  readonly remote: C;
  readonly connected: Connected;
}

/** What stands around both sides of a case. */
export interface Setup<M extends Methods> extends Surrounding {
  /** Watches the client's calls. */
  readonly watch?: Observe | undefined;
  /** What is attached to the methods. */
  readonly attach?: Attach<M> | undefined;
}

const echo: Handlers<UnaryMethods> = { echo: (request) => request, wait: (request) => request };

/** Serves the unary sample with these handlers and surroundings, for one case. */
export function serveUnary(
  harness: TransportHarness,
  handlers: Partial<Handlers<UnaryMethods>>,
  setup: Setup<UnaryMethods> = {},
): Promise<Served<Client<UnaryMethods>>> {
  return serveSample(harness, { service: unary, handlers: { ...echo, ...handlers } }, setup);
}

/** The unary sample with a client that is told of no errors, and shows all fields that came. */
export async function serveBare(
  harness: TransportHarness,
  handlers: Partial<Handlers<UnaryMethods>>,
): Promise<Served<Client<UnaryMethods>> & { readonly lax: Client<{ readonly echo: Of<Text, "unary"> }> }> {
  const sample = await serveUnary(harness, handlers);
  const { transport, from } = sample.connected;
  const lax = client(bare, transport, { from: from as string, breaker: false, retry: false });
  return {
    ...sample,
    lax,
    async [Symbol.asyncDispose]() {
      await lax[Symbol.asyncDispose]();
      await sample[Symbol.asyncDispose]();
    },
  };
}

/** Serves the streaming sample with these handlers, for one case. */
export function serveStreams(
  harness: TransportHarness,
  handlers: Handlers<StreamMethods>,
  setup: Setup<StreamMethods> = {},
): Promise<Served<Client<StreamMethods>>> {
  return serveSample(harness, { service: streams, handlers }, setup);
}

/** Serves the one-way sample with this handler, for one case. */
export function serveOneWay(
  harness: TransportHarness,
  note: Handlers<OneWayMethods>["note"],
  setup: Setup<OneWayMethods> = {},
): Promise<Served<Client<OneWayMethods>>> {
  return serveSample(harness, { service: told, handlers: { note } }, setup);
}

interface Sample<M extends Methods> {
  readonly service: Service<M>;
  readonly handlers: Handlers<M>;
}

async function serveSample<M extends Methods>(
  harness: TransportHarness,
  { service: sample, handlers }: Sample<M>,
  { watch, attach, ...surrounding }: Setup<M>,
): Promise<Served<Client<M>>> {
  const connected = await harness.connect(sample.implement(handlers, attach), surrounding);
  // No breaker: cases that fail on purpose must not open it for those that follow.
  const remote = client(sample, connected.transport, {
    from: connected.from as string,
    breaker: false,
    retry: false,
    observers: watch === undefined ? [] : [watch],
  });
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
