/**
 * A request whose body is on its way: what becomes of it when the body does not come whole.
 *
 * @module
 */
import type { ServiceError } from "../../errors/index.ts";
import { readBody, type BodyReader } from "../http/body.ts";
import type { Hanging } from "../http/connection.ts";
import { statusOf } from "../http/status.ts";
import type { Delivery } from "./delivery.ts";

/** Who waits for the body; told one thing, once. */
export interface Receiver {
  arrived(body: Buffer | undefined): void;
  /** It is too large, came too slowly, went wrong half-way, or its sender left. */
  refused(status: number, error: ServiceError): void;
}

/** Reads the body of a delivery, at most `maxBytes`. */
export function receive(delivery: Delivery, maxBytes: number, receiver: Receiver): void {
  const receiving = new Receiving(delivery, receiver);
  delivery.connection.add(receiving);
  readBody(delivery.request, maxBytes, receiving);
}

class Receiving implements Hanging, BodyReader {
  readonly #delivery: Delivery;
  readonly #receiver: Receiver;
  #isOver = false;

  constructor(delivery: Delivery, receiver: Receiver) {
    this.#delivery = delivery;
    this.#receiver = receiver;
  }

  get isReceived(): boolean {
    return this.#delivery.request.complete;
  }

  arrived(body: Buffer | undefined): void {
    if (this.#ends()) this.#receiver.arrived(body);
  }

  refused(error: ServiceError): void {
    if (this.#ends()) this.#receiver.refused(statusOf(error), error);
  }

  fail(error: ServiceError): void {
    this.refused(error);
  }

  abandon(reason: ServiceError): void {
    this.refused(reason);
  }

  #ends(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#delivery.connection.remove(this);
    return true;
  }
}
