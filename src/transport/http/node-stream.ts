/**
 * A streaming call on a request that node:http has parsed.
 *
 * @module
 */
import { discardBody, isUnread } from "./body.ts";
import type { Outcome, ServiceError } from "../../errors/index.ts";
import { policyError } from "../../errors/index.ts";
import type { Timer } from "../../time/index.ts";
import { BodyChunks } from "./node-chunks.ts";
import { invite, NodeCall, type Incoming } from "./node-call.ts";
import { Outlet, type OutletUser } from "./node-outlet.ts";
import type { Plan } from "./plan.ts";
import { HttpStream, type StreamHost } from "./stream.ts";
import type { StreamPlan } from "./stream-plan.ts";
import type { ByteSource } from "../incoming-messages.ts";

/** The plan of a streaming method. */
export type StreamingPlan = Plan & { readonly stream: StreamPlan };

const REQUEST_TIMEOUT_MS = 30_000;

/** Hosts a stream on node's own messages. */
export class NodeStream extends NodeCall implements StreamHost, OutletUser {
  readonly #stream: HttpStream;
  readonly #outlet: Outlet;
  #patience: Timer | undefined = undefined;
  /** Told once, when the call is over. */
  ended: (() => void) | undefined = undefined;

  constructor(plan: StreamingPlan, from: Incoming, startMs: number) {
    super(plan, from, startMs);
    this.#stream = new HttpStream(this, plan.stream);
    this.#outlet = new Outlet(from.response, this);
  }

  protected override negotiate(): ServiceError | undefined {
    return this.plan.stream!.answersMany ? this.#stream.negotiate() : (this.#stream.negotiate() ?? super.negotiate());
  }

  protected override take(): void {
    const { request, response } = this.from;
    if (!this.plan.stream!.takesMany) return super.take();
    if (request.readableEnded) return this.fail(new TypeError("the stream was read before it came here"));
    if (request.headers.expect !== undefined) invite(request, response);
    // Node's bound of a whole request is not for streams of them: idle time and the deadline are.
    this.isPatient = true;
    this.#stream.take();
  }

  override dispatch(wire: unknown): void {
    this.#stream.dispatch(wire);
  }

  body(): ByteSource {
    const { request, server } = this.from;
    const { clock } = this.bound.around;
    // Both ways at once, a peer may well wait for an answer before it goes on: then only the deadline counts.
    const patience = this.plan.stream!.answersMany
      ? undefined
      : { clock, idleMs: server.requestTimeoutMs ?? REQUEST_TIMEOUT_MS };
    return new BodyChunks(request, patience);
  }

  get isBehind(): boolean {
    return this.#outlet.isBehind;
  }

  write(text: string): number {
    return this.#outlet.write(text);
  }

  end(text: string): void {
    const { response } = this.from;
    this.#outlet.end(text);
    this.#endConnection();
    if (response.writableLength > 0) this.stalled();
  }

  // The head said nothing of it; but what a peer goes on sending would be read as its next request.
  #endConnection(): void {
    const { request, response, server } = this.from;
    const unread = isUnread(request);
    if (!unread && !server.draining) return;
    const { socket } = request;
    if (unread) discardBody(request);
    response.once("finish", () => socket.destroySoon());
  }

  flush(): void {
    this.from.response.flushHeaders();
  }

  endEmpty(status: number): void {
    this.send(status, [], "");
  }

  protected override send(status: number, headers: string[], body: string | Uint8Array): void {
    const { response, server } = this.from;
    if (!this.#stream.isOpen) return super.send(status, headers, body);
    if (server.draining || this.connection.isBroken) headers.push("connection", "close");
    response.writeHead(status, headers);
  }

  protected override refuse(error: ServiceError): void {
    if (!this.#stream.isOpen || this.from.response.writableEnded || this.from.request.socket.destroyed)
      super.refuse(error);
    else {
      this.#stream.refuse(error);
      this.finish(error.code);
    }
  }

  /** The server shuts down: a reader that can come back is sent away now, any other when it must end. */
  leave(isLast: boolean): void {
    if (isLast || this.plan.stream!.events !== undefined) this.abandon(policyError("draining"));
  }

  go(): void {
    this.#stream.go();
  }

  // The peer does not read: one that has stopped would hold the call for ever.
  stalled(): void {
    const { response, server } = this.from;
    // It waits for an answer before it on the connection, and the peer's time begins after that one.
    if (response.socket === null) return void response.once("socket", () => this.#stalledStill());
    this.#patience ??= this.bound.around.clock.expire(server.writeTimeoutMs, { expire: () => response.destroy() });
    if (response.writableEnded) response.once("close", () => this.released());
  }

  #stalledStill(): void {
    if (this.#outlet.isBehind || this.from.response.writableLength > 0) this.stalled();
  }

  released(): void {
    this.#patience?.cancel();
    this.#patience = undefined;
  }

  override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.ended?.();
    this.#stream.close();
    if (this.from.request.socket.destroyed) {
      this.#outlet.stop();
      this.released();
    }
  }
}
