/**
 * Calls from the page: through the method's own pipeline, as from any transport, under the name "debug". What the handler
 * sees is a call like any other.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import type { CallStart, Carrier } from "../endpoint/index.ts";
import { json, limitsOf, ServerCall, ServerStream, type BoundMethod, type Project } from "../transport/index.ts";

/** The most messages of a stream that are shown; then the call is called off. */
const MAX_MESSAGES = 20;

/** What the page asks for. */
export interface Tried {
  readonly bound: BoundMethod;
  /** The wire value of the request; a list of them for methods that take many. */
  readonly request: unknown;
  /** What comes with it, as its headers would. */
  readonly metadata: Carrier;
  readonly peer: string;
}

/** What became of it, fit for JSON. */
export interface TriedAnswer {
  readonly outcome: string;
  readonly durationMs: number;
  /** The messages of the answer in their wire form: one, but for streams. */
  readonly messages: readonly unknown[];
  /** Whether there would have been more messages. */
  readonly isCut: boolean;
  readonly error: object | undefined;
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** Metadata of the answer. */
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

/** Calls methods, and remembers how to write their answers. */
export class Trier {
  readonly #projects = new Map<BoundMethod, Project>();
  readonly #read = json.reader({ validate: (value) => ({ value }), jsonSchema: () => ({}) }, limitsOf());

  /**
   * Reads a body as strictly as the methods' own transports do.
   *
   * @throws {ServiceError} malformed_message.
   */
  read(body: string): unknown {
    return this.#read(body);
  }

  /**
   * Makes one call; `onCancel` is given what calls it off. What the call ends with is in the answer.
   *
   * @throws {TypeError} when the answers of the method cannot be written as JSON.
   */
  async call(tried: Tried, onCancel: (abandon: (reason: ServiceError) => void) => void): Promise<TriedAnswer> {
    const { bound, request } = tried;
    const project = this.#projectOf(bound);
    if (bound.info.kind === "unary") {
      const call = new TriedCall(tried, project);
      onCancel((reason) => call.abandon(reason));
      await call.run(request);
      return answerOf(call, call.messages, false);
    }
    const call = new TriedStream(bound, startOf(tried), {});
    call.peer = tried.peer;
    onCancel((reason) => call.abandon(reason));
    const takesMany = bound.info.kind === "client" || bound.info.kind === "bidi";
    const messages: unknown[] = [];
    let isCut = false;
    try {
      for await (const message of call.answers(takesMany ? each(request) : request, project)) {
        if (messages.length === MAX_MESSAGES) {
          isCut = true;
          break;
        }
        messages.push(message);
      }
    } catch {
      // The call has its error.
    }
    return answerOf(call, messages, isCut);
  }

  #projectOf(bound: BoundMethod): Project {
    let project = this.#projects.get(bound);
    if (project === undefined) {
      const write = json.writer(bound.method.response, `${bound.info.service}.${bound.info.name} response`);
      project = (value) => JSON.parse(write(value) as string) as unknown;
      this.#projects.set(bound, project);
    }
    return project;
  }
}

class TriedCall extends ServerCall {
  readonly request: unknown;
  messages: readonly unknown[] = [];
  readonly #project: Project;
  #resolve: () => void = () => undefined;

  constructor(tried: Tried, project: Project) {
    super(tried.bound, startOf(tried), {});
    this.request = tried.request;
    this.peer = tried.peer;
    this.#project = project;
  }

  async run(request: unknown): Promise<void> {
    const over = new Promise<void>((resolve) => (this.#resolve = resolve));
    this.begin();
    if (await this.admit()) this.dispatch(request);
    await over;
  }

  protected succeed(response: unknown): void {
    this.messages = [this.#project(response)];
    this.finish("ok");
    this.#resolve();
  }

  protected refuse(error: ServiceError): void {
    this.finish(error.code);
    this.#resolve();
  }
}

class TriedStream extends ServerStream {}

function startOf({ bound, metadata }: Tried): CallStart {
  const { clock, values } = bound.around;
  const { timeoutMs } = bound.info;
  return { startMs: clock.now(), timeoutMs, transport: "debug", incoming: metadata, values };
}

function answerOf(call: TriedCall | TriedStream, messages: readonly unknown[], isCut: boolean): TriedAnswer {
  const { error } = call;
  return {
    // Called off by us, because there was enough.
    outcome: isCut ? "ok" : (call.outcome ?? "unknown"),
    durationMs: call.durationMs,
    messages,
    isCut,
    error: isCut ? undefined : error && problemOf(error),
    requestId: call.requestId,
    traceId: call.trace?.traceId,
    metadata: [...(call.outgoingIfAny ?? [])],
  };
}

function problemOf({ code, reason, message, details, retryAfterMs }: ServiceError): object {
  return { code, reason, message, details, retryAfterMs };
}

async function* each(messages: unknown): AsyncGenerator<unknown, void, undefined> {
  yield* Array.isArray(messages) ? messages : [messages];
}
