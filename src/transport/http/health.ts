/**
 * Health probes over HTTP, as Kubernetes and load balancers ask them: 200 or 503, and nothing of the inside.
 *
 * @module
 */
import { checkNames, checkString } from "../../internal/check.ts";
import type { HealthAnswer } from "../server.ts";
import type { PlainAnswer } from "./page.ts";

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

/** The answer to a probe: what `ask` says. With `report` the parts are shown too: for ports that only operators reach. */
export async function healthAnswer(
  ask: () => HealthAnswer | Promise<HealthAnswer>,
  report = false,
): Promise<PlainAnswer> {
  const known = await answered(ask);
  const headers = ["content-type", "application/json", "cache-control", "no-store"];
  const body = `${JSON.stringify(report ? known : { ok: known.ok })}\n`;
  return { status: known.ok ? 200 : 503, headers, body };
}

async function answered(ask: () => HealthAnswer | Promise<HealthAnswer>): Promise<HealthAnswer> {
  try {
    return await ask();
  } catch {
    return { ok: false };
  }
}
