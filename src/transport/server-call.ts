/**
 * One call on its way through a server: observers, gates, decode and validate, middleware, handler, and back. Every
 * transport drives the same steps; it adds how a body is read and how an answer is written.
 *
 * @module
 */
import {
  bareError,
  policyError,
  ServiceError,
  toServiceError,
  type Issue,
  type Outcome,
  type Validated,
} from "../errors/index.ts";
import { ActiveCall, isContext, type Admission, type CallStart, type Context } from "../endpoint/index.ts";
import { isRequestId, newRequestId } from "../internal/ids.ts";
import { shown } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import type { Timer } from "../time/index.ts";
import type { BoundMethod } from "./bind.ts";
import type { Hooks } from "./hooks.ts";
import { ATTEMPT, REQUEST_ID } from "./names.ts";

/** The most issues of a validation that are sent back. */
const MAX_ISSUES = 20;

/**
 * A call as a server transport drives it: `begin`, `admit`, `dispatch`, or `fail` at any time. `Request` and `Reply` are
 * what its hooks see.
 *
 * @example
 * ```ts
 * import { method, service, type ServiceError } from "servicekit";
 * import { bind, ServerCall } from "servicekit/transport";
 * import { systemClock } from "servicekit/time";
 * import { z } from "zod";
 *
 * const text = z.object({ text: z.string() });
 * const echo = service("echo", { say: method({ request: text, response: text }) }).implement({ say: (request) => request });
 * const around = { clock: systemClock, observers: [], gates: [], policy: {}, values: undefined, report() {}, failed() {} };
 * class Printed extends ServerCall {
 *   readonly request = undefined;
 *   answer: unknown;
 *   protected succeed(response: unknown) { this.answer = response; this.finish("ok"); }
 *   protected refuse(error: ServiceError) { this.finish(error.code); }
 * }
 * const call = new Printed(bind(echo, around).methods.get("say")!, { startMs: systemClock.now(), timeoutMs: 50 }, {});
 * call.begin();
 * if (call.admit() === true) call.dispatch({ text: "hi" });
 * call.answer; // => { text: "hi" }
 * ```
 */
export abstract class ServerCall<Request = unknown, Reply = unknown> extends ActiveCall {
  readonly bound: BoundMethod;
  readonly hooks: Hooks<Request, Reply>;
  #timer: Timer | undefined = undefined;
  /** The context whose deadline the timer minds. */
  #armedFor: Context | undefined = undefined;

  constructor(bound: BoundMethod, start: CallStart, hooks: Hooks<Request, Reply>) {
    super(bound.info, start);
    this.bound = bound;
    this.hooks = hooks;
  }

  /** The request as hooks see it. */
  abstract readonly request: Request;

  override get attempt(): number {
    const text = this.incoming.get(ATTEMPT);
    return text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 1;
  }

  protected override makeRequestId(): string {
    const given = this.incoming.get(REQUEST_ID);
    return isRequestId(given) ? given : newRequestId();
  }

  /** Writes the answer, then calls `finish("ok")`. What it throws fails the call. */
  protected abstract succeed(response: unknown): void;

  /** Writes the error, if anybody waits for it, then calls `finish` with the error's code. */
  protected abstract refuse(error: ServiceError): void;

  /**
   * A one-way call is accepted: tells the peer so, where the protocol has a way to, before the handler runs, and lets go of
   * the connection, so that the peer may go away. `done` or `refuse` still follow, when nobody listens any more. What it
   * throws fails the call. Default: the peer is told when the call is done.
   */
  protected acknowledge(): void {}

  /** A one-way call is done. Transports that acknowledge it call `finish("ok")`. Default: the answer is the acknowledgement. */
  protected done(): void {
    this.succeed(undefined);
  }

  /** Starts the observers. Everything after it is seen by them, to the one end. */
  begin(): void {
    this.bound.observer.start(this);
  }

  /** Runs the before hooks, then asks the gates, in order. True: go on. False: refused, and answered. */
  admit(): boolean | Promise<boolean> {
    if (this.hooks.before !== undefined) {
      try {
        for (const before of this.hooks.before)
          this.context = checkContext("a before hook", before(this.context, this.request));
      } catch (error) {
        this.fail(error);
        return false;
      }
    }
    if (this.context.deadlineMs <= this.startMs) {
      this.fail(policyError("deadline_exceeded"));
      return false;
    }
    return this.bound.gates.length === 0 ? true : this.#ask(0);
  }

  #ask(first: number): boolean | Promise<boolean> {
    const { gates, info } = this.bound;
    for (let i = first; i < gates.length; i++) {
      let admission: Admission | Promise<Admission>;
      try {
        admission = gates[i]!(this.context, info);
      } catch (error) {
        this.fail(error);
        return false;
      }
      if (isPromise(admission)) {
        this.arm();
        return (admission as Promise<Admission>).then(
          (later) => this.#passes(later) && this.#ask(i + 1),
          (error: unknown) => {
            this.fail(error);
            return false;
          },
        );
      }
      if (!this.#passes(admission)) return false;
    }
    return true;
  }

  #passes(admission: Admission): boolean {
    if (this.outcome !== undefined) return false;
    if (isContext(admission)) {
      this.context = admission;
      return true;
    }
    // Whoever forgot to return must not have let anybody in.
    const isRefusal = ServiceError.is(admission);
    this.fail(
      isRefusal ? admission : new TypeError(`a gate should return a context or an error, got ${shown(admission)}`),
    );
    return false;
  }

  /** Takes the wire value of the request through validation, middleware and handler, and answers. */
  dispatch(wire: unknown): void {
    if (this.outcome !== undefined) return;
    let validated: Validated<unknown> | Promise<Validated<unknown>>;
    try {
      validated = this.bound.method.request.validate(wire);
    } catch (error) {
      return this.fail(error);
    }
    if (!isPromise(validated)) return this.#handle(validated as Validated<unknown>);
    this.arm();
    (validated as Promise<Validated<unknown>>).then(
      (later) => this.#handle(later),
      (error: unknown) => this.fail(error),
    );
  }

  #handle(validated: Validated<unknown>): void {
    if (this.outcome !== undefined) return;
    if (validated.issues !== undefined) return this.fail(invalidRequest(validated.issues));
    if (this.method.oneWay === true) return this.#tell(validated.value);
    try {
      const result = this.bound.endpoint(validated.value, this.context);
      if (!isPromise(result)) return this.#complete(result);
      this.arm();
      result.then(
        (value) => this.#complete(value),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #tell(request: unknown): void {
    try {
      this.acknowledge();
      const result = this.bound.endpoint(request, this.context);
      if (!isPromise(result)) return this.#told(result);
      this.arm();
      result.then(
        (value) => this.#told(value),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #told(result: unknown): void {
    if (this.outcome !== undefined) return;
    try {
      if (ServiceError.is(result)) return this.fail(result);
      this.done();
    } catch (error) {
      this.fail(error);
    }
  }

  #complete(response: unknown): void {
    if (this.outcome !== undefined) return;
    try {
      if (ServiceError.is(response)) return this.fail(response);
      this.succeed(response);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the call with an error; only the first end counts. Never throws. */
  fail(thrown: unknown): void {
    if (this.outcome !== undefined) return;
    const error = this.#declared(errorOf(thrown));
    this.error = error;
    if (error.code === "internal" || error.code === "unknown")
      this.guarded(() => this.bound.around.failed(error, this.method));
    if (this.hooks.errorHandler !== undefined) this.guarded(() => this.hooks.errorHandler!(error, this.context));
    try {
      this.refuse(error);
    } catch (failure) {
      this.report(failure);
      this.finish(error.code);
    }
  }

  // Details leave as a response does: what their schema declares and nothing else.
  #declared(error: ServiceError): ServiceError {
    if (error.origin !== "declared" || error.details === undefined) return error;
    const project = this.bound.details.get(error.reason);
    if (project === undefined) return error;
    const { code, reason, origin, retryAfterMs, cause } = error;
    try {
      return bareError(error.message, { code, reason, details: project(error.details), origin, retryAfterMs, cause });
    } catch (misfit) {
      return toServiceError(misfit);
    }
  }

  /** Runs the after hooks over a reply that is about to be written. */
  protected after(reply: Reply): void {
    for (const after of this.hooks.after ?? []) after(this.context, reply);
  }

  /** Lets the user's error encoder write into the reply; false when there is none, or it threw. */
  protected encodeError(error: ServiceError, reply: Reply): boolean {
    const { errorEncoder } = this.hooks;
    return errorEncoder !== undefined && this.guarded(() => errorEncoder(error, reply, this.context));
  }

  /** Runs a user's function whose failure, now or later, must not become the call's; false when it threw. */
  protected guarded(run: () => unknown): boolean {
    try {
      const result = run();
      if (isPromise(result)) result.then(undefined, (error: unknown) => this.report(error));
      return true;
    } catch (error) {
      this.report(error);
      return false;
    }
  }

  /** Tells of an error that is not the call's. */
  protected report(error: unknown): void {
    try {
      this.bound.around.report(error, this.method);
    } catch {
      // Nobody is left to be told.
    }
  }

  /** Called off by the peer or the transport: the handler's signal aborts, and nobody is answered. */
  abandon(given: ServiceError): void {
    // A caller whose own deadline passes leaves at the same moment as ours would fire: one outcome, whichever was first.
    const isLate = given.reason === "canceled" && this.bound.around.clock.now() >= this.context.deadlineMs - 1;
    const reason = isLate ? policyError("deadline_exceeded") : given;
    this.guarded(() => this.cancel(reason));
    this.fail(reason);
  }

  /** The deadline has passed: the handler's signal aborts, and the caller hears of it now. */
  expire(): void {
    this.abandon(policyError("deadline_exceeded"));
  }

  /** Ends the observation. Transports call it once the answer is on its way. */
  protected finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#timer?.cancel();
    this.durationMs = this.bound.around.clock.now() - this.startMs;
    this.bound.observer.end(this);
    if (this.hooks.finalizer !== undefined) for (const last of this.hooks.finalizer) this.guarded(() => last(this));
  }

  // Only a call that waits needs a timer: a synchronous handler is over before one could fire.
  protected arm(): void {
    const { context } = this;
    // A gate that waited may have been followed by one that shortens the deadline.
    if (this.#armedFor?.deadlineMs === context.deadlineMs || context.deadlineMs === Infinity) return;
    this.#timer?.cancel();
    this.#armedFor = context;
    const { clock } = this.bound.around;
    const nowMs = clock.now();
    this.#timer = clock.expire(context.deadlineMs - nowMs, this, nowMs);
  }
}

// Whatever is thrown becomes an error, also what cannot be looked at.
function errorOf(thrown: unknown): ServiceError {
  try {
    return toServiceError(thrown);
  } catch (cause) {
    return policyError("internal", { cause });
  }
}

/** Returns what a user's function gave when it is a context. */
function checkContext(who: string, given: unknown): Context {
  if (isContext(given)) return given;
  throw new TypeError(`${who} should return a context, got ${shown(given)}`);
}

/**
 * The error for a request that does not fit its schema: paths and messages of the first issues.
 *
 * @example
 * ```ts
 * import { invalidRequest } from "servicekit/transport";
 *
 * invalidRequest([{ message: "should be a string", path: ["text"] }]).details; // => { issues: [{ path: ["text"], message: "should be a string" }] }
 * ```
 */
export function invalidRequest(issues: readonly Issue[]): ServiceError {
  const shown = issues.slice(0, MAX_ISSUES).map(({ message, path = [] }) => ({
    path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)),
    message,
  }));
  return policyError("invalid_request", { details: { issues: shown } });
}
