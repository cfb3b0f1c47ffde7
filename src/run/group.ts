/**
 * The life of a group: one after the other up, side by side down.
 *
 * @module
 */
import { policyError } from "../errors/index.ts";
import { bounded, type Ending } from "./bounded.ts";
import type { MemberPhase, RunEvent, StopCause } from "./events.ts";
import type { RunSettings } from "./options.ts";
import { STOP_SIGNALS, type StopSignal } from "./process.ts";
import type { Runnable } from "./runnable.ts";
import { Signals } from "./signals.ts";

const DONE = { leave: "left", drain: "drained", close: "closed" } as const;

/** The members, and where they are in their life. */
export class Group {
  readonly started: Promise<void>;
  readonly done: Promise<number>;
  readonly #members: readonly Runnable[];
  readonly #settings: RunSettings;
  /** To be closed: those that have started, and the one that may still be starting. */
  readonly #open: Runnable[] = [];
  readonly #ended = new Set<Runnable>();
  /** Aborts when the group is to stop. */
  readonly #stopping = new AbortController();
  /** Aborts when it is to stop at once. */
  readonly #forced = new AbortController();
  readonly #signals: Signals;
  #cause: StopCause | undefined = undefined;
  #causeMs = 0;
  #hasFailed = false;
  #forcedCode = 0;
  #isOver = false;

  constructor(members: readonly Runnable[], settings: RunSettings) {
    this.#members = members;
    this.#settings = settings;
    this.#signals = new Signals(settings.signals, settings.clock, this.#receive);
    const starting = this.#start();
    this.done = starting.then((isRunning) => this.#finish(isRunning));
    this.started = starting.then(async (isRunning) => {
      if (isRunning) return;
      await this.done;
      throw this.#whyNotStarted();
    });
    // `done` tells of it; nobody has to look at both.
    this.started.catch(() => undefined);
  }

  stop(): Promise<number> {
    this.#ask({ kind: "asked" });
    return this.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Starts all members; says whether all have started before somebody asked to stop. */
  async #start(): Promise<boolean> {
    const { clock, health, startMs: ms } = this.#settings;
    const beganMs = clock.now();
    let known: readonly string[] = [];
    for (const member of this.#members) {
      this.#tell({ kind: "starting", member: member.name });
      const memberBeganMs = clock.now();
      const off = this.#stopping.signal;
      const ending = await bounded(() => member.start(off, known), { clock, ms, off });
      if (ending.kind === "failed") this.#fail(member, "start", ending.error);
      else this.#open.push(member);
      if (ending.kind === "late") {
        const message = `${member.name} did not start within ${ms} ms`;
        this.#fail(member, "start", policyError("deadline_exceeded", { message }));
      }
      if (ending.kind === "done") {
        const { name, addresses = [] } = member;
        known = [...known, ...addresses];
        this.#tell({ kind: "started", member: name, addresses, durationMs: clock.now() - memberBeganMs });
        member.done?.then(
          () => this.#end(member),
          (error: unknown) => this.#fail(member, "run", error),
        );
      }
      if (this.#cause !== undefined) return false;
    }
    health?.started();
    this.#tell({ kind: "running", durationMs: clock.now() - beganMs });
    return true;
  }

  /** Waits until the group is to stop, and stops it. */
  async #finish(wasRunning: boolean): Promise<number> {
    const { clock, exit, health } = this.#settings;
    const cause = this.#cause ?? (await this.#asked());
    health?.drain();
    const isAwaited = cause.kind === "asked" || (cause.kind === "signal" && cause.signal === "SIGINT");
    const graceMs = wasRunning && !isAwaited ? this.#settings.graceMs : 0;
    this.#tell({ kind: "stopping", cause, graceMs });
    if (wasRunning) await this.#together("leave", this.#settings.closeMs, isAwaited);
    if (graceMs > 0) await this.#bounded(() => new Promise(() => undefined), graceMs);
    // Before start-up was over nobody was told that it serves: there is nothing to finish.
    if (wasRunning) await this.#together("drain", this.#settings.drainMs, isAwaited);
    await this.#close();
    this.#signals.close();
    const code = this.#forcedCode || (this.#hasFailed ? 1 : 0);
    this.#tell({ kind: "stopped", code, cause, durationMs: clock.now() - this.#causeMs });
    this.#isOver = true;
    exit?.(code, this.#forcedCode > 0);
    return code;
  }

  /** Lets those that have this phase go through it side by side. */
  async #together(phase: "leave" | "drain", ms: number, isAwaited: boolean): Promise<void> {
    const members = this.#open.filter((member) => member[phase] !== undefined && !this.#ended.has(member));
    if (members.length === 0 || this.#forced.signal.aborted) return;
    if (phase === "drain") this.#tell({ kind: "draining", drainMs: ms });
    const beganMs = this.#settings.clock.now();
    const deadline = new AbortController();
    const steps = members.map(async (member) => {
      const ending = await this.#bounded(() => member[phase]!(deadline.signal, isAwaited), ms);
      this.#conclude(member, phase, { ending, beganMs });
      return ending.kind;
    });
    const endings = await Promise.all(steps);
    if (endings.includes("late") || endings.includes("off")) deadline.abort(policyError("deadline_exceeded"));
  }

  async #close(): Promise<void> {
    const { clock, closeMs } = this.#settings;
    const untilMs = clock.now() + closeMs;
    for (const member of this.#open.toReversed()) {
      const beganMs = clock.now();
      // When the time is over the rest is closed all the same, without being waited for.
      const ending = await this.#bounded(() => member.close(), Math.max(0, untilMs - beganMs));
      this.#conclude(member, "close", { ending, beganMs });
    }
  }

  #bounded(work: () => Promise<void> | void, ms: number): Promise<Ending> {
    return bounded(work, { clock: this.#settings.clock, ms, off: this.#forced.signal });
  }

  #conclude(
    member: Runnable,
    phase: keyof typeof DONE,
    { ending, beganMs }: { ending: Ending; beganMs: number },
  ): void {
    const ms = this.#settings.clock.now() - beganMs;
    if (ending.kind === "done") this.#tell({ kind: DONE[phase], member: member.name, durationMs: ms });
    else if (ending.kind === "failed") this.#fail(member, phase, ending.error);
    else if (ending.kind === "late") {
      this.#hasFailed = true;
      this.#tell({ kind: "late", member: member.name, phase, afterMs: ms });
    }
  }

  readonly #receive = (signal: StopSignal, isSecond: boolean): void => {
    if (isSecond) this.#forcedCode = 128 + STOP_SIGNALS[signal];
    this.#tell({ kind: "signal", signal, isForced: isSecond });
    if (isSecond) this.#forced.abort(policyError("draining"));
    else this.#ask({ kind: "signal", signal });
  };

  #end(member: Runnable): void {
    this.#ended.add(member);
    if (this.#cause !== undefined) return;
    this.#tell({ kind: "ended", member: member.name });
    this.#ask({ kind: "ended", member: member.name });
  }

  #fail(member: Runnable, phase: MemberPhase, error: unknown): void {
    if (this.#isOver) return;
    if (phase === "run") this.#ended.add(member);
    this.#hasFailed = true;
    this.#tell({ kind: "failed", member: member.name, phase, error });
    this.#ask({ kind: "failed", member: member.name, error });
  }

  /** The first that asks is the cause; later ones change nothing. */
  #ask(cause: StopCause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#causeMs = this.#settings.clock.now();
    this.#stopping.abort(policyError("draining"));
  }

  #asked(): Promise<StopCause> {
    return new Promise((resolve) => {
      this.#stopping.signal.addEventListener("abort", () => resolve(this.#cause!), { once: true });
    });
  }

  #whyNotStarted(): unknown {
    if (this.#cause?.kind === "failed") return this.#cause.error;
    return policyError("canceled", { message: "the group was stopped before it had started" });
  }

  #tell(event: RunEvent): void {
    try {
      this.#settings.onEvent(event);
    } catch {
      // See `onEvent`.
    }
  }
}
