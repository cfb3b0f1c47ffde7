/**
 * Runs the suite that all transports share in vitest, and marks its tests for the table in docs/transports.md.
 *
 * A transport is shown to behave like the others by a file beside it, named in `COLUMNS` of tools/transports.ts:
 *
 *     asEveryTransport(
 *       carriedBy("grpc", {
 *         server: ({ limits, ...hooks }) => grpcServer({ port: 0, host: "127.0.0.1", limits, ...hooks }),
 *         client: () => grpcClient(),
 *       }),
 *       {
 *         skip: [{ reason: "messages are protobuf", cases: ["codecs/replaced"] }],
 *         missing: broker.missing,       // why its server cannot be had here; undefined when it can
 *       },
 *     );
 *
 * A transport that is reached in another way writes its own `TransportHarness`. Skip as little as the protocol allows:
 * `properties` for whole rows, `needs: ["headers"]` for what rides on names and values beside a message, `cases` for single
 * ones. Tests against foreign peers stand elsewhere, and count for the row "bytes" by `bytes(name, sentence, run)`, or all
 * of a `describe` by its options `bytesOf(name)`; a transport without any says why by `noBytes(name, reason)`.
 *
 * @module
 */
import { describe, expect, it, type TestContext } from "vitest";
import { serve } from "../src/server/index.ts";
import { transportSuite, type Skipped, type Surrounding, type TransportHarness } from "../src/testing/index.ts";
import type { ClientTransport, ServerTransport } from "../src/transport/index.ts";
import { COLUMNS, ROWS } from "../tools/transports.ts";

/** What stands around the methods on the transport itself: hooks, limits and a codec. */
export type Around = Omit<Surrounding, "observers" | "gates" | "report">;

/** Both ends of a transport. */
export interface Carried {
  /** Made for each case. It listens on a port of its own, on 127.0.0.1. */
  server(around: Around): ServerTransport;
  /** Made for each case. */
  client(around: Around): ClientTransport;
  /** Where the client is to go. Default: the first address that the server gives. */
  readonly from?: ((addresses: readonly string[]) => string) | undefined;
}

/** The harness of a transport that `serve` serves and `client` calls by an address. */
export function carriedBy(name: string, { server, client, from = ([first]) => first! }: Carried): TransportHarness {
  return {
    name,
    async connect(implementation, { observers, gates, report, ...around }) {
      const running = await serve(implementation, {
        on: [server(around)],
        observers,
        gates,
        report,
        log: false,
        trace: false,
        signals: false,
      });
      const stop = async (): Promise<void> => void (await running.stop());
      return { transport: client(around), from: from(running.addresses), drain: stop, [Symbol.asyncDispose]: stop };
    },
  };
}

/** What is not to be run, and why. */
export interface EveryOptions {
  /** What the protocol does not have. Default: nothing. */
  readonly skip?: readonly Skipped[] | undefined;
  /** Why nothing can be tried on this machine: its server is missing. Default: it can. */
  readonly missing?: string | undefined;
}

/** Registers the suite for one transport, whose name is that of a column. */
export function asEveryTransport(harness: TransportHarness, { skip = [], missing }: EveryOptions = {}): void {
  const { name: transport } = harness;
  checkColumn(transport);
  const cases = transportSuite(harness, skip);
  describe(`${transport}, as every transport`, () => {
    for (const one of cases) {
      const { property, name: sentence } = one;
      const reason = "skip" in one ? one.skip : undefined;
      const meta = { cell: { transport, property, sentence, skip: reason, missing } };
      it(`${property}: ${sentence}`, { meta }, (test) => {
        const why = reason ?? missing;
        return why === undefined ? one.run() : test.skip(why);
      });
    }

    it("runs cases of every property, or says why not", () => {
      expect(new Set(cases.map(({ property }) => property))).toEqual(
        new Set(Object.keys(ROWS).filter((row) => row !== "bytes")),
      );
      expect(cases.every((one) => !("skip" in one) || one.skip !== "")).toBe(true);
    });
  });
}

/**
 * Marks tests against foreign peers of a protocol, which count for the row "bytes": the options of a test, or of a
 * `describe` for all that is in it: `describe("its client against our server", bytesOf("jsonrpc"), () => { … })`.
 */
export function bytesOf(...transports: readonly string[]): { readonly meta: { readonly bytes: readonly string[] } } {
  transports.forEach(checkColumn);
  return { meta: { bytes: transports } };
}

/** One test against a foreign peer of a protocol, for the row "bytes" of one transport, or of several. */
export function bytes(
  transport: string | readonly string[],
  sentence: string,
  run: (test: TestContext) => unknown,
): void {
  // oxlint-disable-next-line vitest/valid-title -- whoever calls gives it
  it(sentence, bytesOf(...[transport].flat()), (test) => run(test) as Promise<void>);
}

/** Says why a transport has no foreign peers. */
export function noBytes(transport: string, reason: string): void {
  checkColumn(transport);
  const meta = { cell: { transport, property: "bytes", sentence: "speaks to foreign peers", skip: reason } };
  it(`${transport} has no foreign peers`, { meta }, (test) => test.skip(reason));
}

function checkColumn(transport: string): void {
  if (!COLUMNS.some(({ name }) => name === transport)) throw new RangeError(`"${transport}" is no column of the table`);
}
