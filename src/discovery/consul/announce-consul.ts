/**
 * Making an instance known to the agent of Consul on its machine, and saying that it lives.
 *
 * @module
 */
import { checkNumber } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { REGISTRAR_MS } from "../http/connection.ts";
import { RegistryError } from "../http/index.ts";
import { withFields } from "../http/metadata-fields.ts";
import { LostRegistration, type Announcer, type Instance } from "../index.ts";
import { describedCheck, ttlOf, type ConsulCheck } from "./checks.ts";
import { consulClient, type ConsulConnection } from "./connection.ts";
import { placeOf } from "../place.ts";

/** How an instance is made known. */
export interface ConsulAnnouncement extends ConsulConnection {
  /**
   * Default: `{ kind: "ttl", ttlMs: 15_000 }`, told every 5 s: two may be lost. `intervalMs`, how often the agent asks, is 1 s to an hour, default 5 s;
   * its `timeoutMs` default 2 s.
   */
  readonly check?: ConsulCheck | undefined;
  /**
   * After which time of failing checks Consul takes the instance out, 1 minute (Consul takes no less) to a week. Default: 1
   * minute: one that was only frozen comes back by itself.
   */
  readonly deregisterAfterMs?: number | undefined;
}

/** The names of the announcement's own options. */
export const ANNOUNCEMENT: readonly (keyof ConsulAnnouncement)[] = ["check", "deregisterAfterMs"];

/** How often an agent that checks by itself is asked whether it still knows the instance. */
const ASK_MS = 10_000;

/** The announcer; `name` is for people. */
export function announceConsul(name: string, options: ConsulAnnouncement, clock: Clock | undefined): Announcer {
  const check: ConsulCheck = options.check ?? { kind: "ttl" };
  const afterMs = checkNumber("deregisterAfterMs", options.deregisterAfterMs ?? 60_000, {
    min: 60_000,
    max: 604_800_000,
  });
  const describe = describedCheck(check, afterMs);
  const { http, close } = consulClient(options, clock, REGISTRAR_MS);
  let isDraining: boolean | undefined;
  // The process goes on for a registrar as long as the registrar says, not for each heart-beat.
  const put = async (path: string, signal: AbortSignal, body?: unknown): Promise<void> => {
    await http.request({ method: "PUT", path, body, signal, keepsAlive: false });
  };
  async function maintenance(id: string, isOn: boolean, signal: AbortSignal): Promise<boolean> {
    const query = isOn ? "enable=true&reason=draining" : "enable=false";
    try {
      await put(`/v1/agent/service/maintenance/${encodeURIComponent(id)}?${query}`, signal);
      return true;
    } catch (error) {
      if (isUnknown(error)) return false;
      throw error;
    }
  }
  return {
    name,
    renewMs: check.kind === "ttl" ? ttlOf(check) / 3 : ASK_MS,
    async register(instance, signal) {
      const drains = instance.health === "draining";
      // First the mark, so that it is at no moment missing; an agent that knows nothing of it yet is told afterwards.
      const isMarked = drains && (await maintenance(instance.id, true, signal));
      await put("/v1/agent/service/register", signal, bodyOf(instance, describe(instance)));
      // A process that begins takes off what its forerunner left; one that goes on leaves an operator's word alone.
      if (drains !== isMarked || (!drains && isDraining !== false)) await maintenance(instance.id, drains, signal);
      isDraining = drains;
    },
    async renew(instance, signal) {
      const id = encodeURIComponent(instance.id);
      try {
        if (check.kind !== "ttl") await http.request({ path: `/v1/agent/service/${id}`, signal });
        else await put(`/v1/agent/check/${instance.health === "down" ? "fail" : "pass"}/service:${id}`, signal);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        throw new LostRegistration(`consul knows nothing of "${instance.id}"`, { cause: error });
      }
    },
    async deregister(instance, signal) {
      try {
        await put(`/v1/agent/service/deregister/${encodeURIComponent(instance.id)}`, signal);
      } catch (error) {
        if (!isUnknown(error)) throw error;
      }
    },
    close,
  };
}

/** Whether the agent says that it has no such instance: 404, and before 1.12 a 500 with words. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return (
    error.status === 404 ||
    (error.status === 500 && /does not have associated|unknown (?:service|check)/i.test(error.excerpt))
  );
}

function bodyOf(instance: Instance, check: object | undefined): object {
  const { host, port } = placeOf(instance.address);
  const { weight } = instance;
  const isWhole = Number.isInteger(weight) && weight <= 65_535;
  return {
    Name: instance.service,
    ID: instance.id,
    Address: host,
    Port: port,
    Tags: instance.tags,
    // Consul's own weights are whole.
    Meta: withFields(instance, !isWhole),
    Weights: { Passing: isWhole ? weight : Math.min(65_535, Math.max(1, Math.round(weight))), Warning: 1 },
    Check: check,
  };
}
