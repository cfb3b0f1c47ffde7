/**
 * Watching a service of Consul by blocking queries: the agent holds an answer back until something changes.
 *
 * @module
 */
import { checkNumber, checkOneOf, checkString, shown } from "../../internal/check.ts";
import { sleep, type Clock } from "../../time/index.ts";
import { SOURCE_MS } from "../http/connection.ts";
import type { RegistryHttp, RegistryRequest } from "../http/index.ts";
import type { Watch, WatchSession } from "../index.ts";
import { consulClient, type ConsulConnection } from "./connection.ts";
import { entriesOf } from "./entries.ts";

/** What is asked of Consul, and how. */
export interface ConsulQuery extends ConsulConnection {
  /** All of them must be there. The first is asked for, the others are looked for here. Default: none. */
  readonly tags?: readonly string[] | undefined;
  /**
   * Whether Consul gives only instances all of whose checks pass. False gives all, with their health: `warning` is up with
   * its own weight, `critical` is down, maintenance is draining. Default: true: it takes what fails out of many clients
   * at once, and the list stays small.
   */
  readonly passingOnly?: boolean | undefined;
  /** An expression of Consul's filter language, e.g. `Service.Meta.version == "2"`. Default: none. */
  readonly filter?: string | undefined;
  /** Another data centre than the agent's. Default: the agent's. */
  readonly datacenter?: string | undefined;
  /** Nearest first, as seen from this node; `_agent` is the agent that is asked. Default: in no order. */
  readonly near?: string | undefined;
  /**
   * `stale` lets any server answer, also one without a leader; `consistent` lets the leader ask the others first. Default:
   * `default`, the leader's word.
   */
  readonly consistency?: "default" | "consistent" | "stale" | undefined;
  /**
   * How long the agent may hold an answer back when nothing changes, 1 s to 10 minutes; it adds up to a sixteenth. Default:
   * 1 minute: rare enough to cost nothing, and a connection that died in silence is found out soon after.
   */
  readonly waitMs?: number | undefined;
}

/** The names of the query's own options. */
export const QUERY: readonly (keyof ConsulQuery)[] = [
  "tags",
  "passingOnly",
  "filter",
  "datacenter",
  "near",
  "consistency",
  "waitMs",
];

/** Queries that may follow each other at once; then one a second, whatever the index does. */
const BURST = 5;
const SPACING_MS = 1000;

/** The watch of one service. */
export function watchConsul(service: string, options: ConsulQuery, clock: Clock | undefined): Watch {
  checkString("service", service);
  const {
    tags = [],
    passingOnly = true,
    filter,
    datacenter,
    near,
    consistency = "default",
    timeoutMs = SOURCE_MS,
  } = options;
  checkOneOf("consistency", consistency, ["default", "consistent", "stale"]);
  const waitMs = checkNumber("waitMs", options.waitMs ?? 60_000, { min: 1000, max: 600_000 });
  if (!Array.isArray(tags)) throw new TypeError(`tags should be a list of texts, got ${shown(tags)}`);
  for (const tag of tags) checkString("tags", tag);
  const { http } = consulClient(options, clock, SOURCE_MS);
  const query = {
    passing: passingOnly ? "true" : undefined,
    tag: tags[0],
    filter,
    dc: datacenter,
    near,
    ...(consistency === "default" ? {} : { [consistency]: "true" }),
  };
  const path = `/v1/health/service/${encodeURIComponent(service)}`;
  const longMs = waitMs + waitMs / 16 + timeoutMs;
  // The agent speaks when its wait is over, at the latest.
  return Object.assign(watchConsulService, { silenceMs: longMs + 1000 });
  async function watchConsulService(session: WatchSession): Promise<void> {
    const pace = new Pace(session);
    // Where an earlier run stopped does not matter: after a restart that index may lie ahead, and the agent would hold back
    // what has changed. One query without an index costs no more than the list.
    let index: bigint | undefined;
    try {
      while (!session.signal.aborted) {
        await pace.next();
        const answer = await ask(http, {
          path,
          query: index === undefined ? query : { ...query, index: String(index), wait: `${waitMs}ms` },
          signal: session.signal,
          timeoutMs: index === undefined ? undefined : longMs,
          isOnce: index !== undefined,
        });
        const { instances, skipped } = entriesOf(answer.list, tags);
        for (const error of skipped) session.skipped(error);
        const given = indexOf(answer.index);
        // It has to move, and forward; one that stays is a wait that is over, unless it was none.
        const isSane = given !== undefined && (index === undefined || given >= index);
        if (!isSane || given === index) pace.slow();
        index = isSane ? given : undefined;
        session.list(instances, isSane ? String(given) : undefined);
        if (!isSane) session.forget();
      }
    } finally {
      http.closeIdle();
    }
  }
}

interface Answer {
  readonly list: unknown;
  readonly index: string | undefined;
}

async function ask(http: RegistryHttp, request: RegistryRequest): Promise<Answer> {
  const answer = await http.request(request);
  const list = answer.json();
  // What a token may not see looks like a service that is gone.
  if (Array.isArray(list) && list.length === 0 && answer.headers["x-consul-results-filtered-by-acls"] === "true") {
    throw new Error(`GET ${request.path}: the token may read none of the instances`);
  }
  const index = answer.headers["x-consul-index"];
  return { list, index: typeof index === "string" ? index : undefined };
}

/** An index above 0; "0" is what Consul's own documentation calls not sane: a query with it would never be held back. */
function indexOf(text: string | undefined): bigint | undefined {
  return text !== undefined && /^0*[1-9]\d{0,19}$/.test(text) ? BigInt(text) : undefined;
}

/** A few queries at once, so that a change right after another is seen at once; then one a second. */
class Pace {
  readonly #session: WatchSession;
  #free: number = BURST;
  #lastMs: number;

  constructor(session: WatchSession) {
    this.#session = session;
    this.#lastMs = session.clock.now() - SPACING_MS;
  }

  /** The answer to the last query says that the next one may not be held back. */
  slow(): void {
    this.#free = 0;
  }

  async next(): Promise<void> {
    const { clock, signal } = this.#session;
    const passedMs = clock.now() - this.#lastMs;
    this.#free = Math.min(BURST, this.#free + Math.floor(passedMs / SPACING_MS));
    if (this.#free > 0) this.#free--;
    else await sleep(Math.max(0, SPACING_MS - passedMs), { clock, signal, keepsAlive: false });
    this.#lastMs = clock.now();
  }
}
