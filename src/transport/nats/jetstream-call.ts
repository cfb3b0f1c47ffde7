/**
 * One delivery on its way through the server.
 *
 * @module
 */
import type { Outcome, ServiceError } from "../../errors/index.ts";
import { policyError } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import { ServerCall } from "../server-call.ts";
import { numberOf } from "./code.ts";
import type { NatsDraft } from "./message.ts";
import type { JetStreamPlan } from "./jetstream-consumer.ts";
import { DeliveryView, type Delivery, type JetStreamMessage } from "./jetstream-delivery.ts";

/** Who settles deliveries when their calls are over. */
export interface DeliveryHost {
  readonly limits: Limits;
  readonly hooks: Hooks<JetStreamMessage, NatsDraft>;
  /** The handler is done. */
  succeeded(call: JetStreamCall): void;
  /** It is not, and `isUnreadable` says that the message itself is at fault. */
  failed(call: JetStreamCall, error: ServiceError, isUnreadable: boolean): void;
}

/** Drives one delivery. */
export class JetStreamCall extends ServerCall<JetStreamMessage, NatsDraft> {
  readonly #plan: JetStreamPlan;
  readonly #host: DeliveryHost;
  /** The latest one: the message may be delivered again while its handler still works. */
  delivery: Delivery;
  /** When JetStream last heard of it. */
  heardMs: number;
  #isUnreadable = false;

  constructor(
    plan: JetStreamPlan,
    delivery: Delivery,
    from: { readonly host: DeliveryHost; readonly startMs: number },
  ) {
    const { info, around } = plan.bound;
    const { host, startMs } = from;
    const start = {
      startMs,
      timeoutMs: info.timeoutMs,
      transport: "jetstream",
      incoming: delivery,
      values: around.values,
    };
    super(plan.bound, start, host.hooks);
    this.#plan = plan;
    this.#host = host;
    this.delivery = delivery;
    this.heardMs = startMs;
    this.target = delivery.msg.subject;
    this.requestBytes = delivery.msg.data.length;
  }

  get request(): JetStreamMessage {
    return new DeliveryView(this.delivery);
  }

  /** Takes the message through the pipeline; `problem` is what is wrong with it before it is looked into. */
  run(problem: ServiceError | undefined): void {
    this.begin();
    if (problem !== undefined) {
      this.#isUnreadable = true;
      return this.fail(problem);
    }
    const admitted = this.admit();
    if (isPromise(admitted)) void admitted.then((passes) => (passes ? this.#read() : undefined));
    else if (admitted) this.#read();
  }

  #read(): void {
    const { data } = this.delivery.msg;
    let wire: unknown;
    try {
      if (data.length > this.#host.limits.maxBodyBytes) throw policyError("too_large");
      wire = this.#plan.read(data);
    } catch (error) {
      this.#isUnreadable = true;
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  protected succeed(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    this.status = numberOf(error.code);
    this.finish(error.code);
  }

  protected override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    super.finish(outcome);
    if (this.error === undefined) this.#host.succeeded(this);
    else this.#host.failed(this, this.error, this.#isUnreadable);
  }
}
