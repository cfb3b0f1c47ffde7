/**
 * One piece of work and those who wait for it. Each may leave alone; when the last has left the work is called off.
 *
 * @module
 */
import { Cancellation, Metadata, type Context, type Subscription } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { SharedRun } from "./single-flight-context.ts";

/** Who waits, and until when. */
export interface Caller {
  readonly signal?: AbortSignal | undefined;
  readonly context?: Context | undefined;
}

/** Work under way. */
export class Flight implements SharedRun {
  readonly cancellation: Cancellation = new Cancellation();
  deadlineMs: number = -Infinity;
  #reply: Metadata | undefined = undefined;
  #result: Promise<unknown> | undefined = undefined;
  /** Those who wait; work that is done for nobody in particular has one that never leaves. */
  #waiting = 0;
  readonly #ended: () => void;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  /** What goes out with the answer, to each of the callers. */
  get reply(): Metadata {
    return (this.#reply ??= new Metadata());
  }

  /** Begins the work. */
  begin(work: () => Promise<unknown>): void {
    this.#result = work().finally(() => this.#ended());
    // Whoever waits hears of it; when nobody does any more, it is nobody's.
    this.#result.catch(() => undefined);
  }

  /** Keeps it going although nobody waits. */
  hold(): void {
    this.#waiting++;
  }

  /** Waits for the work. What it answers or fails with is shared by all; leaving is each one's own. */
  join(caller: Caller): Promise<unknown> {
    const { signal, context } = caller;
    this.deadlineMs = Math.max(this.deadlineMs, context?.deadlineMs ?? Infinity);
    this.#waiting++;
    return new Promise((resolve, reject) => {
      let subscription: Subscription | undefined = undefined;
      let running: Subscription | undefined = undefined;
      let isOver = false;
      const end = (): boolean => {
        if (isOver) return false;
        isOver = true;
        signal?.removeEventListener("abort", aborted);
        subscription?.cancel();
        running?.cancel();
        return true;
      };
      const leave = (reason: unknown): void => {
        if (!end()) return;
        reject(reason as Error);
        this.#leave();
      };
      const aborted = (): void => leave(signal!.reason);
      signal?.addEventListener("abort", aborted, { once: true });
      subscription = context?.onCancel(leave);
      // Whoever still waits when the work is called off need not wait for it to notice.
      running = this.cancellation.onCancel((reason) => {
        if (end()) reject(reason);
      });
      this.#result!.then(
        (value) => {
          if (!end()) return;
          try {
            if (context !== undefined) this.copyReply(context);
            resolve(value);
          } catch (error) {
            reject(error as Error);
          }
        },
        (error: unknown) => {
          if (end()) reject(error as Error);
        },
      );
    });
  }

  /** Hands what goes out with the answer to a caller. */
  copyReply(context: Context): void {
    if (this.#reply === undefined) return;
    for (const [name, value] of this.#reply) context.reply.append(name, value);
  }

  /** Calls the work off, and lets nobody join any more. */
  cancel(reason: ServiceError): void {
    this.#ended();
    this.cancellation.cancel(reason);
  }

  #leave(): void {
    if (--this.#waiting === 0) this.cancel(policyError("canceled"));
  }
}
