/**
 * A connection to NATS that is made when it is first wanted, comes back by itself, and tells when it is gone.
 *
 * @module
 */
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  type QueuedIterator,
  type Status,
} from "@nats-io/transport-node";
import type { Cancellation } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { shown } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";

/** The package's own options, but for the addresses. */
export type ConnectOptions = Omit<NodeConnectionOptions, "servers" | "port">;

/** Who is told of a connection. */
export interface LinkOwner {
  /** It is there for the first time, or a new one after one that had ended. */
  connected(connection: NatsConnection): void;
  /** It is lost; it may come back. */
  lost(): void;
  /** It is back, with its subscriptions. */
  back(): void;
  /** It is over and does not come back. */
  ended(error: Error | undefined): void;
}

/** Where a connection comes from. */
export type LinkSource =
  | { readonly connection: NatsConnection }
  | { readonly servers: readonly string[]; readonly options: ConnectOptions };

/**
 * How we connect unless told otherwise: for ever, since a service without its connection is none, and within a second
 * of the server's return, spread so that not all come at once; a dead server is noticed in half a minute, not in four.
 * Who is not let in tries on as well: credentials are changed while services run, on one side first.
 */
const DEFAULTS: ConnectOptions = {
  timeout: 2000,
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: 250,
  reconnectJitter: 500,
  reconnectJitterTLS: 500,
  pingInterval: 10_000,
  noAsyncTraces: true,
};

/** Longer than this nobody waits for bytes to go out at an end. */
const FLUSH_MS = 1000;

interface Waiter {
  resolve(connection: NatsConnection): void;
  reject(error: ServiceError): void;
}

/** A connection, made or given. */
export class Link {
  readonly #source: LinkSource;
  readonly #owner: LinkOwner;
  #connection: NatsConnection | undefined = undefined;
  #connecting: Promise<NatsConnection> | undefined = undefined;
  #statuses: AsyncIterable<Status> | undefined = undefined;
  readonly #waiting = new Set<Waiter>();
  #isUp = false;
  #isClosed = false;

  constructor(source: LinkSource, owner: LinkOwner) {
    this.#source = source;
    this.#owner = owner;
  }

  /** The connection while it stands; undefined before it was made, and while it is lost. */
  get up(): NatsConnection | undefined {
    return this.#isUp ? this.#connection : undefined;
  }

  /** Whether there was one, and it is lost for now. */
  get isLost(): boolean {
    return this.#connection !== undefined && !this.#isUp;
  }

  /** How many wait until it is back. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * The connection, once it stands.
   *
   * @param call what wants it, and may be called off while it waits for a connection that is lost.
   * @throws {ServiceError} unreachable.
   */
  ready(call?: Cancellation): Promise<NatsConnection> {
    if (this.#isClosed) return Promise.reject(policyError("unreachable", { message: "the connection is closed" }));
    const connection = this.#connection;
    if (connection !== undefined && this.#isUp) return Promise.resolve(connection);
    if (connection?.isClosed() === true) return Promise.reject(policyError("unreachable"));
    if (connection !== undefined) return this.#comesBack(call);
    return (this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined)));
  }

  // Whoever has given up leaves the list: an outage may be long.
  #comesBack(call: Cancellation | undefined): Promise<NatsConnection> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      this.#waiting.add(waiter);
      call?.onCancel((reason) => {
        if (this.#waiting.delete(waiter)) reject(reason);
      });
    });
  }

  #tell(tell: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiting) tell(waiter);
    this.#waiting.clear();
  }

  async #connect(): Promise<NatsConnection> {
    const source = this.#source;
    let connection: NatsConnection;
    try {
      connection =
        "connection" in source
          ? source.connection
          : await connect({ ...DEFAULTS, ...source.options, servers: [...source.servers] });
    } catch (cause) {
      throw policyError("unreachable", { cause });
    }
    if (this.#isClosed || connection.isClosed()) {
      if (this.#isOwn) await connection.close();
      throw policyError("unreachable", { message: "the connection is closed" });
    }
    this.#connection = connection;
    this.#isUp = true;
    void this.#watch(connection);
    this.#owner.connected(connection);
    return connection;
  }

  get #isOwn(): boolean {
    return "servers" in this.#source;
  }

  /** Where it leads, for people; addresses hold no passwords. */
  get where(): string {
    return "servers" in this.#source ? this.#source.servers.join(", ") : "the connection that was given";
  }

  async #watch(connection: NatsConnection): Promise<void> {
    this.#statuses = connection.status();
    void connection.closed().then((error) => this.#ended(connection, error instanceof Error ? error : undefined));
    for await (const { type } of this.#statuses) {
      if (this.#connection !== connection) return;
      if (type === "disconnect" && this.#isUp) {
        this.#isUp = false;
        this.#owner.lost();
      } else if (type === "reconnect" && !this.#isUp) {
        this.#isUp = true;
        this.#tell(({ resolve }) => resolve(connection));
        this.#owner.back();
      }
    }
  }

  #ended(connection: NatsConnection, error: Error | undefined): void {
    if (this.#connection !== connection) return;
    const wasUp = this.#isUp;
    this.#isUp = false;
    // The next call may make a new one; somebody else's is not ours to replace.
    if (this.#isOwn) this.#connection = undefined;
    this.#tell(({ reject }) => reject(policyError("unreachable", { cause: error })));
    if (wasUp) this.#owner.lost();
    if (!this.#isClosed) this.#owner.ended(error);
  }

  /** Sees to it that what was published is with the server, if that can be had within a second. */
  async flush(clock: Clock): Promise<void> {
    const { up } = this;
    if (up === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = clock.after(FLUSH_MS, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      up.flush().then(done, done);
    });
  }

  /** Lets go of the connection, and closes it when we made it. */
  async close(clock: Clock): Promise<void> {
    if (this.#isClosed) return;
    await this.flush(clock);
    this.#isClosed = true;
    await this.#connecting?.catch(() => undefined);
    (this.#statuses as QueuedIterator<Status> | undefined)?.stop();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isUp = false;
    this.#tell(({ reject }) => reject(policyError("unreachable")));
    if (this.#isOwn) await connection?.close();
  }
}

/** The servers that an address names: `nats://a:4222`, or several joined by commas. */
export function serversOf(name: string, given: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given)
    ? given
    : typeof given === "string"
      ? given.split(",")
      : [given];
  if (list.length === 0) throw new RangeError(`${name} should name a server, got none`);
  return list.map((one) => {
    const address = typeof one === "string" ? one.trim() : one;
    if (typeof address === "string" && ADDRESS.test(address)) return address;
    // The package would pass over them in silence, and what is shown here is logged.
    if (typeof address === "string" && address.includes("@"))
      throw new RangeError(
        `${name} should hold no user and no password: connect takes them, { user, pass } or { token }`,
      );
    throw new RangeError(`${name} should be addresses as nats://127.0.0.1:4222, got ${shown(one)}`);
  });
}

const ADDRESS = /^(?:(?:nats|tls):\/\/)?(?:[^\s@/:[\]]+|\[[\da-f:.]+\])(?::\d{1,5})?\/?$/i;
