/**
 * So many calls at once, a queue before them: what the bulkhead and the adaptive limit share.
 *
 * @module
 */
import type { Clock } from "../time/index.ts";
import type { WaitingLine } from "./queue.ts";

/** What a limit is told of the calls it let in, to learn from them. */
export interface SlotsListener {
  /** Of a call that took `durationMs` since it was let in. */
  sample(durationMs: number, nowMs: number): void;
  /** Of a call whose peer said that it has too much already. */
  pushedBack(nowMs: number): void;
}

/** The places, and who waits for one. */
export class Slots {
  limit: number;
  inFlight = 0;
  /** The most at once since somebody last looked. */
  peak = 0;
  admitted = 0;
  readonly clock: Clock;
  readonly line: WaitingLine;
  /** Absent where nothing is learnt. */
  readonly listener: SlotsListener | undefined;

  constructor(limit: number, line: WaitingLine, { clock, listener }: Pick<Slots, "clock" | "listener">) {
    this.limit = limit;
    this.line = line;
    this.clock = clock;
    this.listener = listener;
  }

  /** Takes a place, if there is one and nobody waits for it. */
  tryEnter(): boolean {
    if (this.inFlight >= this.limit || this.line.size > 0) return false;
    this.take();
    return true;
  }

  take(): void {
    this.admitted++;
    if (++this.inFlight > this.peak) this.peak = this.inFlight;
  }

  /** Gives a place back, exactly once for each taken. */
  leave(): void {
    this.inFlight--;
    if (this.line.size > 0) this.fill();
  }

  /** Lets in who waits, as far as there are places. */
  fill(): void {
    const nowMs = this.clock.now();
    while (this.inFlight < this.limit) {
      const next = this.line.take(nowMs);
      if (next === undefined) return;
      if (next.grant(nowMs)) this.take();
    }
  }
}
