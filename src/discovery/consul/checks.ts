/**
 * How Consul finds out whether an instance lives.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, checkString } from "../../internal/check.ts";
import type { Instance } from "../index.ts";
import { joined, placeOf } from "../place.ts";

/** How Consul finds out whether an instance lives. */
export type ConsulCheck =
  /** The instance says so; silence of `ttlMs` is a failure. Works wherever the agent can be reached from the instance. */
  | { readonly kind: "ttl"; readonly ttlMs?: number | undefined }
  /** The agent asks a URL, where a status from 200 to 299 is well and 429 a warning. */
  | {
      readonly kind: "http";
      readonly url: string;
      readonly method?: string | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly isTlsVerified?: boolean | undefined;
      readonly intervalMs?: number | undefined;
      readonly timeoutMs?: number | undefined;
    }
  /** The agent connects. Default address: the instance's. */
  | {
      readonly kind: "tcp";
      readonly address?: string | undefined;
      readonly intervalMs?: number | undefined;
      readonly timeoutMs?: number | undefined;
    }
  /** The agent calls `grpc.health.v1.Health/Check`. Default address: the instance's; service: the whole server. */
  | {
      readonly kind: "grpc";
      readonly address?: string | undefined;
      readonly service?: string | undefined;
      readonly isTls?: boolean | undefined;
      readonly intervalMs?: number | undefined;
      readonly timeoutMs?: number | undefined;
    }
  | { readonly kind: "none" };

const NAMES: Readonly<Record<ConsulCheck["kind"], readonly string[]>> = {
  ttl: ["ttlMs"],
  http: ["url", "method", "headers", "isTlsVerified", "intervalMs", "timeoutMs"],
  tcp: ["address", "intervalMs", "timeoutMs"],
  grpc: ["address", "service", "isTls", "intervalMs", "timeoutMs"],
  none: [],
};

/** The time of a TTL check. */
export function ttlOf(check: ConsulCheck): number {
  const ttlMs = (check.kind === "ttl" ? check.ttlMs : undefined) ?? 15_000;
  return checkNumber("check.ttlMs", ttlMs, { min: 1000, max: 86_400_000 });
}

/** Checks the options, and gives what makes Consul's description of the check for an instance. */
export function describedCheck(check: ConsulCheck, afterMs: number): (instance: Instance) => object | undefined {
  checkOneOf("check.kind", check.kind, ["ttl", "http", "tcp", "grpc", "none"]);
  checkNames(`a check of kind "${check.kind}"`, check, ["kind", ...NAMES[check.kind]]);
  if (check.kind === "none") return () => undefined;
  const common = { ...rulesOf(check), DeregisterCriticalServiceAfter: duration(afterMs) };
  return (instance) => ({
    ...common,
    ...targetOf(check, instance),
    CheckID: `service:${instance.id}`,
    Name: `${instance.service || "instance"} lives`,
    // One that calls itself up is listed at once; the first check corrects it.
    Status: instance.health === "down" ? "critical" : "passing",
  });
}

const duration = (ms: number): string => `${Math.round(ms)}ms`;

function rulesOf(check: Exclude<ConsulCheck, { kind: "none" }>): object {
  if (check.kind === "ttl") return { TTL: duration(ttlOf(check)) };
  const intervalMs = checkNumber("check.intervalMs", check.intervalMs ?? 5000, { min: 1000, max: 3_600_000 });
  const timeoutMs = checkNumber("check.timeoutMs", check.timeoutMs ?? 2000, { min: 1, max: 3_600_000 });
  const times = { Interval: duration(intervalMs), Timeout: duration(timeoutMs) };
  if (check.kind !== "http") return times;
  const headers = Object.entries(check.headers ?? {}).map(([name, value]) => [name, [value]] as const);
  return {
    ...times,
    HTTP: checkString("check.url", check.url),
    Method: check.method,
    Header: Object.fromEntries(headers),
    TLSSkipVerify: check.isTlsVerified === false,
  };
}

/** What of a check depends on the instance. */
function targetOf(check: ConsulCheck, { address }: Instance): object {
  if (check.kind !== "tcp" && check.kind !== "grpc") return {};
  const { host, port } = placeOf(address);
  const target = check.address ?? joined(host, port);
  if (check.kind === "tcp") return { TCP: target };
  return {
    GRPC: check.service === undefined ? target : `${target}/${check.service}`,
    GRPCUseTLS: check.isTls ?? false,
  };
}
