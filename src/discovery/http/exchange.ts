/**
 * One request to one server, and its answer as it comes: bounded in time, ended at once by its signal, and without
 * keeping a process alive unless asked to.
 *
 * @module
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Clock, Timer } from "../../time/index.ts";
import { RegistryError } from "./registry-error.ts";
import type { Target } from "./targets.ts";

/** What is asked, with everything filled in. */
export interface Ask {
  readonly options: RequestOptions;
  readonly body: string | Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the head of the answer may take. */
  readonly timeoutMs: number;
  /** How long a pause in its body may be; undefined: as long as it wants. */
  readonly pauseMs: number | undefined;
  readonly keepsAlive: boolean;
  readonly isOnce: boolean;
  readonly clock: Clock;
}

/** An exchange under way. Whoever makes one closes it. */
export class Exchange {
  readonly #ask: Ask;
  readonly #label: string;
  readonly #request: ClientRequest;
  readonly #head: Promise<IncomingMessage>;
  #timer: Timer | undefined = undefined;
  #ended: { readonly because: unknown } | undefined = undefined;

  constructor(target: Target, ask: Ask) {
    this.#ask = ask;
    this.#label = `${ask.options.method} ${target.shown}${ask.options.path!.slice(target.base.length).split("?")[0]}`;
    const { clock, signal, timeoutMs } = ask;
    const request = (target.isSecure ? httpsRequest : httpRequest)(ask.options);
    this.#request = request;
    if (!ask.keepsAlive) request.once("socket", loosen);
    this.#head = new Promise((resolve, reject) => {
      request.once("response", resolve);
      // Stays on: what fails after the head is told by the answer's stream, and here nobody listens any more.
      request.on("error", (error) => reject(this.#failed(error)));
    });
    signal?.addEventListener("abort", this.#abort);
    this.#arm(clock, timeoutMs);
    request.end(ask.body);
  }

  /** Whether it went over a connection that had served before: that it failed may say nothing about the server. */
  get isReused(): boolean {
    return this.#request.reusedSocket;
  }

  /** The head of the answer. */
  async head(): Promise<IncomingMessage> {
    const head = await this.#head;
    if (this.#ask.pauseMs === undefined) this.#timer?.cancel();
    return head;
  }

  /** The body as it comes. */
  async *chunks(head: IncomingMessage): AsyncGenerator<Buffer> {
    const { pauseMs, clock } = this.#ask;
    try {
      for await (const chunk of head) {
        if (pauseMs !== undefined) this.#arm(clock, pauseMs);
        yield chunk as Buffer;
      }
    } catch (error) {
      throw this.#failed(error as Error, head.statusCode);
    }
    // An end that the signal made looks to the stream like any other.
    if (this.#ended !== undefined) throw this.#ended.because;
  }

  /** An error about this exchange. */
  error(what: string, status?: number, excerpt?: string): RegistryError {
    return new RegistryError(`${this.#label}: ${what}`, { status, excerpt });
  }

  /** Takes off everything; a connection whose answer was not read to its end is closed. */
  close(head?: IncomingMessage): void {
    this.#timer?.cancel();
    this.#ask.signal?.removeEventListener("abort", this.#abort);
    if (head?.complete !== true) this.#request.destroy();
  }

  readonly #abort = (): void => this.#end(this.#ask.signal!.reason);

  #end(because: unknown): void {
    this.#ended ??= { because };
    this.#timer?.cancel();
    this.#request.destroy(new Error("called off"));
  }

  #arm(clock: Clock, delayMs: number): void {
    this.#timer?.cancel();
    if (this.#ended !== undefined) return;
    this.#timer = clock.expire(delayMs, {
      expire: () => this.#end(this.error(`no answer within ${delayMs} ms`)),
      keepsAlive: this.#ask.keepsAlive,
    });
  }

  #failed(error: Error, status?: number): unknown {
    if (this.#ended !== undefined) return this.#ended.because;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const what = status === undefined ? "cannot be asked" : "the answer broke off";
    return new RegistryError(`${this.#label}: ${what}${code === "" ? "" : ` (${code})`}`, { status, cause: error });
  }
}

/** Lets the process end while this socket waits, also when it tries one address after the other. */
function loosen(socket: Socket): void {
  socket.unref();
  if (socket.connecting) socket.once("connect", () => socket.unref());
}
