/**
 * Places around any function.
 *
 * @module
 */
import type { Context, Subscription } from "../endpoint/index.ts";
import { policyError, ServiceError } from "../errors/index.ts";
import { checkFunction, checkNames } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import type { Slots } from "./concurrency-slots.ts";
import { checkLevel, levelOf, type Criticality } from "./criticality.ts";
import { isAsync } from "./guard-function.ts";
import { Waiter } from "./queue-waiter.ts";

/** What ends a wait for a place, and how much the call matters. */
export interface PlaceOptions {
  /** Calls the wait off: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** The call this is done for: its cancellation ends the wait, and its criticality is kept. Default: none. */
  readonly context?: Context | undefined;
  /** How much it matters when some must be refused. Default: that of the context, else "default". */
  readonly criticality?: Criticality | undefined;
}

/** The two forms around functions that a limit has. */
export interface AroundFunctions {
  /**
   * Calls `fn` once there is a place. When there is one at once a plain value stays plain; who waits gets a promise.
   *
   * @throws {ServiceError} `resource_exhausted` (reason `overloaded`) when there is neither place nor room to wait, and as
   * a rejection when the wait was too long or `fn` is an `async` function.
   */
  run<R>(fn: () => R, options?: PlaceOptions): R | Promise<Awaited<R>>;
  /** A function that is run in this manner each time it is called. */
  wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R | Promise<Awaited<R>>;
}

/** Makes them. */
export function aroundFunctions(slots: Slots): AroundFunctions {
  return {
    run<R>(fn: () => R, options: PlaceOptions = {}): R | Promise<Awaited<R>> {
      checkFunction("run: fn", fn);
      checkNames("run", options, ["signal", "context", "criticality"]);
      // Also where nobody has to wait: a wrong word must not come to light under load only.
      if (options.criticality !== undefined) checkLevel(options.criticality);
      return slots.tryEnter() ? held(slots, fn) : waited(slots, fn, { ...options, rejects: isAsync(fn) });
    },
    wrap<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R | Promise<Awaited<R>> {
      checkFunction("wrap: fn", fn);
      let rejects = isAsync(fn);
      return function withinLimit(this: unknown, ...args: A): R | Promise<Awaited<R>> {
        const call = (): R => fn.apply(this, args);
        if (!slots.tryEnter()) return waited(slots, call, { rejects });
        const result = held(slots, call);
        if (!rejects && isPromise(result)) rejects = true;
        return result;
      };
    },
  };
}

function held<R>(slots: Slots, fn: () => R): R {
  const sinceMs = slots.listener === undefined ? 0 : slots.clock.now();
  let result: R;
  try {
    result = fn();
  } catch (error) {
    over(slots, sinceMs, error);
    throw error;
  }
  if (!isPromise(result)) {
    over(slots, sinceMs, result);
    return result;
  }
  return result.then(
    (value) => {
      over(slots, sinceMs, value);
      return value;
    },
    (error: unknown) => {
      over(slots, sinceMs, error);
      throw error;
    },
  ) as R;
}

function over(slots: Slots, sinceMs: number, result: unknown): void {
  const { listener } = slots;
  if (listener !== undefined) {
    const nowMs = slots.clock.now();
    if (!(result instanceof Error)) listener.sample(nowMs - sinceMs, nowMs);
    else if (ServiceError.is(result)) {
      // A limit on this side that refused says nothing of the upstream.
      if (result.reason === "overloaded" && result.origin !== "policy") listener.pushedBack(nowMs);
      else if (result.origin === "declared" || result.code === "deadline_exceeded")
        listener.sample(nowMs - sinceMs, nowMs);
    }
  }
  slots.leave();
}

interface HowToWait extends PlaceOptions {
  readonly rejects: boolean;
}

function waited<R>(slots: Slots, fn: () => R, how: HowToWait): Promise<Awaited<R>> {
  const { signal, context, criticality, rejects } = how;
  const gone = signal?.aborted === true ? (signal.reason as Error) : context?.canceledBy;
  if (gone !== undefined) return Promise.reject(gone);
  const level = criticality === undefined && context !== undefined ? levelOf(context) : checkLevel(criticality);
  const waiter = new WaitingRun(slots, level, { signal, context });
  if (slots.line.add(waiter)) return waiter.place.then(() => held(slots, fn)) as Promise<Awaited<R>>;
  waiter.settle();
  const error = slots.line.refusal();
  if (rejects) return Promise.reject(error);
  throw error;
}

class WaitingRun extends Waiter {
  readonly place: Promise<void>;
  readonly #signal: AbortSignal | undefined;
  readonly #slots: Slots;
  #subscription: Subscription | undefined = undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(slots: Slots, level: number, { signal, context }: PlaceOptions) {
    super(slots.clock.now(), level);
    this.#slots = slots;
    this.#signal = signal;
    this.place = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener("abort", this, { once: true });
    this.#subscription = context?.onCancel((reason) => this.#leave(reason));
  }

  grant(): boolean {
    this.settle();
    this.#resolve();
    return true;
  }

  refuse(error: ServiceError): void {
    this.settle();
    this.#reject(error);
  }

  handleEvent(): void {
    this.#leave((this.#signal!.reason as Error | undefined) ?? policyError("canceled"));
  }

  #leave(reason: Error): void {
    this.#slots.line.remove(this);
    this.settle();
    this.#reject(reason);
  }

  settle(): void {
    this.#signal?.removeEventListener("abort", this);
    this.#subscription?.cancel();
  }
}
