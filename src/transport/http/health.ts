/**
 * Health probes over HTTP, as Kubernetes and load balancers ask them: 200 or 503, and nothing of the inside.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import { checkNames, checkString } from "../../internal/check.ts";
import type { HealthAnswer } from "../server.ts";

/** Where probes are answered. */
export interface HealthPaths {
  /** Whether the process should go on. Default: "/livez". */
  readonly live?: string | undefined;
  /** Whether it should get requests. Default: "/readyz". */
  readonly ready?: string | undefined;
  /** Whether start-up is over. Default: "/startupz". */
  readonly startup?: string | undefined;
}

const PATH = { pattern: /^\/[\x21-\x7e]*$/, says: "a path that begins with /" };

/** The probes by path. */
export function healthPaths(paths: HealthPaths | false = {}): ReadonlyMap<string, keyof HealthPaths> {
  if (paths === false) return new Map();
  checkNames("health", paths, ["live", "ready", "startup"]);
  const { live = "/livez", ready = "/readyz", startup = "/startupz" } = paths;
  return new Map([
    [checkString("health.live", live, PATH), "live"],
    [checkString("health.ready", ready, PATH), "ready"],
    [checkString("health.startup", startup, PATH), "startup"],
  ]);
}

/** Answers a probe. With `report` the parts are shown as well: for ports that only operators reach. */
export async function answerHealth(
  answer: HealthAnswer | Promise<HealthAnswer>,
  response: ServerResponse,
  report = false,
): Promise<void> {
  const known = await Promise.resolve(answer).catch((): HealthAnswer => ({ ok: false }));
  const body = `${JSON.stringify(report ? known : { ok: known.ok })}\n`;
  response.writeHead(known.ok ? 200 : 503, [
    "content-type",
    "application/json",
    "content-length",
    String(Buffer.byteLength(body)),
    "cache-control",
    "no-store",
  ]);
  response.end(body);
}
