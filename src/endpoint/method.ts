/**
 * What every policy and observer is told about the method it stands around, so that nobody passes names by hand.
 *
 * @module
 */
import type { AnyErrorType } from "../errors/index.ts";

/** How many messages go each way: one and one, one and many, many and one, many and many. */
export type Kind = "unary" | "server" | "client" | "bidi";

/** Which end of the call this process is. */
export type Side = "client" | "server";

/** A method as its policies see it. */
export interface MethodInfo {
  readonly service: string;
  readonly name: string;
  readonly kind: Kind;
  readonly side: Side;
  /** Whether calling twice does no more than calling once: only then may a policy call again. */
  readonly idempotent: boolean;
  /** Whether nobody waits for what becomes of a call: it is acknowledged once it is accepted. Default: false. */
  readonly oneWay?: boolean | undefined;
  /** The errors the contract declares: answers, not failures. */
  readonly errors: readonly AnyErrorType[];
  /** The time a call of this method may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** The name under which calls are counted that fit no method: one name, however many paths are tried. */
export const OTHER = "other";

/** The default time a call may take: long enough for nearly every call, short enough that a stuck one is noticed. */
export const TIMEOUT_MS = 3000;
