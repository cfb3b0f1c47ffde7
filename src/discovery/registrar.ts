/**
 * Makes an instance known to a registry and keeps it known, for ever, until the service stops.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import { backOff } from "../internal/back-off.ts";
import { sleep } from "../time/index.ts";
import { instance as instanceOf, type Instance, type InstanceInput } from "./instance.ts";
import {
  registrarSettings,
  type RegistrarOptions,
  type RegistrarSettings,
  type Registration,
  type RegistrationState,
} from "./registrar-options.ts";
import { RegistrarTelling } from "./registrar-telling.ts";
import { registryCall } from "./registry-call.ts";
import { asError } from "./watch-loop.ts";
import { LostRegistration } from "./watch.ts";

/** What of an instance may change while it runs. */
export type InstanceUpdate = Pick<InstanceInput, "metadata" | "tags" | "weight" | "health">;

/** Keeps one instance registered. A member of a run group; stands behind the servers in it, so that their ports are known. */
export interface Registrar extends AsyncDisposable {
  /** For people, e.g. `register consul add`. */
  readonly name: string;
  readonly registration: Registration;
  /** What is made known; undefined before `start`. */
  readonly instance: Instance | undefined;
  /**
   * Begins, and resolves when the instance is registered or `startMs` are over: then it goes on in the background. `addresses`
   * are for an `instance` that is a function; a run group gives them.
   *
   * @throws when the instance cannot be made, or it is `required` and was not registered.
   */
  start(signal?: AbortSignal, addresses?: readonly string[]): Promise<void>;
  /**
   * Changes what is known of the instance, in place. Resolves when the registry has it, or the registrar is closed.
   *
   * @throws {RangeError} at once, when the change makes no sense.
   */
  update(change: InstanceUpdate): Promise<void>;
  /** Tells callers to go elsewhere, by `onDrain`. Called by a run group when it begins to stop, before its servers drain. */
  leave(deadline?: AbortSignal): Promise<void>;
  /** The same as `leave`, for those who have no run group. */
  drain(deadline?: AbortSignal): Promise<void>;
  /** Takes the instance out, within `closeMs`, and frees everything. Never rejects: `registration` tells. */
  close(): Promise<void>;
}

/**
 * Keeps an instance registered: tried with jittered back-off until it succeeds, told to live at the announcer's pace, registered again
 * whenever the registry has forgotten it, taken out on stop. (Go kit `sd/registrar.go`, whose registrations do not outlive
 * their lease.)
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { registrar } from "servicekit/discovery";
 *
 * const known = new Set<string>();
 * const mine = registrar({
 *   announcer: {
 *     name: "my registry",
 *     renewMs: 5000,
 *     register: async ({ id }) => void known.add(id),
 *     renew: async () => {},
 *     deregister: async ({ id }) => void known.delete(id),
 *   },
 *   instance: () => "10.0.0.1:8081",
 * });
 * await mine.start();
 * [...known]; // => ["10.0.0.1:8081"]
 * await mine.close();
 * known.size; // => 0
 * ```
 */
export function registrar(options: RegistrarOptions): Registrar {
  return new KeptRegistration(options, registrarSettings(options));
}

const MAX_LEAVES = 3;

class KeptRegistration implements Registrar {
  readonly name: string;
  #registration: Registration;
  #instance: Instance | undefined = undefined;
  #patch: InstanceUpdate = {};
  /** Raised by each change; what the registry has is `#doneRevision`. */
  #revision = 0;
  #doneRevision = 0;
  #hasAsked = false;
  #wasRegistered = false;
  #loop: Promise<void> | undefined = undefined;
  #left: Promise<void> | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  #nap = new AbortController();
  readonly #off = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #settings: RegistrarSettings;
  readonly #telling: RegistrarTelling;

  constructor(options: RegistrarOptions, settings: RegistrarSettings) {
    this.name = `register ${settings.announcer.name}`;
    this.#settings = settings;
    this.#telling = new RegistrarTelling(this.name, options);
    this.#registration = { state: "registering", sinceMs: settings.clock.now(), error: undefined };
  }

  get registration(): Registration {
    return this.#registration;
  }

  get instance(): Instance | undefined {
    return this.#instance;
  }

  async start(signal?: AbortSignal, addresses: readonly string[] = []): Promise<void> {
    if (this.#loop !== undefined || this.#closed !== undefined) return;
    const { given, startMs, required } = this.#settings;
    this.#loop = Promise.resolve();
    try {
      const made = typeof given === "function" ? await given(...addresses) : given;
      if (this.#closed !== undefined) return;
      const input: InstanceInput = typeof made === "string" ? { address: made } : made;
      this.#instance = instanceOf({ ...input, ...this.#patch });
    } catch (error) {
      // Nobody closes what did not start.
      await this.close();
      throw error;
    }
    this.#loop = this.#run();
    await this.#until(() => this.#wasRegistered, startMs, signal);
    if (this.#wasRegistered || !required) return;
    const cause = this.#registration.error;
    await this.close();
    throw policyError("unreachable", { message: `${this.name} did not succeed within ${startMs} ms`, cause });
  }

  update(change: InstanceUpdate): Promise<void> {
    if (this.#off.signal.aborted) return Promise.resolve();
    // Checked before anything is changed, also where the address is not known yet.
    const next = instanceOf({ address: "-", ...this.#instance, ...change });
    this.#patch = { ...this.#patch, ...change };
    if (this.#instance === undefined) return Promise.resolve();
    this.#instance = next;
    const revision = ++this.#revision;
    this.#nap.abort();
    return this.#until(() => this.#doneRevision >= revision, Infinity, undefined);
  }

  leave(deadline?: AbortSignal): Promise<void> {
    return (this.#left ??= this.#leave(deadline));
  }

  drain(deadline?: AbortSignal): Promise<void> {
    return this.leave(deadline);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Registers and renews until it is called off. */
  async #run(): Promise<void> {
    const { announcer, clock, random, retry } = this.#settings;
    const off = this.#off.signal;
    let [attempt, isKnown] = [0, false];
    while (!off.aborted) {
      try {
        if (!isKnown || this.#doneRevision < this.#revision) {
          await this.#register(isKnown);
          isKnown = true;
        } else await this.#call("renewing", (signal) => announcer.renew(this.#instance!, signal), false);
        attempt = 0;
        if (this.#registration.state === "lost") this.#regained();
        if (this.#doneRevision >= this.#revision) await this.#rest(announcer.renewMs * (0.9 + 0.2 * random.fraction()));
      } catch (thrown) {
        if (off.aborted) return;
        const error = asError(thrown, announcer.name);
        this.#failed(error);
        const isForgotten = isKnown && error.name === LostRegistration.name;
        if (isForgotten) isKnown = false;
        // Everybody was forgotten at the same moment: not at once, but soon.
        const range = isForgotten ? { baseMs: Math.min(500, announcer.renewMs), maxMs: retry.maxMs } : retry;
        const delayMs = backOff(isForgotten ? 1 : ++attempt, range, random);
        this.#telling.event({ kind: "retry", registrar: this.name, error, delayMs });
        await sleep(delayMs, { clock, signal: off, keepsAlive: false }).catch(() => undefined);
      }
    }
  }

  async #register(isUpdate: boolean): Promise<void> {
    const { announcer } = this.#settings;
    const [instance, revision] = [this.#instance!, this.#revision];
    this.#hasAsked = true;
    await this.#call("registering", (signal) => announcer.register(instance, signal), false);
    this.#doneRevision = revision;
    if (isUpdate) this.#telling.event({ kind: "updated", registrar: this.name, instance });
    else this.#regained();
    this.#wake();
  }

  #regained(): void {
    const isAgain = this.#wasRegistered;
    this.#wasRegistered = true;
    this.#become(this.#left === undefined ? "registered" : "draining", undefined);
    this.#telling.event({ kind: "registered", registrar: this.name, instance: this.#instance!, isAgain });
  }

  #failed(error: Error): void {
    const { state } = this.#registration;
    if (state === "registered") this.#telling.event({ kind: "lost", registrar: this.name, error });
    this.#become(state === "registered" ? "lost" : state, error);
  }

  async #leave(deadline: AbortSignal | undefined): Promise<void> {
    if (this.#instance === undefined || this.#off.signal.aborted) return;
    this.#become("draining", this.#registration.error);
    this.#telling.event({ kind: "draining", registrar: this.name });
    if (this.#settings.onDrain === "deregister") return this.#deregister(deadline);
    void this.update({ health: "draining" });
    const revision = this.#revision;
    await this.#until(() => this.#doneRevision >= revision, this.#settings.closeMs, deadline);
  }

  /** Ends the loop and takes the instance out. */
  async #deregister(deadline: AbortSignal | undefined): Promise<void> {
    if (this.#off.signal.aborted) return;
    this.#off.abort(policyError("canceled", { message: `${this.name} is closed` }));
    this.#nap.abort();
    // One request at a time: a registration that arrives after its end would stay for ever.
    await this.#loop;
    this.#wake();
    const off = new AbortController();
    const cut = (): void => off.abort(deadline!.reason);
    if (deadline?.aborted === true) cut();
    deadline?.addEventListener("abort", cut, { once: true });
    const error = this.#hasAsked ? await this.#takeOut(off.signal) : undefined;
    deadline?.removeEventListener("abort", cut);
    this.#become("gone", error);
    this.#telling.event({ kind: "gone", registrar: this.name, error });
  }

  /** Tries a few times; gives what went wrong last. */
  async #takeOut(off: AbortSignal): Promise<Error | undefined> {
    const { announcer, clock, random, retry, callMs, closeMs } = this.#settings;
    const untilMs = clock.now() + closeMs;
    for (let attempt = 1; ; attempt++) {
      let error: Error;
      try {
        const bounds = { clock, ms: Math.min(callMs, untilMs - clock.now()), off, keepsAlive: true };
        await registryCall(
          `${announcer.name}: deregistering`,
          (signal) => announcer.deregister(this.#instance!, signal),
          bounds,
        );
        return undefined;
      } catch (thrown) {
        error = asError(thrown, announcer.name);
      }
      const delayMs = backOff(attempt, retry, random);
      if (attempt === MAX_LEAVES || clock.now() + delayMs >= untilMs) return error;
      // Somebody waits for the stop: the process may not end in between.
      await sleep(delayMs, { clock, signal: off }).catch(() => undefined);
      if (off.aborted || clock.now() >= untilMs) return error;
    }
  }

  async #close(): Promise<void> {
    const { announcer, clock, closeMs } = this.#settings;
    await this.#left;
    if (this.#instance === undefined) this.#off.abort();
    await this.#deregister(undefined);
    const bounds = { clock, ms: closeMs, off: new AbortController().signal, keepsAlive: true };
    await registryCall(`closing ${announcer.name}`, async () => announcer.close?.(), bounds).catch((error: unknown) =>
      this.#become("gone", asError(error, announcer.name)),
    );
  }

  #call(what: string, work: (signal: AbortSignal) => Promise<void>, keepsAlive: boolean): Promise<void> {
    const { announcer, clock, callMs: ms } = this.#settings;
    return registryCall(`${announcer.name}: ${what}`, work, { clock, ms, off: this.#off.signal, keepsAlive });
  }

  /** Until it is time, a change is to be told, or the end. */
  async #rest(ms: number): Promise<void> {
    // It may have been called off after the last answer came, and before this went on.
    if (this.#off.signal.aborted) return;
    this.#nap = new AbortController();
    const { signal } = this.#nap;
    await sleep(ms, { clock: this.#settings.clock, signal, keepsAlive: false }).catch(() => undefined);
  }

  /** Resolves when it is so, when the time is over, or nothing will come of it any more. */
  #until(isSo: () => boolean, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#settings;
    return new Promise((resolve) => {
      if (isSo() || signal?.aborted === true || this.#off.signal.aborted) return resolve();
      const timer = ms === Infinity ? undefined : clock.expire(ms, { keepsAlive: true, expire: end });
      const look = (): void => void ((isSo() || this.#off.signal.aborted) && end());
      const waiting = this.#waiting;
      function end(): void {
        timer?.cancel();
        waiting.delete(look);
        signal?.removeEventListener("abort", end);
        resolve();
      }
      waiting.add(look);
      signal?.addEventListener("abort", end, { once: true });
    });
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }

  #become(state: RegistrationState, error: Error | undefined): void {
    const before = this.#registration;
    const sinceMs = before.state === state ? before.sinceMs : this.#settings.clock.now();
    this.#registration = { state, sinceMs, error };
  }
}
