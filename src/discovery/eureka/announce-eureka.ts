/**
 * Making an instance known to Eureka, and renewing its lease.
 *
 * @module
 */
import { checkNumber, checkString } from "../../internal/check.ts";
import { systemClock, type Clock } from "../../time/index.ts";
import { REGISTRAR_MS } from "../http/connection.ts";
import { RegistryError } from "../http/index.ts";
import { withFields } from "../http/metadata-fields.ts";
import { joined, placeOf } from "../place.ts";
import { LostRegistration, type Announcer, type Instance } from "../index.ts";
import { eurekaClient, type EurekaConnection } from "./connection.ts";

/** How an instance is made known. */
export interface EurekaAnnouncement extends EurekaConnection {
  /** The host name that is published beside the address. Default: the address's host. */
  readonly hostName?: string | undefined;
  /** How often the lease is renewed, 1 s to an hour. Default: 30 s; the server's self-preservation reckons with it. */
  readonly renewMs?: number | undefined;
  /**
   * How long the server believes an instance that is silent, above `renewMs`, at most a day. Default: three times `renewMs`. Eureka's own server
   * waits twice as long.
   */
  readonly leaseMs?: number | undefined;
  /** A page for people, published beside the address. Default: none. */
  readonly statusPageUrl?: string | undefined;
  /** What tells whether it is well, published for those who ask. Default: none. */
  readonly healthCheckUrl?: string | undefined;
}

/** The names of the announcement's own options. */
export const ANNOUNCEMENT: readonly (keyof EurekaAnnouncement)[] = [
  "hostName",
  "renewMs",
  "leaseMs",
  "statusPageUrl",
  "healthCheckUrl",
];

/** The announcer; `name` is for people. */
export function announceEureka(name: string, options: EurekaAnnouncement, given: Clock | undefined): Announcer {
  const clock = given ?? systemClock;
  const renewMs = checkNumber("renewMs", options.renewMs ?? 30_000, { min: 1000, max: 3_600_000 });
  const leaseMs = checkNumber("leaseMs", options.leaseMs ?? 3 * renewMs, { min: renewMs + 1, max: 86_400_000 });
  for (const one of ["hostName", "statusPageUrl", "healthCheckUrl"] as const) {
    if (options[one] !== undefined) checkString(one, options[one]);
  }
  const { http, close } = eurekaClient(options, given, REGISTRAR_MS);
  const lease = { renewalIntervalInSecs: seconds(renewMs), durationInSecs: seconds(leaseMs) };
  /** Of the registration: the server keeps the newer of two, and forgets one whose renewal names another. */
  let dirtyMs = 0;
  let isDraining: boolean | undefined;
  const ask = (signal: AbortSignal, method: string, path: string): Promise<unknown> =>
    http.request({ method, path, signal, keepsAlive: false });

  return {
    name,
    renewMs,
    async register(instance, signal) {
      dirtyMs = Math.max(dirtyMs + 1, Math.round(clock.date()));
      const body = { ...bodyOf(instance, options), leaseInfo: lease, lastDirtyTimestamp: String(dirtyMs) };
      const path = `/apps/${encodeURIComponent(instance.service)}`;
      await http.request({ method: "POST", path, body: { instance: body }, signal, keepsAlive: false });
      const drains = instance.health === "draining";
      // The server keeps the state of one it knows, whatever is registered over it: only this changes it. So a process that
      // begins takes off what its forerunner left; one that goes on leaves an operator's word alone.
      if (drains || isDraining !== false) {
        const value = drains ? "OUT_OF_SERVICE" : statusOf(instance);
        await ask(signal, drains ? "PUT" : "DELETE", `${pathOf(instance)}/status?value=${value}`);
      }
      isDraining = drains;
    },
    async renew(instance, signal) {
      try {
        await ask(signal, "PUT", `${pathOf(instance)}?status=${statusOf(instance)}&lastDirtyTimestamp=${dirtyMs}`);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        throw new LostRegistration(`eureka knows nothing of "${instance.id}"`, { cause: error });
      }
    },
    async deregister(instance, signal) {
      try {
        await ask(signal, "DELETE", pathOf(instance));
      } catch (error) {
        if (!isUnknown(error)) throw error;
      }
    },
    close,
  };
}

const isUnknown = (error: unknown): boolean => error instanceof RegistryError && error.status === 404;

const seconds = (ms: number): number => Math.max(1, Math.round(ms / 1000));

function pathOf({ service, id }: Instance): string {
  return `/apps/${encodeURIComponent(service)}/${encodeURIComponent(id)}`;
}

function statusOf({ health }: Instance): string {
  return health === "up" ? "UP" : health === "down" ? "DOWN" : "OUT_OF_SERVICE";
}

function bodyOf(instance: Instance, options: EurekaAnnouncement): object {
  const { host, port, isSecure } = placeOf(instance.address);
  const { weight, tags } = instance;
  const { hostName = host, statusPageUrl, healthCheckUrl } = options;
  const on = (is: boolean): object => ({ $: is ? port : isSecure ? 80 : 443, "@enabled": String(is) });
  return {
    instanceId: instance.id,
    hostName,
    app: instance.service.toUpperCase(),
    ipAddr: host,
    status: statusOf(instance),
    port: on(!isSecure),
    securePort: on(isSecure),
    vipAddress: instance.service,
    secureVipAddress: instance.service,
    homePageUrl: `${isSecure ? "https" : "http"}://${joined(hostName, port)}/`,
    statusPageUrl,
    healthCheckUrl,
    dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
    metadata: {
      ...withFields(instance, weight !== 1),
      ...(tags.length === 0 ? {} : { tags: tags.join(",") }),
    },
  };
}
