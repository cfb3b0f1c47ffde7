/**
 * The behaviour every transport has, as cases that any test runner can run. A transport is shown to behave like the others
 * by running them, not by claiming it.
 *
 * @module
 */
import type { Implementation } from "../contract/index.ts";
import type { Gate, Observe } from "../endpoint/index.ts";
import type { ClientTransport, Codec, Hooks, LimitOptions } from "../transport/index.ts";
import { callCases } from "./call-cases.ts";
import { contextCases } from "./context-cases.ts";
import { hookCases } from "./hook-cases.ts";
import { metadataCases } from "./metadata-cases.ts";
import { oneWayCases } from "./one-way-cases.ts";
import { serverCases } from "./server-cases.ts";
import { streamCallCases } from "./stream-call-cases.ts";
import { streamCases } from "./stream-cases.ts";
import { streamEndCases } from "./stream-end-cases.ts";
import { streamFlowCases } from "./stream-flow-cases.ts";

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

/** What a case asks of the protocol itself, beside requests and replies: "headers", names and values beside a message. */
export type Need = "headers";

/** What stands around the implementation a case serves. */
export interface Surrounding extends Hooks<unknown, unknown> {
  readonly observers?: readonly Observe[] | undefined;
  readonly gates?: readonly Gate[] | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Is told of failures nobody declared. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** Reads and writes messages on both sides, in place of the transport's own: JSON texts of its own. */
  readonly codec?: Codec | undefined;
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
  /** Serves an implementation for one case, with nothing around it but this: no log, no tracer. */
  connect(implementation: Implementation, surrounding: Surrounding): Promise<Connected>;
}

/** One case: a sentence about behaviour, and the way to see it. */
export interface Case {
  /** Stable, and its own: "streams/cancel-client". */
  readonly id: string;
  readonly property: Property;
  readonly name: string;
  /** Default: none. */
  readonly needs?: Need | undefined;
  /** Rejects when the transport behaves otherwise. */
  run(): Promise<void>;
}

/**
 * Cases that a transport cannot pass, with the reason, which is printed and counted. At least one of `properties`, `needs`
 * and `cases` says which; say as little as the protocol allows.
 */
export interface Skipped {
  readonly reason: string;
  /** All cases of these. Default: none. */
  readonly properties?: readonly Property[] | undefined;
  /** All cases that need one of these. Default: none. */
  readonly needs?: readonly Need[] | undefined;
  /** Single cases by their `id`. Default: none. */
  readonly cases?: readonly string[] | undefined;
}

/** A case that was left out, and why. */
export interface SkippedCase extends Case {
  readonly skip: string;
}

/**
 * The cases for one transport. Run each by `case.run()`; those with a `skip` are to be reported as skipped, with it.
 *
 * @throws {RangeError} when `skip` names a property, need or case there is none of.
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
 * await cases.find(({ id }) => id === "errors/declared")!.run();
 * cases.length > 50; // => true
 * ```
 */
export function transportSuite(
  harness: TransportHarness,
  skip: readonly Skipped[] = [],
): readonly (Case | SkippedCase)[] {
  const cases = ALL.flatMap((casesOf) => casesOf(harness));
  for (const one of skip) checkSkipped(one, cases);
  return cases.map((one) => {
    const found = skip.find((rule) => concerns(rule, one));
    return found === undefined ? one : { ...one, skip: found.reason };
  });
}

const ALL: readonly ((harness: TransportHarness) => readonly Case[])[] = [
  callCases,
  contextCases,
  metadataCases,
  hookCases,
  serverCases,
  oneWayCases,
  streamCases,
  streamCallCases,
  streamFlowCases,
  streamEndCases,
];

function concerns({ properties = [], needs = [], cases = [] }: Skipped, { property, needs: need, id }: Case): boolean {
  return properties.includes(property) || (need !== undefined && needs.includes(need)) || cases.includes(id);
}

// What has gone would else be skipped for ever, unseen.
function checkSkipped(rule: Skipped, cases: readonly Case[]): void {
  const { properties = [], needs = [], cases: ids = [] } = rule;
  const known = new Set<string | undefined>(cases.flatMap(({ id, property, needs: need }) => [id, property, need]));
  for (const name of [...properties, ...needs, ...ids])
    if (!known.has(name))
      throw new RangeError(`skip should name properties, needs or cases of the suite, got "${name}"`);
  if (properties.length + needs.length + ids.length === 0)
    throw new RangeError(`skip should say what it is about, got only the reason "${rule.reason}"`);
}
