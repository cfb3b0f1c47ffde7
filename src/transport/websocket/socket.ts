/**
 * One WebSocket as both sides use it: texts in and out, each no faster than the other side takes them.
 *
 * @module
 */
import type { RawData, WebSocket } from "ws";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";

/** The subprotocol's name. */
export const PROTOCOL = "servicekit";

/** The text that says that no more requests come. */
export const NO_MORE = "";

/** How many texts may wait to be read before the peer is asked to pause. */
const MAX_QUEUED = 16;

/** How many bytes may wait to be written before the writer pauses. */
const MAX_BUFFERED = 65_536;

/** How many messages may go out before others have their turn. */
const TURN = 64;

/** How a socket is kept up. */
export interface SocketOptions {
  readonly clock: Clock;
  /** How often a peer is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** How long it may take to read what was written. */
  readonly writeTimeoutMs: number;
}

interface Waiting {
  resolve(text: string | undefined): void;
  reject(error: ServiceError): void;
}

/** Texts in and out of one socket. */
export class TextSocket {
  readonly #socket: WebSocket;
  readonly #options: SocketOptions;
  #queue: string[] = [];
  #waiting: Waiting | undefined = undefined;
  #end: ServiceError | "end" | undefined = undefined;
  #sinceTurn = 0;
  #isAlive = true;
  #timer: Timer | undefined;
  #fault: ServiceError | undefined = undefined;
  #onExtra: ((text: string) => void) | undefined = undefined;
  /** Told once when the connection is over. */
  onClose: ((error: ServiceError | undefined) => void) | undefined = undefined;

  constructor(socket: WebSocket, options: SocketOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("message", (data: RawData, isBinary: boolean) => this.#take(data, isBinary));
    socket.on("pong", () => (this.#isAlive = true));
    socket.on("error", (error: Error) => void (this.#fault ??= errorOf(error)));
    socket.on("close", (code: number) => this.#closed(code));
    this.#timer = options.clock.expire(options.heartbeatMs, this);
  }

  #take(data: RawData, isBinary: boolean): void {
    if (this.#end !== undefined) return;
    this.#isAlive = true;
    if (isBinary) return this.fail(policyError("malformed_message", { message: "messages should be text" }));
    const text = (data as Buffer).toString("utf8");
    if (this.#onExtra !== undefined) return this.#onExtra(text);
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      return waiting.resolve(text);
    }
    this.#queue.push(text);
    if (this.#queue.length === MAX_QUEUED) this.#socket.pause();
  }

  /** The next text; undefined when the peer closed as it should. Rejects when the connection was lost. */
  read(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const text = this.#queue.shift();
      if (text !== undefined) {
        if (this.#queue.length === 0 && this.#socket.isPaused) this.#socket.resume();
        return resolve(text);
      }
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  /** Nobody reads any more: what has come and comes is told to `run`. */
  extra(run: (text: string) => void): void {
    this.#onExtra = run;
    for (const text of this.#queue.splice(0)) run(text);
    if (this.#socket.isPaused) this.#socket.resume();
  }

  /** Writes a text; resolves when there is room for the next. */
  async write(text: string): Promise<void> {
    const isOpen = this.#socket.readyState === 1;
    if (isOpen) this.#socket.send(text);
    // Also where nothing can be sent: that it is over is heard in a turn of the loop, and a writer must not prevent it.
    if (!isOpen || ++this.#sinceTurn >= TURN) {
      this.#sinceTurn = 0;
      // oxlint-disable-next-line no-restricted-globals -- a turn of the loop for others, not a wait
      await new Promise((resolve) => void setImmediate(resolve));
    }
    if (this.#socket.bufferedAmount > MAX_BUFFERED) await this.#drained();
  }

  async #drained(): Promise<void> {
    const { clock, writeTimeoutMs } = this.#options;
    const timer = clock.expire(writeTimeoutMs, { expire: () => this.#socket.terminate() });
    // An empty ping is written after all that is waiting, and says when it is.
    await new Promise<void>((resolve) => this.#socket.ping("", undefined, () => resolve()));
    timer.cancel();
  }

  /** Closes; the peer is not waited for beyond the time it has to read. */
  close(code: number, reason = ""): void {
    const { clock, writeTimeoutMs } = this.#options;
    this.#end ??= "end";
    this.#settle();
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close(code, reason);
    this.#timer?.cancel();
    this.#timer = clock.expire(writeTimeoutMs, { expire: () => this.#socket.terminate() });
  }

  /** Cuts the connection. */
  cut(reason: ServiceError): void {
    this.#end ??= reason;
    this.#settle();
    this.#timer?.cancel();
    this.#socket.terminate();
  }

  /** What the peer says from here on is not wanted: whoever reads hears why. */
  fail(reason: ServiceError): void {
    this.#end ??= reason;
    this.#settle();
    this.onClose?.(reason);
  }

  #closed(code: number): void {
    this.#timer?.cancel();
    const error = this.#fault ?? closeError(code);
    this.#end ??= error ?? "end";
    this.#settle();
    this.onClose?.(error);
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#end === undefined) return;
    this.#waiting = undefined;
    if (this.#end === "end") waiting.resolve(undefined);
    else waiting.reject(this.#end);
  }

  /** A peer that has not shown a sign of life since it was asked is gone. */
  expire(): void {
    const { clock, heartbeatMs } = this.#options;
    // One that is paused cannot answer.
    if (!this.#isAlive && !this.#socket.isPaused) return this.#socket.terminate();
    this.#isAlive = false;
    if (this.#socket.readyState === 1) this.#socket.ping();
    this.#timer = clock.expire(heartbeatMs, this);
  }
}

// What ws found wrong with a frame.
function errorOf(error: Error): ServiceError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return policyError("too_large", { cause: error });
  if (code.startsWith("WS_ERR_"))
    return policyError("malformed_message", { message: "the frame is not valid", cause: error });
  return policyError("connection_lost", { cause: error });
}

/** What a close code stands for (RFC 6455 §7.4.1); undefined for an end as it should be. */
function closeError(code: number): ServiceError | undefined {
  if (code === 1000 || code === 1005) return undefined;
  if (code === 1001) return policyError("draining");
  if (code === 1009) return policyError("too_large");
  if (code === 1002 || code === 1003 || code === 1007) return policyError("malformed_message");
  return policyError("connection_lost");
}

/** The close code that says most of an error. */
export function closeCodeOf({ code, reason }: ServiceError): number {
  if (reason === "draining") return 1001;
  if (reason === "too_large") return 1009;
  if (code === "internal" || code === "unknown" || code === "data_loss") return 1011;
  return code === "unavailable" || code === "resource_exhausted" ? 1013 : 1008;
}
