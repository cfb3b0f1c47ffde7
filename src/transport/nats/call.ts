/**
 * One request that is answered once, on its way through the server.
 *
 * @module
 */
import type { Msg } from "@nats-io/transport-node";
import { noMetadata } from "../../endpoint/index.ts";
import { policyError, type Outcome, type ServiceError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { timeoutOf } from "../timeout.ts";
import { numberOf } from "./code.ts";
import { bareDraft, failureDraft } from "./failure-message.ts";
import type { NatsHeaders } from "./headers.ts";
import { Draft, MessageView, type NatsDraft, type NatsMessage } from "./message.ts";
import type { NatsPlan } from "./plan.ts";

/** Where a request comes from, and how it is answered. */
export interface NatsIncoming {
  readonly msg: Msg;
  /** Where the answer goes; "" when nobody waits for one. */
  readonly reply: string;
  readonly headers: NatsHeaders | undefined;
  /** Who publishes, and knows the call while it runs. */
  readonly server: NatsAnswering;
  readonly startMs: number;
}

/** What calls need of their server. */
export interface NatsAnswering {
  publish(subject: string, data: Uint8Array, headers: readonly string[] | undefined): void;
  /** The call is over. */
  release(call: NatsCall): void;
  /** Nobody waits for the call any more, and nobody takes it back. */
  keep(call: NatsCall): void;
}

/** Drives one request. */
export class NatsCall extends ServerCall<NatsMessage, NatsDraft> {
  readonly #plan: NatsPlan;
  readonly #from: NatsIncoming;
  #isTold: boolean;
  /** Under which the server knows the call; "" while it does not. */
  held = "";

  constructor(plan: NatsPlan, from: NatsIncoming) {
    const { info, around } = plan.bound;
    const { headers, startMs } = from;
    const timeoutMs = headers === undefined ? info.timeoutMs : timeoutOf(headers.get(TIMEOUT), info.timeoutMs);
    const incoming = headers ?? noMetadata;
    super(plan.bound, { startMs, timeoutMs, transport: "nats", incoming, values: around.values }, plan.hooks);
    this.#plan = plan;
    this.#from = from;
    this.#isTold = from.reply === "";
    this.target = plan.subject;
  }

  get request(): NatsMessage {
    return new MessageView(this.#from.msg, this.#from.headers);
  }

  /** Takes the request through the pipeline, or refuses it. */
  run(refusal: ServiceError | undefined): void {
    this.begin();
    if (refusal !== undefined) return this.fail(refusal);
    const admitted = this.admit();
    if (isPromise(admitted)) void admitted.then((passes) => (passes ? this.#read() : undefined));
    else if (admitted) this.#read();
  }

  #read(): void {
    const { data } = this.#from.msg;
    const { limits } = this.#plan;
    this.requestBytes = data.length;
    let wire: unknown;
    try {
      if (data.length > limits.maxBodyBytes) throw policyError("too_large");
      wire = this.#plan.read(data);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  protected succeed(response: unknown): void {
    if (!this.#isTold) this.#answer(response);
    this.finish("ok");
  }

  #answer(response: unknown): void {
    const data = this.#plan.write(response);
    // A handler's metadata and hooks are rare: without them an answer is its bytes.
    if (this.hooks.after === undefined && this.outgoingIfAny === undefined) return this.#publish(data, undefined);
    const draft = new Draft(data, []);
    this.after(draft);
    if (this.outgoingIfAny !== undefined) draft.add(this.outgoingIfAny);
    this.#publish(draft.bytes, draft.headers);
  }

  #publish(data: Uint8Array, headers: readonly string[] | undefined): void {
    this.#from.server.publish(this.#from.reply, data, headers);
    this.responseBytes = data.length;
    this.#isTold = true;
  }

  protected override acknowledge(): void {
    if (!this.#isTold) this.#answer(undefined);
    this.#isTold = true;
    this.#from.server.keep(this);
  }

  protected override done(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    this.status = numberOf(error.code);
    if (!this.#isTold) this.#say(this.#encoded(error) ?? this.#failure(error), error);
    this.finish(error.code);
  }

  // Details may be larger than NATS takes: the caller hears of the error all the same.
  #say(draft: Draft, error: ServiceError): void {
    try {
      this.#publish(draft.bytes, draft.headers);
    } catch (thrown) {
      this.report(thrown);
      const bare = bareDraft(error);
      this.#publish(bare.bytes, bare.headers);
    }
  }

  /** The answer as the user's encoder has it, when there is one and what it says can be sent. */
  #encoded(error: ServiceError): Draft | undefined {
    if (this.hooks.errorEncoder === undefined) return undefined;
    const draft = this.#failure(error);
    return this.encodeError(error, draft) && this.guarded(() => void draft.bytes) ? draft : undefined;
  }

  #failure(error: ServiceError): Draft {
    const draft = failureDraft(error, (thrown) => this.report(thrown));
    draft.headers.push(REQUEST_ID, this.requestId);
    if (this.outgoingIfAny !== undefined) draft.add(this.outgoingIfAny);
    return draft;
  }

  /** The caller has taken the request back: it does not wait for an answer. */
  takeBack(): void {
    this.#isTold = true;
    this.abandon(policyError("canceled"));
  }

  protected override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    this.#plan.stats?.count(this.durationMs, this.error);
    if (this.held !== "") this.#from.server.release(this);
  }
}
