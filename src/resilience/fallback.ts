/**
 * The next best answer when the best cannot be had: a ladder of steps, and a mark that says which of them answered. For what
 * may be old or general without harm; never for what must be right, such as a balance or a permission.
 *
 * @module
 */
import { described, settle, type Context, type Endpoint, type MethodInfo, type Middleware } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { checkFunction, shown } from "../internal/check.ts";
import { isPromise } from "../internal/promise.ts";
import { markAnswer } from "./mark.ts";
import { isReplaceable } from "./verdict.ts";

/** An answer and where it comes from. */
export interface Marked<T, F extends string = string> {
  readonly value: T;
  /** "fresh", or the name of the step that answered. */
  readonly from: F;
  /** Why it is not fresh; undefined when it is. */
  readonly error: unknown;
}

/** Steps by name, tried in the order written. Each gives an answer, or undefined when it has none; what it throws counts as none. */
export type Steps<A extends unknown[], T> = Readonly<
  Record<string, (...args: A) => T | undefined | Promise<T | undefined>>
>;

/** What a step answers with. */
export type StepValue<S extends Steps<never[], unknown>> = Exclude<Awaited<ReturnType<S[keyof S]>>, undefined>;

/**
 * Puts a ladder under a function: when it fails, the steps are tried in the order written, and the answer says which it is
 * from. What it fails with is as for a breaker, and `resource_exhausted`: declared errors and all other codes
 * (`permission_denied`, `not_found`) are answers, and a caller that left wants none. Those come through as they are.
 *
 * @throws whatever `fn` failed with, when no step has an answer.
 *
 * @example
 * ```ts
 * import { withFallback } from "servicekit/resilience";
 *
 * const seen = new Map([["eur", 1.1]]);
 * const load = async (of: string): Promise<number> => Promise.reject(new Error(`no answer for ${of}`));
 * const rate = withFallback(load, { stale: (of) => seen.get(of), default: () => 1 });
 * const { value, from } = await rate("eur");
 * [value, from]; // => [1.1, "stale"]
 * (await rate("usd")).from; // => "default"
 * ```
 */
export function withFallback<A extends unknown[], T, S extends Steps<A, unknown>>(
  fn: (...args: A) => T | Promise<T>,
  steps: S & Steps<A, unknown>,
): (...args: A) => Promise<Marked<Awaited<T> | StepValue<S>, "fresh" | Extract<keyof S, string>>> {
  checkFunction("withFallback: fn", fn);
  const ladder = checkedSteps("withFallback", steps);
  type Result = Marked<Awaited<T> | StepValue<S>, "fresh" | Extract<keyof S, string>>;
  return async function laddered(this: unknown, ...args: A): Promise<Result> {
    let error: unknown;
    try {
      const value = await fn.apply(this, args);
      if (!wantsStep(value)) return { value, from: "fresh", error: undefined } as Result;
      error = value;
    } catch (thrown) {
      if (!isReplaceable(thrown)) throw thrown;
      error = thrown;
    }
    const found = await climb(ladder, args);
    if (found === undefined) throw error;
    markAnswer(found.value, found.from);
    return { ...found, error } as Result;
  };
}

/**
 * Makes the ladder as a middleware, for a handler or around the calls to an upstream: a step gets the request and its context.
 * `markOf(answer)` says which step it is from, and a server's reply says it in the metadata `answer-mark`. Answers once; not
 * for streams. What a step answers with must fit the method's response; name its type to have it checked.
 *
 * @throws {TypeError} when a step is no function, or before a method that answers with a stream.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { fallback, markOf } from "servicekit/resilience";
 *
 * const context = backgroundContext();
 * const load = async (_: { of: string }): Promise<{ rate: number }> => Promise.reject(new Error("no answer"));
 * const rate = fallback<{ of: string }, { rate: number }>({ default: () => ({ rate: 1 }) })(load, context.method);
 * const answer = await rate({ of: "eur" }, context);
 * answer.rate; // => 1
 * markOf(answer); // => "default"
 * ```
 */
export function fallback<Req = unknown, Res = unknown>(
  steps: Steps<[request: Req, context: Context], Res>,
): Middleware<Req> {
  const ladder = checkedSteps("fallback", steps);
  function guard<Q extends Req, R>(next: Endpoint<Q, R>, method: MethodInfo): Endpoint<Q, R> {
    if (method.kind === "server" || method.kind === "bidi")
      throw new TypeError(
        `fallback is for methods that answer once, ${method.service}.${method.name} answers with a stream`,
      );
    return function laddered(request, context) {
      const instead = async (error: unknown): Promise<R> => {
        const found = context.canceledBy === undefined ? await climb(ladder, [request, context]) : undefined;
        if (found === undefined) throw error;
        markAnswer(found.value, found.from, context);
        return found.value as R;
      };
      return settle(
        () => next(request, context),
        (value) => (wantsStep(value) ? instead(value) : value),
        (error) => {
          if (isReplaceable(error)) return instead(error);
          throw error;
        },
      ) as R | Promise<R>;
    };
  }
  return described(`fallback ${ladder.map(([name]) => name).join(", ")}`, guard) as Middleware<Req>;
}

type Ladder = readonly (readonly [name: string, step: (...args: never[]) => unknown])[];

function checkedSteps(what: string, steps: object): Ladder {
  if (typeof steps !== "object" || steps === null)
    throw new TypeError(`${what}: steps should be an object, got ${shown(steps)}`);
  const ladder = Object.entries(steps) as Ladder;
  if (ladder.length === 0) throw new TypeError(`${what}: steps should have at least one step, got none`);
  for (const [name, step] of ladder) {
    checkFunction(`${what}: steps.${name}`, step);
    // Such names come first in an object, wherever they were written.
    if (/^\d+$/.test(name) || name === "fresh")
      throw new RangeError(`${what}: steps should have names other than numbers and "fresh", got ${shown(name)}`);
  }
  return ladder;
}

async function climb(ladder: Ladder, args: unknown[]): Promise<{ value: unknown; from: string } | undefined> {
  for (const [from, step] of ladder) {
    try {
      const given = (step as (...args: unknown[]) => unknown)(...args);
      const value = isPromise(given) ? await given : given;
      if (value !== undefined && !ServiceError.is(value)) return { value, from };
    } catch {
      // The next may have an answer; the caller hears of the first failure.
    }
  }
  return undefined;
}

/** An error that is returned is an error all the same. */
function wantsStep(value: unknown): boolean {
  return ServiceError.is(value) && isReplaceable(value);
}
