/**
 * The way to one instance over WebSockets: senders that open a socket for each call.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { json } from "../codec.ts";
import { ERROR_KEY } from "../http/frames.ts";
import { decodeFailure } from "../http/stream-failure.ts";
import { checkMessages, requestWriter } from "../http/stream-plan.ts";
import { ClientSocket, type ConnectOptions } from "./client-socket.ts";
import { NO_MORE } from "./socket.ts";

/** What is prepared once per method. */
interface Plan {
  readonly options: ConnectOptions;
  readonly path: string;
  readonly takesMany: boolean;
  readonly isOneWay: boolean;
  write(message: unknown): string;
  read(text: string): unknown;
}

/** Makes the channel to one instance. */
export function socketChannel(service: AnyService, options: ConnectOptions): Channel {
  const open = new Set<ClientSocket>();
  let drained: (() => void) | undefined;
  function planOf(name: string): Plan {
    const method = service.methods[name]!;
    const where = `${service.name}.${name}`;
    checkMessages(method, where);
    return {
      options,
      path: `${options.place.basePath}/${service.name}/${name}`,
      takesMany: method.kind === "client" || method.kind === "bidi",
      isOneWay: method.oneWay === true,
      write: requestWriter(method, where),
      read: json.reader(method.response, options.limits) as (text: string) => unknown,
    };
  }
  async function* answers(plan: Plan, request: unknown, call: ActiveCall): AsyncGenerator<unknown, void, undefined> {
    if (call.canceledBy !== undefined) throw call.canceledBy;
    // Before anything is opened: what cannot be written is not the peer's business.
    const first = plan.takesMany ? NO_MORE : plan.write(request);
    const socket = new ClientSocket(plan.options, plan.path, call);
    open.add(socket);
    const link = call.onCancel((reason) => socket.abort(reason));
    const source = plan.takesMany ? new Source(request as AsyncIterable<unknown>) : undefined;
    try {
      await socket.opened;
      if (source !== undefined) void pump(plan, socket, source);
      else await socket.write(first);
      for (;;) {
        const text = await socket.read();
        if (text === undefined) return;
        yield messageOf(plan, text);
      }
    } finally {
      link.cancel();
      socket.close();
      source?.leave();
      open.delete(socket);
      if (open.size === 0) drained?.();
    }
  }
  return {
    unary(name): UnarySender {
      const plan = planOf(name);
      return async function send(request, call) {
        for await (const answer of answers(plan, request, call)) return answer;
        // Closed as it should be: it is accepted.
        if (plan.isOneWay) return undefined;
        throw policyError("connection_lost");
      };
    },
    stream(name): StreamSender {
      const plan = planOf(name);
      return (request, call) => answers(plan, request, call);
    },
    async close() {
      if (open.size > 0) await new Promise<void>((resolve) => (drained = resolve));
    },
  };
}

/** Where the messages of a request come from; left when nobody sends them any more. */
class Source {
  readonly #messages: AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | undefined = undefined;
  #isOver = false;

  constructor(messages: AsyncIterable<unknown>) {
    this.#messages = messages;
  }

  async next(): Promise<IteratorResult<unknown, unknown>> {
    this.#iterator ??= this.#messages[Symbol.asyncIterator]();
    try {
      const step = await this.#iterator.next();
      if (step.done === true) this.#isOver = true;
      return step;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }

  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Not awaited: a source that is stuck must not hold the call, and what it throws has nobody left to be told.
    try {
      this.#iterator?.return?.().then(undefined, () => undefined);
    } catch {
      // As above.
    }
  }
}

async function pump(plan: Plan, socket: ClientSocket, source: Source): Promise<void> {
  try {
    for (;;) {
      const step = await source.next();
      if (socket.isOver) return;
      if (step.done === true) return await socket.write(NO_MORE);
      await socket.write(plan.write(step.value));
    }
  } catch (error) {
    socket.abort(toServiceError(error));
  }
}

function messageOf(plan: Plan, text: string): unknown {
  let wire: unknown;
  try {
    wire = plan.read(text);
  } catch (error) {
    throw policyError("invalid_response", { message: "the answer cannot be read", cause: error });
  }
  if (typeof wire !== "object" || wire === null || !Object.hasOwn(wire, ERROR_KEY)) return wire;
  if (Object.keys(wire).length > 1) return wire;
  throw decodeFailure((wire as { readonly [ERROR_KEY]: unknown })[ERROR_KEY]);
}
