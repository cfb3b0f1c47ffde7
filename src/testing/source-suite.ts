/**
 * The behaviour every registry has, as cases that any test runner can run: sources that watch it, announcers that make
 * instances known to it.
 *
 * @module
 */
import type { Announcer, Instance, Source, SourceOptions } from "../discovery/index.ts";
import { announcerCases } from "./announcer-cases.ts";
import { registryFaultCases } from "./registry-fault-cases.ts";
import { sourceCases } from "./source-cases.ts";

/** What an instance may carry through a registry besides its address. */
export type InstanceField = "id" | "weight" | "priority" | "zone" | "version" | "tags" | "metadata" | "health";

/** A real registry to be tested against. A registry that is somebody else's has no `server`. */
export interface RegistryHarness {
  readonly name: string;
  /**
   * What of an instance that is put, or announced, is there again when it is found. What is not named is not looked at; without
   * "id" instances are told apart by address.
   */
  readonly carries: readonly InstanceField[];
  /** The same for what announcers write, where it is less. Default: `carries`. */
  readonly announces?: readonly InstanceField[] | undefined;
  /** How long the registry believes an instance that has fallen silent, in milliseconds. */
  readonly ttlMs: number;
  /** How long a change may take to be seen, in milliseconds. Only a test that fails waits for it. Default: 20,000. */
  readonly patienceMs?: number | undefined;
  /** A name that no case has used. Default: letters and digits at random. */
  readonly service?: (() => string) | undefined;
  /** The source of a service, with what a case wants of every source. Called anew for each. */
  source(service: string, options: SourceOptions): Source;
  /**
   * The announcer of a service. Where a registry's source and announcer can be made from one and the same options object, they are made
   * from one here.
   */
  announcer?(service: string): Announcer;
  /** Puts an instance there, or in place of the one with its id, by the registry's own means and not by our announcer. It stays until it is removed. */
  put(service: string, instance: Instance): Promise<void>;
  /** Takes out what was put. */
  remove(service: string, instance: Instance): Promise<void>;
  /** Makes the registry forget what our announcer registered, as if its time were over. Default: the case is left out. */
  forget?(service: string, instance: Instance): Promise<void>;
  /** The real server. Default: none, and the cases about faults are left out. */
  readonly server?: RegistryServer | undefined;
  /** How many connections and requests our side has open, if that can be told; 0 when nobody listens. Default: only timers are counted. */
  open?(): number;
}

/** A server that can be maltreated: a `Started` of tools/servers fits. */
export interface RegistryServer {
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** Starts it again, ended or not; resolves when it answers. Its data need not be there again. */
  restart(): Promise<void>;
}

/** What a case needs of the harness beside a source. */
export type RegistryNeed = "announcer" | "forget" | "server";

/** One case: a sentence about behaviour, and the way to see it. */
export interface SourceCase {
  /** Stable, and its own: "source/removal". */
  readonly id: string;
  readonly name: string;
  readonly needs: readonly RegistryNeed[];
  /** Rejects when the registry's client behaves otherwise. */
  run(): Promise<void>;
  /** Why it is left out; undefined when it is not. */
  readonly skip: string | undefined;
}

/** Cases that a registry cannot pass, with the reason, which is printed and counted. */
export interface SkippedSourceCases {
  readonly reason: string;
  /** By their `id`, or all that begin with it: "fault/" for all faults. */
  readonly cases: readonly string[];
}

/**
 * The cases for one registry. Run each by `case.run()`, one after the other, since some maltreat the server; those with a `skip`
 * are to be reported as skipped, with it. A case may take a minute when the machine is slow.
 *
 * @throws {RangeError} when `skip` names a case there is none of.
 *
 * @example
 * ```ts
 * import { source } from "servicekit/discovery";
 * import { sourceSuite } from "servicekit/testing";
 *
 * const there = new Map<string, Set<string>>();
 * const at = (service: string) => there.get(service) ?? there.set(service, new Set()).get(service)!;
 * const cases = sourceSuite({
 *   name: "memory",
 *   carries: [],
 *   ttlMs: 1000,
 *   source: (service, options) =>
 *     source({ ...options, name: service, intervalMs: 10, watch: async ({ list }) => list([...at(service)]) }),
 *   put: async (service, { address }) => void at(service).add(address),
 *   remove: async (service, { address }) => void at(service).delete(address),
 * });
 * await cases.find(({ id }) => id === "source/first")!.run();
 * cases.filter(({ skip }) => skip === undefined).length > 8; // => true
 * ```
 */
export function sourceSuite(harness: RegistryHarness, skip: readonly SkippedSourceCases[] = []): readonly SourceCase[] {
  const cases = [...sourceCases(harness), ...announcerCases(harness), ...registryFaultCases(harness)];
  for (const { cases: ids } of skip)
    for (const id of ids)
      if (!cases.some((one) => one.id.startsWith(id)))
        throw new RangeError(`skip should name cases of the suite, got "${id}"`);
  return cases.map((one) => ({ ...one, skip: reason(one, harness, skip) }));
}

/** A case before it is known whether it is left out. */
export type OpenCase = Omit<SourceCase, "skip">;

const MISSING: Readonly<Record<RegistryNeed, string>> = {
  announcer: "has no announcer",
  forget: "cannot be made to forget",
  server: "has no server to maltreat",
};

function reason(one: OpenCase, harness: RegistryHarness, skip: readonly SkippedSourceCases[]): string | undefined {
  const missing = one.needs.find((need) => harness[need] === undefined);
  if (missing !== undefined) return `${harness.name} ${MISSING[missing]}`;
  return skip.find(({ cases }) => cases.some((id) => one.id.startsWith(id)))?.reason;
}
