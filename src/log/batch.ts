/**
 * Lines gathered into few writes: a system call for each line costs more than making the line.
 *
 * @module
 */
import type { Clock, Expiring, Timer } from "../time/index.ts";

/** The most text that is kept while the destination fails; lines beyond it are counted and dropped. */
const MAX_HELD = 1_048_576;

/** Where lines go, and when. */
export interface BatchOptions {
  readonly write: (text: string) => void;
  /** Lines are written as soon as they are this long together. */
  readonly size: number;
  readonly flushMs: number;
  readonly clock: Clock;
  /** The line that says how many lines were dropped. */
  readonly lost: (count: number) => string;
}

/** Lines on their way to one destination. Nothing that the destination throws gets out of here. */
export class Batch implements Expiring {
  readonly #write: (text: string) => unknown;
  readonly #size: number;
  readonly #flushMs: number;
  readonly #clock: Clock;
  readonly #lost: (count: number) => string;
  #text = "";
  #timer: Timer | undefined = undefined;
  #isWriting = false;
  #isFailing = false;
  readonly #watchers = new Set<(line: string) => void>();
  /** Whether a line needs more than to be added: the destination fails, or somebody looks on. */
  #isUnusual = false;
  #dropped = 0;

  constructor(options: BatchOptions) {
    this.#write = options.write;
    this.#size = options.size;
    this.#flushMs = options.flushMs;
    this.#clock = options.clock;
    this.#lost = options.lost;
  }

  /** Adds a line; an urgent one is written at once, with all before it. */
  add(line: string, isUrgent: boolean): void {
    if (this.#isUnusual && !this.#keeps(line)) return;
    this.#text += line;
    // A destination that fails is tried again at the pace of the timer, not of the lines.
    if ((isUrgent || this.#text.length >= this.#size) && !this.#isFailing) this.flush();
    if (this.#timer === undefined && this.#text !== "") this.#timer = this.#clock.expire(this.#flushMs, this);
  }

  /** Shows every line to `onLine` until the returned function is called. */
  watch(onLine: (line: string) => void): () => void {
    // Wrapped, so that one function given twice is taken off once.
    const watcher = (line: string): void => onLine(line);
    this.#watchers.add(watcher);
    this.#isUnusual = true;
    return () => {
      this.#watchers.delete(watcher);
      this.#isUnusual = this.#isFailing || this.#watchers.size > 0;
    };
  }

  /** Shows a line to those who look on; false when there is no room to keep it. */
  #keeps(line: string): boolean {
    for (const watcher of this.#watchers) {
      try {
        watcher(line);
      } catch {
        // Whoever looks on must not keep a line from being written.
      }
    }
    if (!this.#isFailing || this.#text.length + line.length <= MAX_HELD) return true;
    this.#dropped++;
    return false;
  }

  #failing(isFailing: boolean): void {
    this.#isFailing = isFailing;
    this.#isUnusual = isFailing || this.#watchers.size > 0;
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.#isWriting || (this.#text === "" && this.#dropped === 0)) return;
    const kept = this.#text;
    this.#text = "";
    this.#isWriting = true;
    try {
      const written = this.#write(this.#dropped === 0 ? kept : kept + this.#lost(this.#dropped));
      if (written instanceof Promise) written.catch(ignore);
      this.#failing(false);
      this.#dropped = 0;
    } catch {
      this.#text = kept + this.#text;
      this.#failing(true);
    } finally {
      this.#isWriting = false;
    }
  }

  /** Called by the clock. */
  expire(): void {
    this.#timer = undefined;
    this.flush();
    if (this.#text !== "") this.#timer = this.#clock.expire(this.#flushMs, this);
  }

  /** Writes what was gathered and stops the timer. */
  finish(): void {
    this.flush();
    if (this.#text !== "") return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function ignore(): void {}
