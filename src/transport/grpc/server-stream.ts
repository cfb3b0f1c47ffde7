/**
 * A streaming call over gRPC: many messages in, many out, or both at once.
 *
 * @module
 */
import { policyError, type Outcome } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { BodyChunks } from "../http/node-chunks.ts";
import type { OutletUser } from "../http/node-outlet.ts";
import { StreamDriver, type AnswersOut, type DrivenCall } from "../stream-driver.ts";
import { deflate, deflateLater, deflatesAtOnce } from "./compression.ts";
import { FrameReader, type Frame } from "./frame.ts";
import { GrpcCall, MIN_PACKED_BYTES } from "./server-call.ts";
import type { GrpcIncoming } from "./server-head.ts";
import { FrameOutlet } from "./server-outlet.ts";
import type { GrpcPlan } from "./server-plan.ts";

/** Drives one call of streams. */
export class GrpcStream extends GrpcCall implements DrivenCall, AnswersOut, OutletUser {
  readonly #driver: StreamDriver;
  readonly #outlet: FrameOutlet;
  #isOpen = false;
  /** Whether messages may go out compressed. */
  #packs = false;
  /** Whether one is being compressed. */
  #isPacking = false;

  constructor(plan: GrpcPlan, from: GrpcIncoming, startMs: number) {
    super(plan, from, startMs);
    this.#driver = new StreamDriver(this, this);
    this.#outlet = new FrameOutlet(from.stream, this);
    from.connection.add(this);
  }

  protected override take(): void {
    if (!this.plan.takesMany) return super.take();
    this.arm();
    const { limits, request } = this.plan;
    this.#driver.take<Frame>({
      // Only the deadline counts: a caller may well wait for an answer before it goes on.
      source: new BodyChunks(this.from.stream, undefined),
      frames: new FrameReader(limits.maxBodyBytes),
      read: ({ isCompressed, data }) => {
        if (!isCompressed) return request.read(data, limits.maxDepth);
        const plain = this.unpack(data);
        if (!isPromise(plain)) return request.read(plain as Uint8Array, limits.maxDepth);
        return (plain as Promise<Uint8Array>).then((later) => request.read(later, limits.maxDepth));
      },
      sizeOf: ({ data }) => data.length,
    });
  }

  override dispatch(wire: unknown): void {
    if (this.outcome !== undefined) return;
    this.arm();
    this.#driver.dispatch(wire);
  }

  // What the driver needs of a call is public here.
  override succeed(response: unknown): void {
    super.succeed(response);
  }

  override arm(): void {
    super.arm();
  }

  override report(error: unknown): void {
    super.report(error);
  }

  // A reset without an error ends the caller's stream as if it were cut.
  override fail(thrown: unknown): void {
    const isCalledOff = this.outcome === undefined && this.canceledBy === undefined && this.from.stream.aborted;
    if (isCalledOff) this.abandon(policyError("canceled"));
    else super.fail(thrown);
  }

  get isBehind(): boolean {
    return this.#outlet.isBehind || this.#isPacking;
  }

  begun(): void {}

  send(value: unknown): void {
    const message = this.plan.response.write(value);
    this.#openOnce();
    if (!this.#packs || message.length < MIN_PACKED_BYTES) return this.#sent(this.#outlet.write(message));
    if (deflatesAtOnce(message)) return this.#sent(this.#outlet.writePacked(deflate(message)));
    this.#isPacking = true;
    const packed = (later: Uint8Array): void => {
      this.#isPacking = false;
      if (this.outcome !== undefined) return;
      this.#sent(this.#outlet.writePacked(later));
      if (!this.isBehind) this.#driver.go();
    };
    deflateLater(message)
      .then(packed)
      .catch((error: unknown) => this.fail(error));
  }

  #sent(bytes: number): void {
    this.responseBytes += bytes;
    this.bound.observer.message(this, "sent", bytes);
  }

  #openOnce(): void {
    if (this.#isOpen) return;
    const head = this.headOf(this.open(undefined));
    this.respond(head);
    this.#isOpen = true;
    this.#packs = head["grpc-encoding"] !== undefined;
  }

  complete(): void {
    this.#openOnce();
    this.end();
    this.finish("ok");
  }

  protected override end(): void {
    const { stream } = this.from;
    this.#outlet.end();
    if (stream.writableLength > 0) this.watchReader();
  }

  go(): void {
    if (!this.#isPacking) this.#driver.go();
  }

  // The peer does not read: one that has stopped would hold the call for ever.
  stalled(): void {
    this.watchReader();
  }

  released(): void {
    this.unwatchReader();
  }

  /** The connection ends: the caller is told, and may try elsewhere. */
  leave(isLast: boolean): void {
    if (isLast) this.abandon(policyError("draining"));
  }

  override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.from.connection.remove(this);
    this.#driver.close();
    if (this.from.stream.destroyed) this.#outlet.stop();
  }
}
