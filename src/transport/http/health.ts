/**
 * Health probes over HTTP, as Kubernetes and load balancers ask them: 200 or 503, and nothing of the inside.
 *
 * @module
 */
import { checkNames, checkString } from "../../internal/check.ts";
import type { HealthAnswer } from "../server.ts";
import { answerPlainly, type Exchange } from "./answer.ts";

/** Where probes are answered. */
export interface HealthPaths {
  /** Whether the process should go on. Default: "/livez". */
  readonly live?: string | undefined;
  /** Whether it should get requests. Default: "/readyz". */
  readonly ready?: string | undefined;
  /** Whether start-up is over. Default: "/startupz". */
  readonly startup?: string | undefined;
}

const PATH = { pattern: /^\/[\w\-./~!$&'()*+,;=:@%]*$/, says: "a path that begins with / and has no query" };

/** The probes by path. */
export function healthPaths(paths: HealthPaths | false = {}): ReadonlyMap<string, keyof HealthPaths> {
  if (paths === false) return new Map();
  checkNames("health", paths, ["live", "ready", "startup"]);
  const { live = "/livez", ready = "/readyz", startup = "/startupz" } = paths;
  const probes = new Map<string, keyof HealthPaths>([
    [checkString("health.live", live, PATH), "live"],
    [checkString("health.ready", ready, PATH), "ready"],
    [checkString("health.startup", startup, PATH), "startup"],
  ]);
  if (probes.size < 3) throw new RangeError(`health should name three paths, got ${live}, ${ready}, ${startup}`);
  return probes;
}

/** Answers a probe with what `ask` says. With `report` the parts are shown too: for ports that only operators reach. */
export async function answerHealth(
  exchange: Exchange,
  ask: () => HealthAnswer | Promise<HealthAnswer>,
  report = false,
): Promise<void> {
  const known = await answered(ask);
  const headers = ["content-type", "application/json", "cache-control", "no-store"];
  const body = `${JSON.stringify(report ? known : { ok: known.ok })}\n`;
  answerPlainly(exchange, { status: known.ok ? 200 : 503, headers, body });
}

async function answered(ask: () => HealthAnswer | Promise<HealthAnswer>): Promise<HealthAnswer> {
  try {
    return await ask();
  } catch {
    return { ok: false };
  }
}
