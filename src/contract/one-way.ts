/**
 * Methods that are told rather than asked. For a call whose answer matters, however empty, see `method`.
 *
 * @module
 */
import { checkNames, shown } from "../internal/check.ts";
import type { InferInput, InferOutput, Schema } from "../errors/index.ts";
import { method } from "./method.ts";
import type { Shape } from "./shape.ts";
import type { Method, Types } from "./types.ts";

/** What a one-way method is declared with. */
export interface OneWaySpec<Rq> {
  /** The request, any Standard Schema: its input form is what travels. */
  readonly request: Rq;
  /** Whether telling twice does no more than telling once. Default: false. */
  readonly idempotent?: boolean | undefined;
  /** How long the work may take on the server, 1 ms to a day. Default: what the server says (3 s). */
  readonly timeoutMs?: number | undefined;
}

/** The types of a one-way method. */
export interface OneWayTypes<Rq> extends Types {
  reqIn: Rq extends Schema ? InferInput<Rq> : never;
  reqOut: Rq extends Schema ? InferOutput<Rq> : never;
  resIn: void;
  resOut: void;
  failIn: never;
  failOut: never;
  kind: "unary";
}

/** The shape of an answer that says nothing: an empty object where a protocol wants one. */
export const nothing: Shape = {
  validate: () => ({ value: undefined }),
  jsonSchema: () => ({ type: "object", properties: {}, additionalProperties: false }),
  toJson: () => ({}),
};

/**
 * Declares a method that nobody waits for: a call resolves when the request is accepted, which on a server means that it was
 * admitted and is valid, and over a broker that the broker has it. What becomes of it is in the server's logs and metrics;
 * its handler returns nothing and its errors are not answered.
 *
 * @throws {TypeError | RangeError} when the schema or an option is not what it should be.
 *
 * @example
 * ```ts
 * import { oneWay, service } from "servicekit";
 * import { z } from "zod";
 *
 * const audit = service("audit", { note: oneWay({ request: z.object({ text: z.string() }) }) });
 * audit.methods.note.oneWay; // => true
 * ```
 */
export function oneWay<Rq>(spec: OneWaySpec<Rq>): Method<OneWayTypes<Rq>> {
  if (typeof spec !== "object" || spec === null)
    throw new TypeError(`oneWay should be given an object, got ${shown(spec)}`);
  checkNames("oneWay", spec, ["request", "idempotent", "timeoutMs"]);
  const declared = method({ ...(spec as OneWaySpec<Schema>), response: spec.request as Schema });
  return { ...declared, response: nothing, oneWay: true } as Method<OneWayTypes<Rq>>;
}
