/**
 * One request to a registry, bounded in time, whatever the registry's client does with its signal.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import type { Clock } from "../time/index.ts";

/** The bounds of a request. */
export interface RegistryBounds {
  readonly clock: Clock;
  readonly ms: number;
  /** Ends it before. */
  readonly off: AbortSignal;
  /** Whether the process goes on for it: somebody waits for a start or a stop. */
  readonly keepsAlive: boolean;
}

/** Starts `work` and settles as it does, or rejects when its time is over or it is called off; its signal aborts then. */
export function registryCall(
  what: string,
  work: (signal: AbortSignal) => Promise<void>,
  { clock, ms, off, keepsAlive }: RegistryBounds,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (off.aborted) return reject(off.reason as Error);
    const own = new AbortController();
    const timer = clock.expire(ms, { keepsAlive, expire: late });
    function late(): void {
      end(policyError("deadline_exceeded", { message: `${what} took more than ${ms} ms` }));
    }
    function abort(): void {
      end(off.reason as Error);
    }
    function end(error: unknown): void {
      timer.cancel();
      off.removeEventListener("abort", abort);
      if (error === undefined) return resolve();
      reject(error as Error);
      own.abort(error);
    }
    off.addEventListener("abort", abort, { once: true });
    attempt(work, own.signal).then(
      () => end(undefined),
      (error: unknown) => end(error ?? new Error(`${what} failed`)),
    );
  });
}

async function attempt(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  await work(signal);
}
