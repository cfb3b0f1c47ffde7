/**
 * The way from a simulated client to a simulated instance: a transport like any other, which takes no time itself.
 *
 * @module
 */
import type { ActiveCall, Subscription } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Clock } from "../time/index.ts";
import type { ClientTransport, StreamSender, UnarySender } from "../transport/index.ts";
import type { SimulatedRequest } from "./contract.ts";
import { OK, type Recorder } from "./recorder.ts";
import type { Serving } from "./serving.ts";
import type { Site, Work } from "./site.ts";

/** An instance with what stands before it. */
export interface Place {
  readonly site: Site;
  /** undefined: nothing. */
  readonly serving: Serving | undefined;
}

/** What all attempts share. */
export interface Wire {
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** By address. */
  readonly places: ReadonlyMap<string, Place>;
}

/** A transport to simulated instances. `counts`: whether its requests are those of the scenario's load. */
export function simulatedTransport(wire: Wire, counts: boolean): ClientTransport {
  return {
    name: "simulated",
    "~client": true,
    open(_service, address) {
      // Found at the first call: clients of instances are made while not all instances are.
      let place: Place | undefined;
      return {
        unary(method): UnarySender {
          return (request, call) =>
            new Promise((resolve, reject) => {
              const { id } = request as SimulatedRequest;
              place ??= wire.places.get(address)!;
              const sent = new Sent(wire, place, { call, resolve, reject, id: counts ? id : -1 });
              sent.begin(method, request as SimulatedRequest);
            });
        },
        stream(): StreamSender {
          throw policyError("unknown_method");
        },
        close: () => Promise.resolve(),
      };
    },
  };
}

interface Sending {
  readonly call: ActiveCall;
  readonly id: number;
  resolve(value: unknown): void;
  reject(error: ServiceError): void;
}

/** One attempt under way. */
class Sent implements Work {
  readonly #wire: Wire;
  readonly #place: Place;
  readonly #sending: Sending;
  readonly #attempt: number;
  #link: Subscription | undefined = undefined;
  #abandon: ((reason: ServiceError) => void) | undefined = undefined;
  #isOver = false;
  isGone = false;

  constructor(wire: Wire, place: Place, sending: Sending) {
    this.#wire = wire;
    this.#place = place;
    this.#sending = sending;
    this.#attempt = wire.recorder.attempt(wire.clock.now(), sending.id, place.site.place);
    sending.call.peer = place.site.address;
  }

  begin(method: string, request: SimulatedRequest): void {
    const { call } = this.#sending;
    const { site, serving } = this.#place;
    this.#link = call.onCancel((reason) => this.#calledOff(reason));
    if (this.#isOver) return;
    // Whoever stands still, hangs or is gone has no server that could say so.
    if (serving === undefined || site.condition.isDown || site.condition.hangs) return site.accept(this);
    const timeoutMs = call.context.deadlineMs - this.#wire.clock.now();
    const metadata = call.outgoingIfAny;
    this.#abandon = serving.accept(method, { request, timeoutMs, attempt: call.attempt, metadata }, this);
  }

  done(error: ServiceError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#link?.cancel();
    const { recorder, clock } = this.#wire;
    recorder.attemptEnded(this.#attempt, clock.now(), error === undefined ? OK : recorder.outcomeOf(error));
    if (error === undefined) this.#sending.resolve(null);
    else this.#sending.reject(error);
  }

  #calledOff(reason: ServiceError): void {
    this.isGone = this.#place.site.backend.dropsCanceled === true;
    this.done(reason);
    this.#abandon?.(policyError("canceled"));
  }
}
