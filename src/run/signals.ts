/**
 * Listening to a process's signals: what is the first, what an echo of it, what a second.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import { STOP_SIGNALS, type SignalSource, type StopSignal } from "./process.ts";

// A terminal sends SIGINT to the whole process group and npm passes it on once more: the same signal within this time is
// the first one again, not somebody who has lost patience.
const ECHO_MS = 500;

/** Listens until closed. */
export class Signals {
  readonly #source: SignalSource | undefined;
  readonly #clock: Clock;
  readonly #receive: (signal: StopSignal, isSecond: boolean) => void;
  readonly #listeners: readonly (readonly [StopSignal, () => void])[];
  #first: { readonly name: StopSignal; readonly atMs: number } | undefined = undefined;
  #isOver = false;

  /** `receive` is called for the first signal and for the second, never again. */
  constructor(
    source: SignalSource | undefined,
    clock: Clock,
    receive: (signal: StopSignal, isSecond: boolean) => void,
  ) {
    this.#source = source;
    this.#clock = clock;
    this.#receive = receive;
    this.#listeners = (Object.keys(STOP_SIGNALS) as StopSignal[]).map((name) => [name, () => this.#hear(name)]);
    for (const [name, listener] of this.#listeners) source?.on(name, listener);
  }

  /** Takes the listeners off. */
  close(): void {
    for (const [name, listener] of this.#listeners) this.#source?.off(name, listener);
  }

  #hear(name: StopSignal): void {
    const atMs = this.#clock.now();
    const first = this.#first;
    if (this.#isOver || (first?.name === name && atMs - first.atMs < ECHO_MS)) return;
    this.#first ??= { name, atMs };
    this.#isOver = first !== undefined;
    this.#receive(name, this.#isOver);
  }
}
