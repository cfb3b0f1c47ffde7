/**
 * Places as a gate: a call takes one before its body is read, and gives it back when the call is over, however it ends. A
 * stream keeps its place until its last message.
 *
 * @module
 */
import {
  CallContext,
  key,
  observed,
  type Admission,
  type Call,
  type Context,
  type Gate,
  type Key,
  type Observer,
} from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { Slots } from "./concurrency-slots.ts";
import { levelOf } from "./criticality.ts";
import { Waiter } from "./queue-waiter.ts";

/** What the context of an admitted call holds. */
interface Ticket {
  readonly waitedMs: number;
  /** Gives the place back; the first time only. */
  leave(): void;
}

/** Makes the gate. It may stand before many methods, which then share the places; twice before one it counts once. */
export function slotsGate(slots: Slots, name: string): Gate {
  const mark: Key<Ticket> = key(name);
  // Calls that did not wait share one: the end of a call comes exactly once.
  const atOnce: Ticket = { waitedMs: 0, leave: () => slots.leave() };
  function admitWithin(context: Context): Admission | Promise<Admission> {
    if (context.get(mark) !== undefined) return context;
    if (slots.tryEnter()) return context.with(mark, atOnce);
    if (context.canceledBy !== undefined) return context.canceledBy;
    return queued(slots, mark, context);
  }
  const observer: Observer = {
    end(call) {
      const ticket = call.context.get(mark);
      if (ticket === undefined) return;
      if (slots.listener !== undefined) learn(slots, call, call.durationMs - ticket.waitedMs);
      ticket.leave();
    },
  };
  return observed(() => observer, admitWithin);
}

function queued(slots: Slots, mark: Key<Ticket>, context: Context): Admission | Promise<Admission> {
  const waiter = new WaitingCall(slots, mark, context);
  if (!slots.line.add(waiter)) return slots.line.refusal();
  const admission = new Promise<Admission>((resolve) => waiter.wait(resolve));
  void admission.then(() => waiter.check());
  return admission;
}

class WaitingCall extends Waiter implements Ticket {
  waitedMs = 0;
  readonly #slots: Slots;
  readonly #mark: Key<Ticket>;
  readonly #context: Context;
  #holds = false;
  #resolve: ((admission: Admission) => void) | undefined = undefined;

  constructor(slots: Slots, mark: Key<Ticket>, context: Context) {
    super(slots.clock.now(), levelOf(context));
    this.#slots = slots;
    this.#mark = mark;
    this.#context = context;
  }

  // Also of one that has its place: it may be called off before the pipeline has gone on, and then no observer finds it.
  wait(resolve: (admission: Admission) => void): void {
    this.#resolve = resolve;
    this.#context.onCancel((reason) => {
      if (this.#holds) return this.leave();
      this.#slots.line.remove(this);
      resolve(reason);
    });
  }

  grant(nowMs: number): boolean {
    if (isOver(this.#context)) {
      this.#resolve!(policyError("canceled"));
      return false;
    }
    this.#holds = true;
    this.waitedMs = nowMs - this.sinceMs;
    this.#resolve!(this.#context.with(this.#mark, this));
    return true;
  }

  refuse(error: ServiceError): void {
    this.#resolve!(error);
  }

  /** Once the pipeline has gone on: a call that ended in the same turn in which it got its place was not told of it. */
  check(): void {
    if (isOver(this.#context)) this.leave();
  }

  leave(): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#slots.leave();
  }
}

// A call can end without being called off, and its place would never come back.
function isOver(context: Context): boolean {
  if (context.canceledBy !== undefined) return true;
  return context instanceof CallContext && (context.call as Partial<Call>).outcome !== undefined;
}

// How long a stream goes on says nothing of the load, nor does a refusal that came at once.
function learn(
  { listener, clock }: Slots,
  { method, outcome, error, startMs, durationMs }: Call,
  tookMs: number,
): void {
  if (method.kind !== "unary") return;
  const nowMs = durationMs > 0 ? startMs + durationMs : clock.now();
  const isPushBack = method.side === "client" && error?.origin === "peer" && error.reason === "overloaded";
  if (isPushBack) listener!.pushedBack(nowMs);
  else if (outcome === "ok" || outcome === "deadline_exceeded" || error?.origin === "declared")
    listener!.sample(tookMs, nowMs);
}
