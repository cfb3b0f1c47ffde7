import { afterAll, beforeAll } from "vitest";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import { consulTestServer } from "../../../tools/servers/consul.ts";
import { registryHttp, type RegistryHttp } from "../http/index.ts";
import type { Instance } from "../index.ts";
import { announceConsul } from "./announce-consul.ts";
import { consul } from "./index.ts";

const agent = consulTestServer();
const ttlMs = 1500;
let http: RegistryHttp;

beforeAll(async () => {
  await agent.start();
  http = registryHttp({ servers: agent.url, timeoutMs: 60_000 });
}, 300_000);
afterAll(async () => {
  http?.close();
  await agent.stop();
});

const put = async (path: string, body?: unknown): Promise<void> =>
  void (await http.request({ method: "PUT", path: `/v1/agent/service/${path}`, body }));

asEveryRegistry(
  {
    name: "consul",
    carries: ["id", "weight", "priority", "zone", "version", "tags", "metadata", "health"],
    ttlMs,
    // An agent that is well speaks every second: one that is silent for longer is in trouble.
    source: (service, more) => consul(service, { servers: agent.url, passingOnly: false, waitMs: 1000, ...more }),
    announcer: (service) =>
      announceConsul(`consul ${service}`, { servers: agent.url, check: { kind: "ttl", ttlMs } }, undefined),
    async put(service, instance: Instance) {
      const at = instance.address.lastIndexOf(":");
      const [Address, Port] = [instance.address.slice(0, at), Number(instance.address.slice(at + 1))];
      const { zone, version, priority, metadata } = instance;
      const known = Object.entries({ zone, version, priority: String(priority) }).filter(
        ([, value]) => value !== undefined,
      );
      await put("register?replace-existing-checks=true", {
        ...{ Name: service, ID: instance.id, Address, Port, Tags: instance.tags },
        Meta: { ...metadata, ...Object.fromEntries(known) },
        Weights: { Passing: instance.weight, Warning: 1 },
        Check: { TTL: "1h", Status: instance.health === "up" ? "passing" : "critical" },
      });
    },
    remove: (_, { id }) => put(`deregister/${id}`),
    forget: (_, { id }) => put(`deregister/${id}`),
    server: agent.foreign === undefined ? lazily(() => agent.process) : undefined,
  },
  { missing: agent.missing },
);
