/**
 * Runs a watch again and again: after a back-off when it failed, after an interval when it returned, at once anew when it
 * has been silent for too long, and not at all once nobody listens.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import { backOff } from "../internal/back-off.ts";
import { shown } from "../internal/check.ts";
import { sleep, type Clock, type Random } from "../time/index.ts";
import type { InstanceInput } from "./instance.ts";
import type { Watch, WatchSession } from "./watch.ts";

/** What the loop is made of. */
export interface LoopSettings {
  readonly name: string;
  readonly watch: Watch;
  readonly intervalMs: number;
  readonly silenceMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who is told what the watch says, never after `stop`. */
export interface LoopListener {
  took(entries: readonly (string | InstanceInput)[]): void;
  answered(): void;
  failed(error: Error): void;
  retrying(error: Error, delayMs: number): void;
  skipped(error: Error): void;
}

// A program that has never seen its registry cannot do anything: it looks more often than one that has a list.
const NEVER_SEEN_MAX_MS = 1500;

// A run that answers and breaks within this time does not count as recovery, or a registry that closes every connection
// would be asked twenty times a second.
const STEADY_MS = 1000;

interface RunEnd {
  /** Undefined: it returned. */
  readonly error: Error | undefined;
  readonly hasAnswered: boolean;
  readonly durationMs: number;
}

/** One watch, while somebody listens. */
export class WatchLoop {
  readonly #settings: LoopSettings;
  readonly #listener: LoopListener;
  #stopping: AbortController | undefined = undefined;
  #position: string | undefined = undefined;
  #hasAnswered = false;

  constructor(settings: LoopSettings, listener: LoopListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  start(): void {
    if (this.#stopping !== undefined) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#position = undefined;
    // Not before whoever joins has its subscription in hand.
    void Promise.resolve().then(() => this.#loop(stopping.signal));
  }

  stop(): void {
    const stopping = this.#stopping;
    this.#stopping = undefined;
    stopping?.abort(policyError("canceled", { message: `nobody listens to ${this.#settings.name} any more` }));
  }

  async #loop(stopped: AbortSignal): Promise<void> {
    const { clock, random, intervalMs, retryBaseMs, retryMaxMs } = this.#settings;
    let attempt = 0;
    while (!stopped.aborted) {
      const { error, hasAnswered, durationMs } = await this.#run(stopped);
      if (stopped.aborted) return;
      if (hasAnswered && (error === undefined || durationMs >= STEADY_MS)) attempt = 0;
      let delayMs: number;
      if (error === undefined) delayMs = intervalMs * (0.9 + 0.2 * random.fraction());
      else {
        const maxMs = this.#hasAnswered ? retryMaxMs : Math.min(NEVER_SEEN_MAX_MS, retryMaxMs);
        delayMs = backOff(++attempt, { baseMs: retryBaseMs, maxMs }, random);
        this.#listener.failed(error);
        this.#listener.retrying(error, delayMs);
      }
      // Called off, it is the loop that ends.
      await sleep(delayMs, { clock, signal: stopped, keepsAlive: false }).catch(() => undefined);
    }
  }

  /** Resolves when the run is over: by itself, by its silence, or because it is not wanted any more. Never rejects. */
  #run(stopped: AbortSignal): Promise<RunEnd> {
    const { name, watch, silenceMs, clock, random } = this.#settings;
    const [listener, startMs] = [this.#listener, clock.now()];
    // Of its own: a signal that outlived its run would gather the listeners of all runs.
    const own = new AbortController();
    let [isOver, hasAnswered, heardMs] = [false, false, startMs];
    return new Promise((resolve) => {
      const silence = { expire: checkSilence };
      let timer = silenceMs === Infinity ? undefined : clock.expire(silenceMs, silence);
      const end = (error?: Error): void => {
        if (isOver) return;
        isOver = true;
        timer?.cancel();
        stopped.removeEventListener("abort", stop);
        resolve({ error, hasAnswered, durationMs: clock.now() - startMs });
        // After that: whoever listens to the signal may call us, and is not heard any more.
        if (!own.signal.aborted) own.abort(error ?? policyError("canceled"));
      };
      function stop(): void {
        end(stopped.reason as Error);
      }
      function checkSilence(): void {
        const leftMs = heardMs + silenceMs - clock.now();
        if (leftMs > 0) timer = clock.expire(leftMs, silence);
        else end(policyError("unreachable", { message: `${name} has said nothing for ${silenceMs} ms` }));
      }
      const heard = (): boolean => {
        if (isOver) return false;
        heardMs = clock.now();
        hasAnswered = true;
        this.#hasAnswered = true;
        return true;
      };
      const session: WatchSession = {
        signal: own.signal,
        position: this.#position,
        clock,
        random,
        list: (entries, position) => {
          if (!Array.isArray(entries))
            throw new TypeError(`${name} gave ${shown(entries)} instead of a list of instances`);
          if (!heard()) return;
          // Before: one who hears of it may leave and join again, which begins anew.
          this.#position = position;
          listener.took(entries);
        },
        alive: () => void (heard() && listener.answered()),
        forget: () => void (isOver || (this.#position = undefined)),
        skipped: (error) => void (isOver || listener.skipped(error)),
      };
      stopped.addEventListener("abort", stop, { once: true });
      call(watch, session).then(
        () => end(),
        (error: unknown) => end(asError(error, name)),
      );
    });
  }
}

async function call(watch: Watch, session: WatchSession): Promise<void> {
  await watch(session);
}

/** An error, whatever was thrown. */
export function asError(thrown: unknown, name: string): Error {
  return thrown instanceof Error ? thrown : new Error(`${name} failed: ${String(thrown)}`, { cause: thrown });
}
