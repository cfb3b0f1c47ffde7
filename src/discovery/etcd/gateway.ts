/**
 * etcd's JSON gateway: the few calls that discovery needs, over HTTP/1.1. Its numbers of 64 bits are strings, its keys and
 * values base64, and a token that has expired is asked for again.
 *
 * @module
 */
import { checkString } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import type { RegistryConnection } from "../http/connection.ts";
import { registryHttp, RegistryError, type RegistryHttp } from "../http/index.ts";

/** How etcd is reached. */
export interface EtcdConnection extends Omit<RegistryConnection, "http"> {
  /**
   * The members' client URLs, one or several (a list, or joined by commas): when one cannot be asked, the next one is.
   * Default: `http://127.0.0.1:2379`.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** A user of etcd's own, when it has authentication on. Default: none. */
  readonly user?: string | undefined;
  /** The user's password; needed with `user`. */
  readonly password?: string | undefined;
}

/** The names of these options. */
export const ETCD_CONNECTION: readonly (keyof EtcdConnection)[] = ["servers", "tls", "user", "password", "timeoutMs"];

/** A key with its value, as etcd writes it. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly lease?: string;
}

/** What stands over every answer. */
export interface Header {
  readonly cluster_id: string;
  readonly revision?: string;
}

/** What a range holds. */
export interface RangeAnswer {
  readonly header: Header;
  readonly kvs?: readonly KeyValue[];
  readonly count?: string;
}

/** One message of a watch. */
export interface WatchMessage {
  readonly header: Header;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly compact_revision?: string;
  readonly fragment?: boolean;
  readonly events?: readonly { readonly type?: string; readonly kv: KeyValue }[];
}

/** Who asks, and the token that etcd gave for it: shared by all connections of a source, since making one takes etcd a tenth of a second. */
interface Login {
  readonly name: string;
  readonly password: string;
  token: string | undefined;
}

/** Checks the options, and makes what opens connections by them: each run of a watch has its own. */
export function gatewayOf(options: EtcdConnection, clock: Clock | undefined, otherMs: number): () => Gateway {
  const { servers = "http://127.0.0.1:2379", tls, user, password, timeoutMs = otherMs } = options;
  if (user === undefined && password !== undefined) throw new RangeError("password should have a user beside it");
  const login: Login | undefined =
    user === undefined
      ? undefined
      : { name: checkString("user", user), password: checkString("password", password ?? ""), token: undefined };
  // A list of 10,000 instances is some 8 MB in base64.
  const open = (): RegistryHttp => registryHttp({ servers, tls, timeoutMs, clock, maxBytes: 2 ** 26 });
  open().close();
  return () => new Gateway(open(), login);
}

interface Bounds {
  readonly signal: AbortSignal;
  /** Whether the process goes on for it. Default: true. */
  readonly keepsAlive?: boolean;
}

/** A client of one cluster. */
export class Gateway {
  readonly #http: RegistryHttp;
  readonly #login: Login | undefined;

  constructor(http: RegistryHttp, login: Login | undefined) {
    this.#http = http;
    this.#login = login;
  }

  /** Asks once, and once more with a new token when etcd knows the old one no more. */
  async ask<T>(path: string, body: object, more: Bounds): Promise<T> {
    return this.#allowed(more, async (headers) => {
      const answer = await this.#http.request({ method: "POST", path, body, headers, ...more });
      return answer.json() as T;
    });
  }

  /** The messages of a watch, until the signal aborts or etcd ends it. */
  async *watch(create: object, signal: AbortSignal): AsyncGenerator<WatchMessage, void, undefined> {
    await this.#authenticate({ signal, keepsAlive: false });
    // Without the first header a member that has lost its leader goes on as if nothing ever changed.
    const headers: Authorization = { "grpc-metadata-hasleader": "true", ...this.#headers() };
    const request = { method: "POST", path: "/v3/watch", body: { create_request: create }, keepsAlive: false };
    try {
      for await (const line of this.#http.stream({ ...request, headers, signal })) {
        const { result, error } = line as { readonly result?: WatchMessage; readonly error?: unknown };
        if (result?.header === undefined) throw new RegistryError(`etcd ended the watch: ${textOf(error)}`);
        this.#drop(result.cancel_reason, headers.authorization);
        yield result;
      }
    } catch (error) {
      this.#drop(said(error), headers.authorization);
      throw error;
    }
  }

  close(): void {
    this.#http.close();
  }

  async #allowed<T>(more: Bounds, ask: (headers: Authorization) => Promise<T>): Promise<T> {
    await this.#authenticate(more);
    const headers = this.#headers();
    try {
      return await ask(headers);
    } catch (error) {
      if (!this.#drop(said(error), headers.authorization)) throw error;
      await this.#authenticate(more);
      return ask(this.#headers());
    }
  }

  /** Forgets the token if it is the one that etcd does not know any more; says whether another may help. */
  #drop(reason: string | undefined, token: string | undefined): boolean {
    const login = this.#login;
    if (login === undefined || !isTokenProblem(reason)) return false;
    if (login.token === token) login.token = undefined;
    return true;
  }

  async #authenticate(more: Bounds): Promise<void> {
    const login = this.#login;
    if (login === undefined || login.token !== undefined) return;
    const body = { name: login.name, password: login.password };
    const request = { method: "POST", path: "/v3/auth/authenticate", body, ...more };
    try {
      login.token = ((await this.#http.request(request)).json() as { readonly token?: string }).token;
    } catch (error) {
      // Who has a password may use it where nobody asks for one yet.
      if (!/authentication is not enabled/.test(said(error))) throw error;
    }
  }

  #headers(): Authorization {
    const token = this.#login?.token;
    return token === undefined ? {} : { authorization: token };
  }
}

type Authorization = Readonly<Record<string, string>> & { readonly authorization?: string };

/** Whether etcd said that it knows nothing of a lease. */
export function isLeaseGone(error: unknown): boolean {
  return /requested lease not found/.test(said(error));
}

function isTokenProblem(reason: string | undefined): boolean {
  return /invalid auth token|revision of auth store is old|user name is empty/.test(reason ?? "");
}

function said(error: unknown): string {
  return error instanceof RegistryError ? `${error.excerpt} ${error.message}` : "";
}

function textOf(error: unknown): string {
  const { message } = (typeof error === "object" && error !== null ? error : {}) as { readonly message?: unknown };
  return typeof message === "string" ? message.slice(0, 200) : "it gave no reason";
}

/** Text as etcd's JSON has it. */
export function toBase64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

/** What etcd's JSON has, as text. */
export function fromBase64(text: string | undefined): string {
  return Buffer.from(text ?? "", "base64").toString("utf8");
}

/** The end of the range of all keys that begin with `prefix`. */
export function rangeEnd(prefix: string): string {
  const bytes = Buffer.from(prefix, "utf8");
  // UTF-8 has no byte 255, so the last one can always be one more.
  bytes[bytes.length - 1]!++;
  return bytes.toString("base64");
}
