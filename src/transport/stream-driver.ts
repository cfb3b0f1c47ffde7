/**
 * What drives a streaming call on a server, whatever the protocol: gives the handler the request's messages as it asks for
 * them, and asks it for as many answers as the peer takes. Who hosts it frames them and writes them.
 *
 * @module
 */
import type { ActiveCall } from "../endpoint/index.ts";
import { policyError, ServiceError, type Issue, type Validated } from "../errors/index.ts";
import { isPromise } from "../internal/promise.ts";
import type { BoundMethod } from "./bind.ts";
import { IncomingMessages, type MessagesFrom } from "./incoming-messages.ts";
import { invalidRequest } from "./server-call.ts";

/** A call as its driver sees it. */
export interface DrivenCall extends ActiveCall {
  readonly bound: BoundMethod;
  fail(thrown: unknown): void;
  /** Answers once, as a call without a stream. */
  succeed(response: unknown): void;
  arm(): void;
  /** Tells of an error that is not the call's. */
  report(error: unknown): void;
}

/** The way the answers of one call go out. What its methods throw fails the call. */
export interface AnswersOut {
  /** Whether the peer takes no more for now: then `go` of the driver is called when it does again. */
  readonly isBehind: boolean;
  /** The handler is about to be asked for the first answer. */
  begun(): void;
  send(value: unknown): void;
  /** The handler has said its last: ends the answer and the call. */
  complete(): void;
}

/** How the messages of a request are read. */
export interface RequestMessages<F> extends Pick<MessagesFrom<F>, "source" | "frames" | "read"> {
  /** How much of a message observers are told. */
  sizeOf(frame: F): number;
}

/** Drives one streaming call. */
export class StreamDriver {
  readonly #call: DrivenCall;
  readonly #out: AnswersOut;
  #answers: AsyncIterator<unknown> | undefined = undefined;
  #requests: { stop(reason: Error): void } | undefined = undefined;
  #isAsking = false;
  /** Whether the handler has said its last. */
  #isDone = false;

  constructor(call: DrivenCall, out: AnswersOut) {
    this.#call = call;
    this.#out = out;
  }

  /** The request is admitted, and its messages come one by one. */
  take<F>({ source, frames, read, sizeOf }: RequestMessages<F>): void {
    const call = this.#call;
    const { bound } = call;
    const requests = new IncomingMessages<F>({
      source,
      frames,
      read,
      validate: (wire) => bound.method.request.validate(wire),
      arrived: (bytes) => void (call.requestBytes += bytes),
      received: (one) => bound.observer.message(call, "received", sizeOf(one)),
      refused: (error) => call.fail(error),
    });
    this.#requests = requests;
    const { kind } = bound.info;
    if (kind === "server" || kind === "bidi") this.#answer(requests);
    else this.#answerOnce(requests);
  }

  /** The one request there is is here, in its wire form. */
  dispatch(wire: unknown): void {
    const call = this.#call;
    try {
      const validated = call.bound.method.request.validate(wire);
      if (!isPromise(validated)) return this.#validated(validated as Validated<unknown>);
      (validated as Promise<Validated<unknown>>).then(
        (later) => this.#validated(later),
        (error: unknown) => call.fail(error),
      );
    } catch (error) {
      call.fail(error);
    }
  }

  #validated(validated: { readonly value?: unknown; readonly issues?: readonly Issue[] | undefined }): void {
    if (this.#call.outcome !== undefined) return;
    if (validated.issues !== undefined) this.#call.fail(invalidRequest(validated.issues));
    else this.#answer(validated.value);
  }

  #answerOnce(request: unknown): void {
    const call = this.#call;
    try {
      const response = call.bound.endpoint(request, call.context);
      if (!isPromise(response)) return this.#answered(response);
      response.then(
        (later) => this.#answered(later),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  #answered(response: unknown): void {
    const call = this.#call;
    this.#isDone = true;
    if (call.outcome !== undefined) return;
    try {
      if (ServiceError.is(response)) call.fail(response);
      else call.succeed(response);
    } catch (error) {
      call.fail(error);
    }
  }

  #answer(request: unknown): void {
    const { bound, context } = this.#call;
    try {
      this.#answers = bound.stream(request, context)[Symbol.asyncIterator]();
      this.#out.begun();
    } catch (error) {
      return this.#call.fail(error);
    }
    this.go();
  }

  /** Asks the handler for the next answer, unless it is asked already. */
  go(): void {
    if (this.#isAsking || this.#answers === undefined || this.#call.outcome !== undefined) return;
    this.#isAsking = true;
    try {
      this.#answers.next().then(this.#given, this.#broken);
    } catch (error) {
      this.#call.fail(error);
    }
  }

  readonly #given = (step: IteratorResult<unknown, unknown>): void => {
    const call = this.#call;
    this.#isAsking = false;
    if (call.outcome !== undefined) return;
    try {
      if (step.done === true) {
        this.#answers = undefined;
        this.#isDone = true;
        return this.#out.complete();
      }
      this.#out.send(step.value);
    } catch (error) {
      return call.fail(error);
    }
    if (!this.#out.isBehind) this.go();
  };

  readonly #broken = (error: unknown): void => {
    this.#answers = undefined;
    this.#failed(error);
  };

  #failed(error: unknown): void {
    this.#isDone = true;
    this.#call.fail(error);
  }

  /** The call is over, however: nobody is asked for anything any more. */
  close(): void {
    const call = this.#call;
    // It failed while the handler is at work, which should hear of it.
    if (call.error !== undefined && !this.#isDone) {
      try {
        call.cancel(call.error);
      } catch (error) {
        call.report(error);
      }
    }
    this.#requests?.stop(call.canceledBy ?? call.error ?? policyError("canceled"));
    const answers = this.#answers;
    this.#answers = undefined;
    if (answers?.return === undefined) return;
    // Not awaited: a handler that is stuck must not hold the call.
    try {
      answers.return().then(undefined, (error: unknown) => call.report(error));
    } catch (error) {
      call.report(error);
    }
  }
}
