/**
 * A connection to a broker that comes back by itself, with all that is set up on it. The library's own recovery is not
 * used: it restores connections, but no channel that the broker closed alone; a connection that ends in the same read as
 * its set-up is never noticed; and its timers are the platform's.
 *
 * @module
 */
import type { ChannelModel } from "amqplib";
import { policyError, ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import { batchWrites } from "./batch.ts";
import { cut, opened, type ConnectSettings, type Place } from "./connect.ts";
import { guardHeaders } from "./guard.ts";

/** What a link is made with. `S` is what is set up on each connection. */
export interface LinkOptions<S> {
  readonly place: Place;
  readonly connect: ConnectSettings;
  readonly clock: Clock;
  /** Whether the process stays up for it while it waits to try again. */
  readonly keepsAlive: boolean;
  /** Sets up a new connection. `lost` gives it up, for when something on it broke that is not restored alone. */
  prepare(model: ChannelModel, lost: (error: Error) => void): Promise<S>;
  /** A connection is ready, before anybody uses it. */
  up?(session: S): void;
  /** A connection that was ready is gone. */
  down?(session: S, error: Error): void;
  /** A try to open it failed. */
  failed?(error: ServiceError): void;
}

/** A connection, or the way to the next one. */
export class Link<S> {
  readonly #options: LinkOptions<S>;
  /** What is set up on the connection; undefined while there is none. */
  session: S | undefined = undefined;
  #model: ChannelModel | undefined = undefined;
  #opening: Promise<S> | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #tries = 0;
  /** Since when there has been no try, on the clock. */
  #restsSince = -Infinity;
  #isClosed = false;

  constructor(options: LinkOptions<S>) {
    this.#options = options;
  }

  /** Whether a connection is being opened now. */
  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** Whether another try may be made before its time, because somebody asks for the connection. */
  get mayHurry(): boolean {
    const { clock, connect } = this.#options;
    return !this.#isClosed && clock.now() - this.#restsSince >= connect.delayMs;
  }

  /**
   * Opens the connection, or joins in what is being opened.
   *
   * @throws {ServiceError} unreachable when that fails; the next try comes by itself.
   */
  open(): Promise<S> {
    if (this.session !== undefined) return Promise.resolve(this.session);
    if (this.#isClosed) return Promise.reject(policyError("unreachable", { message: "the connection was closed" }));
    this.#timer?.cancel();
    this.#opening ??= this.#dial().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #dial(): Promise<S> {
    const { place, connect, prepare, up } = this.#options;
    let model: ChannelModel | undefined;
    let over: Error | undefined;
    const timer = this.#options.clock.after(connect.connectTimeoutMs * 2, () => {
      over ??= new Error(`it took longer than ${connect.connectTimeoutMs * 2} ms`);
      if (model !== undefined) cut(model);
    });
    try {
      model = await opened(place, connect);
      this.#model = model;
      const own = model;
      guardHeaders(model);
      batchWrites(model);
      // Its end is told by "close"; without a listener "error" would end the process.
      model.on("error", (error) => void (over ??= error));
      model.on("close", (error) => this.#ended(own, (over ??= error ?? new Error("the connection was closed"))));
      const session = await prepare(model, (error) => {
        over ??= error;
        cut(own);
      });
      // The end may have come in the same read as the last answer.
      if (over !== undefined || this.#isClosed) throw over ?? new Error("the connection was closed");
      this.#tries = 0;
      this.session = session;
      up?.(session);
      return session;
    } catch (thrown) {
      if (model !== undefined) cut(model);
      this.#model = undefined;
      throw this.#failed(over ?? thrown);
    } finally {
      timer.cancel();
    }
  }

  #failed(cause: unknown): ServiceError {
    const error = ServiceError.is(cause) ? cause : unreachable(this.#options.place, cause);
    this.#again();
    this.#options.failed?.(error);
    return error;
  }

  #ended(model: ChannelModel, error: Error): void {
    if (this.#model !== model) return;
    this.#model = undefined;
    const { session } = this;
    // While it is being set up, that fails by itself.
    if (session === undefined) return;
    this.session = undefined;
    this.#options.down?.(session, error);
    this.#again();
  }

  #again(): void {
    const { clock, connect, keepsAlive } = this.#options;
    if (this.#isClosed) return;
    this.#restsSince = clock.now();
    const widthMs = Math.min(connect.maxDelayMs, connect.delayMs * 2 ** Math.min(this.#tries++, 30));
    const delayMs = connect.random.fraction() * widthMs;
    this.#timer = keepsAlive ? clock.after(delayMs, () => this.expire()) : clock.expire(delayMs, this);
  }

  /** It is time for another try. */
  expire(): void {
    this.open().catch(() => undefined);
  }

  /** This connection is the last: when it is lost, no other is opened. */
  stay(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Closes the connection, if there is one, and opens no other. */
  async close(): Promise<void> {
    this.stay();
    const model = this.#model;
    this.session = undefined;
    this.#model = undefined;
    if (model === undefined) return;
    const { clock, connect } = this.#options;
    // A broker that does not listen must not hold anybody.
    const timer = clock.after(connect.connectTimeoutMs, () => cut(model));
    const ended = new Promise<void>((resolve) => void model.once("close", () => resolve()));
    try {
      await Promise.race([model.close(), ended]);
    } catch {
      // It was over already.
    }
    timer.cancel();
  }
}

/** The error for a broker that cannot be reached; addresses and the library's words stay in its cause. */
function unreachable({ shown }: Place, thrown: unknown): ServiceError {
  const cause = new Error(`${shown}: ${thrown instanceof Error ? thrown.message || codeOf(thrown) : String(thrown)}`, {
    cause: thrown,
  });
  return policyError("unreachable", { cause });
}

// Where a name has several addresses, the message is empty.
function codeOf(error: Error): string {
  return String((error as NodeJS.ErrnoException).code ?? error.name);
}
