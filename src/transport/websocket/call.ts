/**
 * One call over one WebSocket on its way through the server.
 *
 * @module
 */
import type { CallStart } from "../../endpoint/index.ts";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import type { BoundMethod } from "../bind.ts";
import type { Hooks } from "../hooks.ts";
import { ServerStream } from "../server-stream.ts";
import type { RequestView, HttpRequest } from "../http/message.ts";
import { statusOf } from "../http/status.ts";
import { encodeFailure } from "../http/stream-failure.ts";
import { ERROR_LINE } from "../http/frames.ts";
import { closeCodeOf, NO_MORE, type TextSocket } from "./socket.ts";

/** A frame about to be sent, as hooks see it. */
export interface WebSocketReply {
  /** A JSON text. */
  text: string;
}

/** How one method is served over WebSockets. */
export interface SocketPlan {
  readonly bound: BoundMethod;
  readonly hooks: Hooks<HttpRequest, WebSocketReply>;
  readonly takesMany: boolean;
  readonly answersMany: boolean;
  /** Reads one message of the request. */
  read(text: string): unknown;
  /** Writes one message of the answer. */
  write(value: unknown): string;
}

/** Where a call comes from. */
export interface SocketIncoming {
  readonly start: CallStart;
  readonly view: RequestView;
  readonly url: string;
  readonly peer: string;
  readonly socket: TextSocket;
  /** Knows the call while it runs. */
  readonly holder: Holder;
  /** Knows it when it is a one-way call that was acknowledged. */
  readonly oneWays: Holder;
}

/** Who calls a call off. */
export interface Holder {
  add(call: SocketCall): void;
  remove(call: SocketCall): void;
}

/** Drives one call, and its socket to the end. */
export class SocketCall extends ServerStream {
  override readonly request: HttpRequest;
  readonly plan: SocketPlan;
  readonly #from: SocketIncoming;
  #failure = "";
  #bytes = 0;
  #isSaid = false;
  /** Whether it is a one-way call that was accepted. */
  #isTold = false;
  #holder: Holder;

  constructor(plan: SocketPlan, from: SocketIncoming) {
    super(plan.bound, from.start, plan.hooks as Hooks<unknown, unknown>);
    this.request = from.view;
    this.plan = plan;
    this.#from = from;
    this.#holder = from.holder;
    from.holder.add(this);
    this.peer = from.peer;
    this.target = from.url;
    this.status = 101;
    // Whoever goes away, however, has called it off; what was wrong with a frame is another matter.
    from.socket.onClose = (error) =>
      this.abandon(error === undefined || error.code === "unavailable" ? policyError("canceled") : error);
  }

  /** Runs the call; resolves when its last frame is with the socket. */
  async run(): Promise<void> {
    const { socket } = this.#from;
    const incoming = this.plan.takesMany ? this.#requests() : () => this.#one();
    try {
      for await (const text of this.answers(incoming, (value) => (this.#isTold ? "" : this.#written(value)))) {
        if (!this.#isTold) await socket.write(text as string);
      }
      socket.close(1000);
    } catch {
      this.#sayWhy();
    }
  }

  // The peer is told, and may go away.
  protected override acknowledge(): void {
    const { socket, holder, oneWays } = this.#from;
    const text = this.#written(undefined);
    this.#isTold = this.#isSaid = true;
    void socket.write(text);
    socket.onClose = undefined;
    socket.close(1000);
    holder.remove(this);
    oneWays.add(this);
    this.#holder = oneWays;
  }

  // `answers` throws what the call ended with, which `refuse` has put into words.
  #sayWhy(): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    const { socket } = this.#from;
    const error = this.error ?? policyError("internal");
    void socket.write(this.#failure);
    // A close frame has room for 123 bytes.
    socket.close(closeCodeOf(error), error.reason.slice(0, 40));
  }

  #written(value: unknown): string {
    let text = this.plan.write(value);
    if (!this.plan.answersMany) {
      const reply: WebSocketReply = { text };
      this.after(reply);
      ({ text } = reply);
    }
    if (text.startsWith(ERROR_LINE)) throw policyError("invalid_response");
    this.#bytes += text.length;
    return text;
  }

  async *#requests(): AsyncGenerator<unknown, void, undefined> {
    const { socket } = this.#from;
    for (;;) {
      const text = await socket.read();
      if (text === undefined || text === NO_MORE) break;
      this.requestBytes += text.length;
      yield this.plan.read(text);
    }
    this.#noMore();
  }

  async #one(): Promise<unknown> {
    const text = await this.#from.socket.read();
    if (text === undefined || text === NO_MORE)
      throw policyError("malformed_message", { message: "there is no request" });
    this.requestBytes = text.length;
    const wire = this.plan.read(text);
    this.#noMore();
    return wire;
  }

  // Whoever says more than there is to say has not understood the method.
  #noMore(): void {
    this.#from.socket.extra((text) => {
      if (text !== NO_MORE)
        this.abandon(policyError("malformed_message", { message: "there was a request after the last one" }));
    });
  }

  protected override refuse(error: ServiceError): void {
    if (this.#isTold) return super.refuse(error);
    this.status = statusOf(error);
    const reply: WebSocketReply = {
      text: `${ERROR_LINE}${encodeFailure(error, (thrown) => this.report(thrown))}}`,
    };
    this.encodeError(error, reply);
    this.#failure = reply.text;
    super.refuse(error);
  }

  protected override finish(outcome: Outcome): void {
    this.responseBytes = this.#bytes;
    this.#holder.remove(this);
    super.finish(outcome);
  }

  /** The server shuts down: streams are told when they must end. */
  leave(isLast: boolean): void {
    if (!isLast) return;
    this.abandon(policyError("draining"));
    // Now: the connection is cut next.
    this.#sayWhy();
  }
}
