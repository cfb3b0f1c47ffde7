/**
 * Calls that wait for a reply on a connection they share, found again by a number of their own. A reply that comes when
 * nobody waits any more is nobody's: it is never given to another call.
 *
 * @module
 */
import type { ActiveCall, Subscription } from "../endpoint/index.ts";
import type { ServiceError } from "../errors/index.ts";

/** Who waits for an answer. */
export interface Waiting {
  readonly call: ActiveCall;
  resolve(wire: unknown): void;
  reject(error: ServiceError): void;
}

/** A call and its number. It is settled once. */
export class PendingCall<W extends Waiting = Waiting> {
  readonly id: number;
  readonly waiting: W;
  readonly #among: Pending<W>;
  #subscription: Subscription | undefined = undefined;

  constructor(id: number, waiting: W, among: Pending<W>) {
    this.id = id;
    this.waiting = waiting;
    this.#among = among;
  }

  /** Begins to listen for its being called off, which may have happened. */
  listen(): void {
    this.#subscription = this.waiting.call.onCancel((reason) => this.reject(reason));
  }

  resolve(wire: unknown): void {
    if (this.#leave()) this.waiting.resolve(wire);
  }

  reject(error: ServiceError): void {
    if (this.#leave()) this.waiting.reject(error);
  }

  #leave(): boolean {
    this.#subscription?.cancel();
    return this.#among.remove(this);
  }
}

/** The calls that wait on one connection. */
export class Pending<W extends Waiting = Waiting> {
  readonly #calls = new Map<number, PendingCall<W>>();
  #lastId = 0;
  #idle: (() => void)[] = [];

  get size(): number {
    return this.#calls.size;
  }

  /** Lets a call wait, until it is settled or called off. */
  add(waiting: W): PendingCall<W> {
    // Never used again within 2^53 calls, so that a late reply finds nobody.
    const call = new PendingCall(++this.#lastId, waiting, this);
    this.#calls.set(call.id, call);
    call.listen();
    return call;
  }

  /** The call that waits under a number; undefined when none does any more. */
  get(id: number): PendingCall<W> | undefined {
    return this.#calls.get(id);
  }

  /** Takes a call out; false when it was out already. */
  remove(call: PendingCall<W>): boolean {
    if (!this.#calls.delete(call.id)) return false;
    if (this.#calls.size === 0 && this.#idle.length > 0) {
      for (const resolve of this.#idle) resolve();
      this.#idle = [];
    }
    return true;
  }

  /** The connection is gone: no reply will come. */
  failAll(error: ServiceError): void {
    for (const call of [...this.#calls.values()]) call.reject(error);
  }

  /** Resolves when nobody waits. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
