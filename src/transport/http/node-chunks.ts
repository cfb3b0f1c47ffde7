/**
 * The body of a message of node's, read piece by piece as somebody asks; what nobody asks for stays with the peer.
 *
 * @module
 */
import type { Readable } from "node:stream";
import { policyError } from "../../errors/index.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { ByteSource } from "../incoming-messages.ts";

/** How long a peer may leave one waiting who asks. */
export interface Patience {
  readonly clock: Clock;
  readonly idleMs: number;
}

/** The pieces of one body. */
export class BodyChunks implements ByteSource {
  readonly #message: Readable;
  readonly #patience: Patience | undefined;
  #waiting: { resolve(chunk: Uint8Array | undefined): void; reject(error: Error): void } | undefined = undefined;
  #end: Error | "end" | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(message: Readable, patience: Patience | undefined) {
    this.#message = message;
    this.#patience = patience;
    if (message.readableEnded) this.#end = "end";
    message.on("readable", () => this.#give());
    // A stream of HTTP/2 that is reset without an error ends as if that were all of it.
    message.on("end", () =>
      this.#over((message as { aborted?: boolean }).aborted === true ? policyError("connection_lost") : "end"),
    );
    message.on("error", (cause: Error) => this.#over(policyError("connection_lost", { cause })));
    message.on("close", () => this.#over(policyError("connection_lost")));
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#give();
      if (this.#waiting !== undefined && this.#patience !== undefined)
        this.#timer = this.#patience.clock.expire(this.#patience.idleMs, this);
    });
  }

  stop(reason: Error): void {
    this.#over(reason);
  }

  /** Whoever asks has waited long enough. */
  expire(): void {
    this.#over(policyError("request_timeout"));
  }

  #give(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    // After the end there may be bytes still that nobody has asked for; after an error they are nobody's.
    const chunk = this.#end instanceof Error ? null : (this.#message.read() as Buffer | null);
    if (chunk === null && this.#end === undefined) return;
    this.#waiting = undefined;
    this.#timer?.cancel();
    if (chunk !== null) waiting.resolve(chunk);
    else if (this.#end === "end") waiting.resolve(undefined);
    else waiting.reject(this.#end as Error);
  }

  #over(end: Error | "end"): void {
    this.#end ??= end;
    this.#give();
  }
}
