/**
 * Questions to name servers, with bounds: how long, how often, called off when nobody waits any more.
 *
 * @module
 */
import { Resolver } from "node:dns/promises";
import type { RecordWithTtl, SrvRecord } from "node:dns";
import { policyError } from "../../errors/index.ts";

/** Whom we ask, and for how long. */
export interface LookupOptions {
  /** Undefined: those of the machine. */
  readonly servers: readonly string[] | undefined;
  readonly timeoutMs: number;
  readonly tries: number;
}

/** Asks; a name without such records is an empty answer. */
export interface Lookups {
  /** Frees what it holds. */
  end(): void;
  srv(name: string): Promise<readonly SrvRecord[]>;
  addresses(host: string, family: 4 | 6): Promise<readonly RecordWithTtl[]>;
}

/** What was asked at a time. A new one for each time: who is asked and who is down is found out anew. */
export function lookups({ servers, timeoutMs, tries }: LookupOptions, signal: AbortSignal): Lookups {
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  async function answer<T>(what: string, ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
    if (signal.aborted) throw signal.reason as Error;
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw signal.reason as Error;
      const { code } = error as { readonly code?: string };
      // There is no such name, or nothing of this kind has it: that is an answer.
      if (code === "ENOTFOUND" || code === "ENODATA") return [];
      const asked = servers === undefined ? "" : ` of ${servers.join(", ")}`;
      throw policyError("unreachable", {
        message: `the name servers${asked} gave no answer for ${what}: ${FAILURES[code ?? ""] ?? code}`,
        cause: error,
      });
    }
  }
  return {
    srv: (name) => answer(`SRV ${name}`, () => resolver.resolveSrv(name)),
    addresses: (host, family) =>
      family === 4
        ? answer(`A ${host}`, () => resolver.resolve4(host, { ttl: true }))
        : answer(`AAAA ${host}`, () => resolver.resolve6(host, { ttl: true })),
    end: () => signal.removeEventListener("abort", cancel),
  };
}

const FAILURES: Readonly<Record<string, string>> = {
  ETIMEOUT: "no answer in time (ETIMEOUT)",
  ECONNREFUSED: "nobody listens there (ECONNREFUSED)",
  ESERVFAIL: "the server failed (ESERVFAIL)",
  EREFUSED: "the server does not answer to us (EREFUSED)",
  EBADRESP: "the answer cannot be read (EBADRESP)",
  EFORMERR: "the server does not understand the question (EFORMERR)",
};
