/**
 * A streaming call on a stream of HTTP/2.
 *
 * @module
 */
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import { fieldsOf, Http2Call, invite, type Http2Incoming } from "./http2-call.ts";
import { endIncoming } from "./http2-connection.ts";
import { BodyChunks } from "./node-chunks.ts";
import { Outlet, type OutletUser } from "./node-outlet.ts";
import type { Plan } from "./plan.ts";
import { HttpStream, type StreamHost } from "./stream.ts";
import type { ByteSource } from "../incoming-messages.ts";
import type { StreamPlan } from "./stream-plan.ts";

/** Hosts a stream of messages on one of node's HTTP/2 streams. */
export class Http2Stream extends Http2Call implements StreamHost, OutletUser {
  readonly #stream: HttpStream;
  readonly #outlet: Outlet;

  constructor(plan: Plan & { readonly stream: StreamPlan }, from: Http2Incoming, startMs: number) {
    super(plan, from, startMs);
    this.#stream = new HttpStream(this, plan.stream);
    this.#outlet = new Outlet(from.stream, this);
    from.connection.add(this);
  }

  protected override negotiate(): ServiceError | undefined {
    return this.plan.stream!.answersMany ? this.#stream.negotiate() : (this.#stream.negotiate() ?? super.negotiate());
  }

  protected override take(): void {
    if (!this.plan.stream!.takesMany) return super.take();
    invite(this.from);
    this.#stream.take();
  }

  override dispatch(wire: unknown): void {
    this.#stream.dispatch(wire);
  }

  body(): ByteSource {
    const { stream, requestTimeoutMs: idleMs } = this.from;
    // Both ways at once, a peer may well wait for an answer before it goes on: then only the deadline counts.
    const patience = this.plan.stream!.answersMany ? undefined : { clock: this.bound.around.clock, idleMs };
    return new BodyChunks(stream, patience);
  }

  get isBehind(): boolean {
    return this.#outlet.isBehind;
  }

  write(text: string): number {
    return this.#outlet.write(text);
  }

  end(text: string): void {
    const { stream } = this.from;
    this.#outlet.end(text);
    endIncoming(stream);
    if (stream.writableLength > 0) this.watchReader();
  }

  // Each frame of HTTP/2 goes out as it is written.
  flush(): void {}

  endEmpty(status: number): void {
    this.send(status, [], "");
  }

  protected override send(status: number, headers: string[], body: string | Uint8Array): void {
    if (this.#stream.isOpen) this.from.stream.respond(fieldsOf(status, headers));
    else super.send(status, headers, body);
  }

  protected override refuse(error: ServiceError): void {
    const { stream } = this.from;
    if (!this.#stream.isOpen || stream.writableEnded || stream.destroyed) super.refuse(error);
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
    this.watchReader();
  }

  released(): void {
    this.unwatchReader();
  }

  override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.from.connection.remove(this);
    this.#stream.close();
    if (this.from.stream.destroyed) this.#outlet.stop();
  }
}
