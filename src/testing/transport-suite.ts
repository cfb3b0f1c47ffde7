/**
 * The behaviour every transport has, as cases that any test runner can run. A transport is shown to behave like the others
 * by running them, not by claiming it.
 *
 * @module
 */
import type { Implementation } from "../contract/index.ts";
import type { Gate, Observe } from "../endpoint/index.ts";
import type { ClientTransport, Hooks, LimitOptions } from "../transport/index.ts";
import { callCases } from "./call-cases.ts";
import { contextCases } from "./context-cases.ts";
import { serverCases } from "./server-cases.ts";
import { streamCases } from "./stream-cases.ts";

/** The rows of the table: what all transports share. */
export type Property =
  | "hooks"
  | "codecs"
  | "errors"
  | "deadlines"
  | "cancellation"
  | "metadata"
  | "trace"
  | "limits"
  | "streams"
  | "drain"
  | "one-way";

/** What stands around the implementation a case serves. */
export interface Surrounding extends Hooks<unknown, unknown> {
  readonly observers?: readonly Observe[] | undefined;
  readonly gates?: readonly Gate[] | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Is told of failures nobody declared. */
  readonly report?: ((error: unknown) => void) | undefined;
}

/** A served implementation, and the way to it. */
export interface Connected extends AsyncDisposable {
  readonly transport: ClientTransport;
  /** The instance's address; undefined for transports that need none. */
  readonly from: string | undefined;
  /** Stops accepting and resolves when nothing is in flight. */
  drain(): Promise<void>;
}

/** What a transport gives to be tested. */
export interface TransportHarness {
  readonly name: string;
  /** Serves an implementation for one case. */
  connect(implementation: Implementation, surrounding: Surrounding): Promise<Connected>;
  /** Sends a request nobody waits for an answer to; undefined where the protocol has none. */
  readonly notify?: ((connected: Connected, method: string, request: unknown) => Promise<void>) | undefined;
}

/** One case: a sentence about behaviour, and the way to see it. */
export interface Case {
  readonly property: Property;
  readonly name: string;
  /** Rejects when the transport behaves otherwise. */
  run(): Promise<void>;
}

/** Cases that a transport cannot pass, with the reason, which is printed and counted. */
export interface Skipped {
  readonly reason: string;
  readonly properties: readonly Property[];
}

/** A case that was left out, and why. */
export interface SkippedCase extends Case {
  readonly skip: string;
}

/**
 * The cases for one transport. Run each by `case.run()`; those with a `skip` are to be reported as skipped, with it.
 *
 * @example
 * ```ts
 * import { transportSuite } from "servicekit/testing";
 * import { local } from "servicekit/transport/local";
 *
 * const cases = transportSuite({
 *   name: "local",
 *   connect: async (implementation, surrounding) => ({
 *     transport: local(implementation, { observers: surrounding.observers }),
 *     from: undefined,
 *     drain: () => Promise.resolve(),
 *     [Symbol.asyncDispose]: () => Promise.resolve(),
 *   }),
 * });
 * await cases.find(({ property }) => property === "errors")!.run();
 * cases.length > 20; // => true
 * ```
 */
export function transportSuite(
  harness: TransportHarness,
  skip: readonly Skipped[] = [],
): readonly (Case | SkippedCase)[] {
  const cases = [...callCases(harness), ...contextCases(harness), ...serverCases(harness), ...streamCases(harness)];
  return cases.map((one) => {
    const reason = skip.find(({ properties }) => properties.includes(one.property))?.reason;
    return reason === undefined ? one : { ...one, skip: reason };
  });
}
