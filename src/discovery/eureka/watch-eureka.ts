/**
 * Watching a service of Eureka: the whole registry once, then what has changed, checked against the server's own count.
 *
 * @module
 */
import { checkOneOf, checkString, shown } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { SOURCE_MS } from "../http/connection.ts";
import { RegistryError } from "../http/index.ts";
import type { Watch, WatchSession } from "../index.ts";
import { eurekaClient, type EurekaConnection } from "./connection.ts";
import { RegistryCopy, type Reading } from "./registry.ts";

/** What is asked of Eureka, and how. */
export interface EurekaQuery extends EurekaConnection {
  /** Whether an instance's IP address or its host name is called. Default: "ip": a name need not resolve elsewhere. */
  readonly host?: "ip" | "name" | undefined;
  /** Takes the secure port, as an `https://` address. Default: false; an instance that has only that is taken by it. */
  readonly isSecure?: boolean | undefined;
}

/** The names of the query's own options. */
export const QUERY: readonly (keyof EurekaQuery)[] = ["host", "isSecure"];

/** A delta reaches three minutes back, and its check is a count: whoever missed some, or for long, asks for all. */
const MAX_GAP_MS = 60_000;
const FULL_MS = 300_000;

/** A connection that nobody needs for seconds is not kept: so none is left when nobody listens any more. */
const CLOSE = { connection: "close" } as const;

/** The watch of one service. */
export function watchEureka(service: string, options: EurekaQuery, clock: Clock | undefined): Watch {
  checkString("service", service);
  const { host = "ip", isSecure = false } = options;
  checkOneOf("host", host, ["ip", "name"]);
  if (typeof isSecure !== "boolean") throw new RangeError(`isSecure should be true or false, got ${shown(isSecure)}`);
  const reading: Reading = { app: service.toUpperCase(), service, host, isSecure };
  const { http } = eurekaClient(options, clock, SOURCE_MS);
  // What is known, and the position under which the loop knows it: another position means that it began anew.
  let known:
    | { readonly copy: RegistryCopy; readonly position: string; lastMs: number; readonly fullMs: number }
    | undefined;
  let count = 0;
  let hasDelta = true;
  return Object.assign(watchEurekaService, { intervalMs: 10_000 });

  async function watchEurekaService(session: WatchSession): Promise<void> {
    const before = known;
    // Until it has succeeded nothing is known.
    known = undefined;
    const nowMs = session.clock.now();
    const canGoOn =
      before !== undefined &&
      before.position === session.position &&
      hasDelta &&
      nowMs - before.lastMs < MAX_GAP_MS &&
      nowMs - before.fullMs < FULL_MS;
    const isUpToDate = canGoOn && (await changed(before.copy, session.signal));
    const { copy, position, fullMs } = isUpToDate
      ? before
      : { copy: await whole(session.signal), position: String(++count), fullMs: nowMs };
    const { instances, skipped } = copy.list();
    for (const error of skipped) session.skipped(error);
    session.list(instances, position);
    known = { copy, position, fullMs, lastMs: nowMs };
  }

  async function whole(signal: AbortSignal): Promise<RegistryCopy> {
    return RegistryCopy.of((await http.request({ path: "/apps", signal, headers: CLOSE })).json(), reading);
  }

  /** Whether the copy is up to date now. False: what came is not enough, or nothing came. */
  async function changed(copy: RegistryCopy, signal: AbortSignal): Promise<boolean> {
    try {
      // Another server's changes are not the ones that this copy lacks.
      const delta = await http.request({ path: "/apps/delta", signal, headers: CLOSE, isOnce: true });
      return copy.apply(delta.json());
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      // A server may be set up to give none.
      if (error.status === 403 || error.status === 404) hasDelta = false;
      return false;
    }
  }
}
