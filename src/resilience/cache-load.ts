/**
 * Fetching behind a cache: each key once at a time, kept when it has come, and not kept when somebody has called it outdated
 * meanwhile.
 *
 * @module
 */
import { CallContext, Cancellation, type Context, type MethodInfo } from "../endpoint/index.ts";
import { policyError, ServiceError } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { Expiring, Timer } from "../time/index.ts";
import type { CacheSettings } from "./cache-options.ts";
import type { CacheStore } from "./cache-store.ts";
import { markAnswer } from "./mark.ts";
import { SharedContext } from "./single-flight-context.ts";
import { Flight } from "./single-flight-run.ts";
import { share, type AnyEndpoint, type SharedRequest } from "./single-flight.ts";

/** Fetches for one method, or for functions. */
export class CacheLoader {
  readonly #settings: CacheSettings;
  readonly #store: CacheStore;
  readonly #freeze: boolean;
  readonly #flights = new Map<string, Flight>();
  /** What may be kept when it comes. */
  readonly #loading = new Map<string, object>();
  loads = 0;
  failures = 0;

  constructor(settings: CacheSettings, store: CacheStore, method?: MethodInfo) {
    this.#settings = settings;
    this.#store = store;
    this.#freeze = settings.freeze ?? method?.side === "client";
  }

  /** Fetches for a caller, or joins those for whom it is being fetched. */
  fetch(call: SharedRequest): unknown {
    return share(this.#flights, { ...call, next: this.#keeping(call.key, call.next) });
  }

  /**
   * Fetches for nobody in particular, unless it is being fetched, within the time a call may take. Answers with the value when
   * it is there at once.
   */
  refresh({ key, next, request, context }: SharedRequest): unknown {
    if (this.#flights.has(key)) return undefined;
    const flight = new Flight(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    const { clock } = this.#settings;
    const { timeoutMs } = context.method;
    const isSent = context.method.side === "client";
    flight.deadlineMs = clock.now() + timeoutMs;
    flight.hold();
    const result = this.#attempt(
      this.#keeping(key, next),
      request,
      isSent ? context : new SharedContext(flight, context),
    );
    if (!isPromise(result)) return ServiceError.is(result) ? undefined : result;
    const end = new RefreshEnd(flight, isSent ? context : undefined);
    const timer: Timer | undefined = timeoutMs === Infinity ? undefined : clock.expire(timeoutMs, end);
    this.#flights.set(key, flight);
    flight.begin(() => result.finally(() => timer?.cancel()));
    return undefined;
  }

  /** What is being fetched is outdated already: later callers fetch anew. */
  outdate(key: string): void {
    this.#loading.delete(key);
    this.#flights.delete(key);
  }

  outdateAll(): void {
    this.#loading.clear();
    this.#flights.clear();
  }

  #attempt(next: AnyEndpoint, request: unknown, context: Context): unknown {
    try {
      return next(request, context);
    } catch {
      // Counted where it is kept; whoever asks meanwhile gets what is old.
      return undefined;
    }
  }

  #keeping(key: string, next: AnyEndpoint): AnyEndpoint {
    return (request, context) => {
      const token = {};
      this.#loading.set(key, token);
      this.loads++;
      let result: unknown;
      try {
        result = next(request, context);
      } catch (error) {
        this.#failed(key, token, error);
        throw error;
      }
      if (!isPromise(result)) return this.#came(key, token, result);
      return result.then(
        (value) => this.#came(key, token, value),
        (error: unknown) => {
          this.#failed(key, token, error);
          throw error;
        },
      );
    };
  }

  #came(key: string, token: object, value: unknown): unknown {
    if (ServiceError.is(value) && value.origin !== "declared") this.#failed(key, token, value);
    else if (this.#ended(key, token)) this.#store.keep(key, value, { isThrown: false, freeze: this.#freeze });
    // One and the same object may have been answered with when it was old.
    markAnswer(value, "fresh");
    return value;
  }

  #failed(key: string, token: object, error: unknown): void {
    const isAnswer = ServiceError.is(error) && error.origin === "declared";
    if (!isAnswer) this.failures++;
    if (this.#ended(key, token) && isAnswer) this.#store.keep(key, error, { isThrown: true, freeze: false });
  }

  /** False: it was called outdated. */
  #ended(key: string, token: object): boolean {
    return this.#loading.get(key) === token && this.#loading.delete(key);
  }
}

class RefreshEnd implements Expiring {
  readonly #flight: Flight;
  readonly #sent: Context | undefined;

  constructor(flight: Flight, sent: Context | undefined) {
    this.#flight = flight;
    this.#sent = sent;
  }

  expire(): void {
    const reason = policyError("deadline_exceeded");
    this.#flight.cancel(reason);
    // A client's call is over for its caller; its transport still waits and has no timer any more.
    const call = this.#sent instanceof CallContext ? this.#sent.call : undefined;
    if (call instanceof Cancellation) call.cancel(reason);
  }
}
