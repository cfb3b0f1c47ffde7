/**
 * Declares one method: its messages, its errors, and what a policy may assume of it.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, shown } from "../internal/check.ts";
import type { Kind } from "../endpoint/index.ts";
import type { AnyErrorType, Schema } from "../errors/index.ts";
import { DAY_MS } from "./policy.ts";
import { shapeOf } from "./shape.ts";
import type { Method, TypesOf } from "./types.ts";

/** What a method is declared with. */
export interface MethodSpec<Rq, Rs, E extends AnyErrorType, K extends Kind> {
  /** The request, any Standard Schema: its input form is what travels. For a stream of requests, one of them. */
  readonly request: Rq;
  /** The response; for a stream of responses, one of them. */
  readonly response: Rs;
  /** The errors callers are expected to handle. Default: none. */
  readonly errors?: readonly E[] | undefined;
  /** Which side sends many messages. Default: "unary", one each way. */
  readonly stream?: K | undefined;
  /** Whether calling twice does no more than calling once. Default: false, since a wrong true repeats orders. */
  readonly idempotent?: boolean | undefined;
  /** How long a call may take, 1 ms to a day. Default: what the server or client says (3 s). */
  readonly timeoutMs?: number | undefined;
}

// The schemas have no bound: to compare it, the compiler would work out all members of each schema, which doubles what an
// editor takes after a change. That there is a "~standard" costs next to nothing to see; the rest is checked when it runs.
type Schemas<Rq, Rs> = "~standard" extends keyof Rq
  ? "~standard" extends keyof Rs
    ? unknown
    : { readonly response: Schema }
  : { readonly request: Schema };

/**
 * Declares a method of a service.
 *
 * @throws {TypeError | RangeError} when a schema, error or option is not what it should be.
 *
 * @example
 * ```ts
 * import { method } from "servicekit";
 * import { z } from "zod";
 *
 * const sum = method({ request: z.object({ a: z.int(), b: z.int() }), response: z.object({ v: z.int() }), idempotent: true });
 * sum.kind; // => "unary"
 * ```
 */
export function method<Rq, Rs, const E extends AnyErrorType = never, const K extends Kind = "unary">(
  spec: MethodSpec<Rq, Rs, E, K> & Schemas<Rq, Rs>,
): Method<TypesOf<Rq, Rs, NoInfer<E>, NoInfer<K>>> {
  if (typeof spec !== "object" || spec === null)
    throw new TypeError(`method should be given an object, got ${shown(spec)}`);
  checkNames("method", spec, ["request", "response", "errors", "stream", "idempotent", "timeoutMs"]);
  const { errors = [], idempotent = false, timeoutMs } = spec;
  checkErrors(errors);
  return {
    kind: checkOneOf("stream", spec.stream ?? "unary", ["unary", "server", "client", "bidi"]) as NoInfer<K>,
    idempotent: checkBoolean("idempotent", idempotent),
    timeoutMs: timeoutMs === undefined ? undefined : checkNumber("timeoutMs", timeoutMs, { min: 1, max: DAY_MS }),
    request: shapeOf(checkSchema("request", spec.request)),
    response: shapeOf(checkSchema("response", spec.response)),
    errors,
  };
}

function checkErrors(errors: readonly AnyErrorType[]): void {
  if (!Array.isArray(errors)) throw new TypeError(`errors should be a list, got ${shown(errors)}`);
  const reasons = new Set<string>();
  for (const one of errors as readonly (AnyErrorType | undefined)[]) {
    if (typeof one !== "function" || typeof (one as AnyErrorType).reason !== "string")
      throw new TypeError(`errors should hold what error() returns, got ${shown(one)}`);
    const { reason } = one as AnyErrorType;
    if (reasons.has(reason)) throw new RangeError(`errors should each have a reason of its own, got "${reason}" twice`);
    reasons.add(reason);
  }
}

// A string such as "no" would repeat orders.
function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`${name} should be true or false, got ${shown(value)}`);
}

function checkSchema(name: string, schema: unknown): Schema {
  const standard = (schema as { "~standard"?: { validate?: unknown } } | null | undefined)?.["~standard"];
  if (typeof standard?.validate === "function") return schema as Schema;
  throw new TypeError(`${name} should be a Standard Schema, got ${shown(schema)}`);
}
