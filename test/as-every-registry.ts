/**
 * Runs the suite that all registries share in vitest, one case after the other:
 *
 *     asEveryRegistry(
 *       {
 *         name: "consul",
 *         carries: ["id", "weight", "tags", "metadata", "health"],
 *         ttlMs: 3000,
 *         source: (service, options) => consul(service, { ...client, ...options }),
 *         announcer: (service) => consulAnnouncer(service, client),
 *         put, remove, forget,
 *         server: started,
 *       },
 *       { skip: [{ reason: "…", cases: ["source/quiet"] }], missing: server.missing },
 *     );
 *
 * What is known only when the server runs may be getters of the harness; `server` must be there from the beginning where it
 * will be (`lazily` defers it).
 *
 * @module
 */
import { describe, it } from "vitest";
import {
  sourceSuite,
  type RegistryHarness,
  type RegistryServer,
  type SkippedSourceCases,
} from "../src/testing/index.ts";

/** What is not to be run, and why. */
export interface EveryRegistryOptions {
  /** What the registry does not have. Default: nothing. */
  readonly skip?: readonly SkippedSourceCases[] | undefined;
  /** Why nothing can be tried on this machine: its server is missing. Default: it can. */
  readonly missing?: string | undefined;
}

/** Registers the suite for one registry. */
export function asEveryRegistry(harness: RegistryHarness, { skip = [], missing }: EveryRegistryOptions = {}): void {
  describe(`${harness.name}, as every registry`, () => {
    for (const one of sourceSuite(harness, skip)) {
      const reason = missing ?? one.skip;
      // More than a case's own waits together, each of which says what it waits for.
      it(`${one.id}: ${one.name}`, { timeout: 300_000 }, (test) =>
        reason === undefined ? one.run() : test.skip(reason),
      );
    }
  });
}

/** A server that is started later, in `beforeAll`. */
export function lazily(server: () => RegistryServer): RegistryServer {
  return {
    freeze: () => server().freeze(),
    thaw: () => server().thaw(),
    kill: () => server().kill(),
    restart: () => server().restart(),
  };
}
