/**
 * The breaker as a state machine: tickets in, ends of calls in, changes of state out. It knows neither functions nor
 * promises; time, chance and the listener are its settings'. (Nygard, "Release It!"; what sony/gobreaker calls a generation is the
 * state object here.)
 *
 * @module
 */
import type { BreakerSettings } from "./breaker-options.ts";
import type { BreakerEvent, BreakerSnapshot, BreakerState, BreakerTicket } from "./breaker-state.ts";
import { FAILED, SLOW, type Tally } from "./tally.ts";

class Ticket implements BreakerTicket {
  /** The state it was given in: when that is over, so is the ticket. */
  readonly "~state": State;
  /** When the call began; 0 where durations do not matter. */
  readonly startMs: number;

  constructor(state: State, startMs: number) {
    this["~state"] = state;
    this.startMs = startMs;
  }
}

type State = Closed | Open | HalfOpen | Isolated;

class Closed {
  readonly kind = "closed" as const;
  /** One ticket serves all calls of a closed breaker, unless each has its own beginning. */
  readonly pass: Ticket = new Ticket(this, 0);
}

interface Open {
  readonly kind: "open";
  readonly untilMs: number;
}

interface HalfOpen {
  readonly kind: "half_open";
  /** Those that run now, oldest first. */
  readonly probes: Ticket[];
  successes: number;
}

interface Isolated {
  readonly kind: "isolated";
}

/** The machine of one breaker. */
export class BreakerMachine {
  readonly #settings: BreakerSettings;
  readonly #timed: boolean;
  #state: State = new Closed();
  #tally: Tally;
  #openings = 0;
  #refused = 0;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
    this.#timed = settings.slowMs !== Infinity;
    this.#tally = settings.makeTally();
  }

  get state(): BreakerState {
    return this.#state.kind;
  }

  /** A ticket, or undefined when the call must not be made. */
  tryEnter(): BreakerTicket | undefined {
    const state = this.#state;
    if (state.kind !== "closed") return this.#tryProbe();
    return this.#timed ? new Ticket(state, this.#settings.clock.now()) : state.pass;
  }

  succeed(ticket: BreakerTicket, durationMs: number | undefined): void {
    const state = this.#state;
    if (ticket["~state"] !== state) return;
    const marks = this.#slowMark(ticket as Ticket, durationMs);
    if (state.kind === "closed") return this.#count(marks, undefined);
    if (state.kind !== "half_open" || !leave(state.probes, ticket as Ticket)) return;
    if (marks === SLOW) return this.#open("half_open", this.#settings.clock.now(), undefined);
    if (++state.successes < this.#settings.successes) return;
    this.#close({ type: "close", name: this.#settings.name, from: "half_open" });
  }

  fail(ticket: BreakerTicket, durationMs: number | undefined, error: unknown): void {
    const state = this.#state;
    if (ticket["~state"] !== state) return;
    if (state.kind === "closed") return this.#count(FAILED | this.#slowMark(ticket as Ticket, durationMs), error);
    if (state.kind !== "half_open" || !leave(state.probes, ticket as Ticket)) return;
    this.#open("half_open", this.#settings.clock.now(), error);
  }

  release(ticket: BreakerTicket): void {
    const state = this.#state;
    if (state.kind === "half_open") leave(state.probes, ticket as Ticket);
  }

  isolate(): void {
    const from = this.#state.kind;
    if (from === "isolated") return;
    this.#become({ kind: "isolated" }, { type: "isolate", name: this.#settings.name, from });
  }

  reset(): void {
    this.#close({ type: "reset", name: this.#settings.name, from: this.#state.kind });
  }

  /** Milliseconds until a probe may pass; undefined when time alone does not help. */
  retryAfterMs(): number | undefined {
    const state = this.#state;
    return state.kind === "open" ? Math.max(0, Math.ceil(state.untilMs - this.#settings.clock.now())) : undefined;
  }

  snapshot(): BreakerSnapshot {
    const state = this.#state;
    const { calls, failures, slow } = this.#tally.counts(this.#tallyTime());
    return {
      name: this.#settings.name,
      state: state.kind,
      calls,
      failures,
      slow,
      refused: this.#refused,
      openings: this.#openings,
      probes: state.kind === "half_open" ? state.probes.length : 0,
      successes: state.kind === "half_open" ? state.successes : 0,
      retryAfterMs: this.retryAfterMs(),
    };
  }

  #tryProbe(): BreakerTicket | undefined {
    const { clock, name, permitted, probeMs } = this.#settings;
    const nowMs = clock.now();
    if (this.#state.kind === "half_open") {
      // The first probe in the list is the oldest. It failed when its time was over, whoever notices it when.
      const dueMs = (this.#state.probes[0]?.startMs ?? Infinity) + probeMs;
      if (dueMs <= nowMs) this.#open("half_open", dueMs, undefined);
    }
    if (this.#state.kind === "open" && this.#state.untilMs <= nowMs) {
      this.#become({ kind: "half_open", probes: [], successes: 0 }, { type: "half_open", name, from: "open" });
    }
    // Read again: whoever listens to events may have isolated or reset the breaker meanwhile.
    const state = this.#state;
    if (state.kind === "closed") return this.tryEnter();
    if (state.kind !== "half_open" || state.probes.length >= permitted) {
      this.#refused++;
      return undefined;
    }
    const ticket = new Ticket(state, nowMs);
    state.probes.push(ticket);
    return ticket;
  }

  #count(marks: number, error: unknown): void {
    if (this.#tally.record(marks, this.#tallyTime())) this.#open("closed", this.#settings.clock.now(), error);
  }

  #open(from: "closed" | "half_open", sinceMs: number, error: unknown): void {
    const { name, openMs, growth, maxOpenMs, jitter, random } = this.#settings;
    const grownMs = Math.min(maxOpenMs, openMs * growth ** this.#openings);
    const durationMs = jitter === 0 ? grownMs : grownMs * (1 + jitter * random.fraction());
    this.#openings++;
    const event: BreakerEvent = { type: "open", name, from, openMs: durationMs, error };
    this.#become({ kind: "open", untilMs: sinceMs + durationMs }, event);
  }

  #close(event: BreakerEvent): void {
    this.#openings = 0;
    this.#tally = this.#settings.makeTally();
    this.#become(new Closed(), event);
  }

  #become(state: State, event: BreakerEvent): void {
    this.#state = state;
    try {
      this.#settings.onEvent?.(event);
    } catch {
      // The listener's own trouble: see `onEvent`.
    }
  }

  #slowMark(ticket: Ticket, durationMs: number | undefined): number {
    if (!this.#timed) return 0;
    const { clock, slowMs } = this.#settings;
    return (durationMs ?? clock.now() - ticket.startMs) >= slowMs ? SLOW : 0;
  }

  #tallyTime(): number {
    return this.#tally.needsTime ? this.#settings.clock.now() : 0;
  }
}

function leave(probes: Ticket[], ticket: Ticket): boolean {
  const place = probes.indexOf(ticket);
  if (place !== -1) probes.splice(place, 1);
  return place !== -1;
}
