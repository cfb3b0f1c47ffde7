/**
 * What a client of a registry is, and may be told.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../time/index.ts";
import type { RegistryTls } from "./targets.ts";

/** Headers that go with every request: given once, or asked for before each. */
export type RegistryHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** How a registry is reached. */
export interface RegistryHttpOptions {
  /**
   * URLs, several as a list or joined by commas. One that answered is asked again; when it cannot be reached, is silent
   * or answers with a status from 500 on, the next one is. A path stands before every request's; user and password go as
   * `Authorization: Basic`. Without a scheme: `https` when `tls` is given, else `http`.
   */
  readonly servers: string | readonly string[];
  /** For https. Default: the platform's authorities. */
  readonly tls?: RegistryTls | undefined;
  /**
   * A token, for instance. A function is asked before each request, so that what it reads may change, for `timeoutMs` at most.
   * Default: none.
   */
  readonly headers?: RegistryHeaders | undefined;
  /**
   * How long a server may take until the head of its answer, connecting included, and then between two parts of it; 1 ms to
   * an hour. Default: 5 s: a registry in reach takes milliseconds, and the next server should still get its chance.
   */
  readonly timeoutMs?: number | undefined;
  /** The largest answer, and the longest line of a stream, 1 byte to 1 GiB. Default: 16 MiB, some 20,000 instances. */
  readonly maxBytes?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** One request. */
export interface RegistryRequest {
  /** Default: "GET". */
  readonly method?: string | undefined;
  /** From the `/` on, its parts encoded. */
  readonly path: string;
  /** Undefined values are left out; a list becomes the name several times. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>> | undefined;
  /** Text and bytes go as they are, anything else as JSON. Default: none. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Ends the request at once, its connection too. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's. A long poll needs its own. */
  readonly timeoutMs?: number | undefined;
  /** Whether the process goes on for it. Default: true unless the method is GET: who writes wants to know what became of it. */
  readonly keepsAlive?: boolean | undefined;
  /**
   * Asks one server only, and once: when that fails, the next request goes to the next server. For long polls, since what
   * they wait for may mean nothing to another server, or to the same one after a restart. Default: false.
   */
  readonly isOnce?: boolean | undefined;
}

/** A request whose answer goes on and on. */
export interface RegistryStreamRequest extends RegistryRequest {
  /** Called when the server has accepted it, before the first line. */
  readonly onOpen?: (() => void) | undefined;
}

/** An answer with a status below 300. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /**
   * The body parsed.
   *
   * @throws {RegistryError} when it is not JSON.
   */
  json(): unknown;
}

/** A client of one registry. */
export interface RegistryHttp {
  /**
   * Asks, and reads the whole answer.
   *
   * @throws {RegistryError} when no server answers, the answer's status is 300 or more, or it is too large.
   * @throws the signal's reason when it aborts.
   */
  request(request: RegistryRequest): Promise<RegistryAnswer>;
  /**
   * Asks, and gives each line of the answer parsed as JSON; ends when the server ends it well. Leaving the loop closes the
   * connection. Never keeps the process alive unless `keepsAlive` says so.
   *
   * @throws {RegistryError} as `request` does, and when a line is not JSON or longer than `maxBytes`.
   * @throws the signal's reason when it aborts.
   */
  stream(request: RegistryStreamRequest): AsyncGenerator<unknown, void, undefined>;
  /** Closes the connections that nobody uses, for instance when a watch has ended. The next request makes a new one. */
  closeIdle(): void;
  /** Closes all connections; what is under way fails. Twice is as good as once. */
  close(): void;
}
