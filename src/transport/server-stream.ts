/**
 * One streaming call on its way through a server: the same steps as a unary one, with messages passing between.
 *
 * @module
 */
import { policyError, ServiceError, toServiceError } from "../errors/index.ts";
import type { BoundMethod, Project } from "./bind.ts";
import { invalidRequest, ServerCall } from "./server-call.ts";

/**
 * A streaming call; `answers` is what the transport sends, message by message, as it is asked for.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { systemClock } from "servicekit/time";
 * import { bind, ServerStream } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const n = z.object({ n: z.int() });
 * const counter = service("counter", { to: method({ request: n, response: n, stream: "server" }) });
 * const impl = counter.implement({ async *to({ n }) { for (let i = 1; i <= n; i++) yield { n: i }; } });
 * const around = { clock: systemClock, observers: [], gates: [], policy: {}, values: undefined, report() {}, failed() {} };
 * const call = new ServerStream(bind(impl, around).methods.get("to")!, { startMs: systemClock.now(), timeoutMs: 1000 }, {});
 * const got: unknown[] = [];
 * for await (const answer of call.answers({ n: 2 }, (value) => value)) got.push(answer);
 * got; // => [{ n: 1 }, { n: 2 }]
 * ```
 */
export class ServerStream extends ServerCall {
  /** What hooks see as the request: what is known before the first message. Transports that have something set it. */
  readonly request: unknown = undefined;

  // The answer is what `answers` yields; the base class only has to know how the call ended.
  protected succeed(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    this.finish(error.code);
  }

  /**
   * Runs the call: gates, then per incoming message validation, then the handler. Ending the iteration early calls the
   * call off. `incoming` is the request's wire value, a function that promises it once the gates have passed, or an
   * iterable where many come. A method that answers once gives one answer.
   *
   * @throws {ServiceError} what the call ended with, once all messages before it were taken.
   */
  async *answers(incoming: unknown, project: Project): AsyncGenerator<unknown, void, undefined> {
    this.begin();
    this.arm();
    if (!(await this.admit())) throw this.error!;
    try {
      yield* this.#run(incoming, project);
      this.finish("ok");
    } catch (thrown) {
      this.fail(thrown);
      throw this.error ?? toServiceError(thrown);
    } finally {
      if (this.outcome === undefined) this.abandon(policyError("canceled"));
    }
  }

  async *#run(incoming: unknown, project: Project): AsyncGenerator<unknown, void, undefined> {
    const { bound } = this;
    const many = bound.info.kind === "client" || bound.info.kind === "bidi";
    const request = many
      ? this.#validated(incoming as AsyncIterable<unknown>)
      : await validate(bound, await this.#given(incoming));
    if (bound.info.kind === "client" || bound.info.kind === "unary") {
      if (bound.info.oneWay === true) this.acknowledge();
      const response = await this.#unlessCalledOff(Promise.resolve(bound.endpoint(request, this.context)));
      if (ServiceError.is(response)) throw response;
      yield project(response);
      return;
    }
    const responses = bound.stream(request, this.context)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#unlessCalledOff(responses.next());
        if (next.done === true) return;
        const wire = project(next.value);
        bound.observer.message(this, "sent", 0);
        yield wire;
      }
    } finally {
      // Not awaited: a handler that is stuck must not hold the caller.
      void Promise.resolve(responses.return?.()).catch((error: unknown) => this.report(error));
    }
  }

  #given(incoming: unknown): unknown {
    return typeof incoming === "function" ? this.#unlessCalledOff(incoming() as Promise<unknown>) : incoming;
  }

  async *#validated(incoming: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
    for await (const message of incoming) {
      this.bound.observer.message(this, "received", 0);
      yield await validate(this.bound, message);
    }
  }

  #unlessCalledOff<T>(waited: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const subscription = this.onCancel(reject);
      const settle = (): void => subscription.cancel();
      waited.then(resolve, reject).finally(settle);
    });
  }
}

async function validate(bound: BoundMethod, wire: unknown): Promise<unknown> {
  const validated = await bound.method.request.validate(wire);
  if (validated.issues !== undefined) throw invalidRequest(validated.issues);
  return validated.value;
}
