/**
 * A streaming call on a web Request.
 *
 * @module
 */
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import type { Plan } from "../http/plan.ts";
import { HttpStream, type StreamHost } from "../http/stream.ts";
import type { ByteSource } from "../incoming-messages.ts";
import type { StreamPlan } from "../http/stream-plan.ts";
import { BodySource } from "./body.ts";
import { FetchCall, responseOf, type FetchIncoming } from "./call.ts";
import { Outlet, type OutletUser } from "./outlet.ts";

/** Hosts a stream of messages on a Request and its Response. */
export class FetchStream extends FetchCall implements StreamHost, OutletUser {
  readonly #stream: HttpStream;
  readonly #outlet: Outlet;

  constructor(plan: Plan & { readonly stream: StreamPlan }, from: FetchIncoming, startMs: number) {
    super(plan, from, startMs);
    this.#stream = new HttpStream(this, plan.stream);
    this.#outlet = new Outlet(this);
  }

  protected override negotiate(): ServiceError | undefined {
    return this.plan.stream!.answersMany ? this.#stream.negotiate() : (this.#stream.negotiate() ?? super.negotiate());
  }

  protected override take(): void {
    if (!this.plan.stream!.takesMany) return super.take();
    try {
      this.#stream.take();
    } catch (error) {
      // Somebody reads the body already.
      this.fail(error);
    }
  }

  override dispatch(wire: unknown): void {
    this.#stream.dispatch(wire);
  }

  body(): ByteSource {
    return new BodySource(this.from.request.body);
  }

  get isBehind(): boolean {
    return this.#outlet.isBehind;
  }

  write(text: string): number {
    return this.#outlet.write(text);
  }

  end(text: string): void {
    this.#outlet.end(text);
  }

  // The Response is given as soon as there is a head.
  flush(): void {}

  endEmpty(status: number): void {
    this.send(status, [], "");
  }

  protected override send(status: number, headers: string[], body: string | Uint8Array): void {
    if (!this.#stream.isOpen) return super.send(status, headers, body);
    this.isGone = true;
    this.from.respond(responseOf(status, headers, this.verb === "HEAD" ? undefined : this.#outlet.body));
  }

  protected override refuse(error: ServiceError): void {
    if (!this.#stream.isOpen) return super.refuse(error);
    this.#stream.refuse(error);
    this.finish(error.code);
  }

  /** The server shuts down: a reader that can come back is sent away now, any other when it must end. */
  leave(isLast: boolean): void {
    if (isLast || this.plan.stream!.events !== undefined) this.abandon(policyError("draining"));
  }

  go(): void {
    // The platform asks before there is anything to be asked for.
    this.#stream?.go();
  }

  lost(): void {
    this.abandon(policyError("canceled"));
  }

  override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.#stream.close();
  }
}
