import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import { until } from "../../../test/until.ts";
import { eurekaTestServer } from "../../../tools/servers/eureka.ts";
import { registryHttp, type RegistryHttp } from "../http/index.ts";
import { instance, type Instance, type Source } from "../index.ts";
import { announceEureka } from "./announce-eureka.ts";
import { eureka, eurekaRegistrar, type EurekaOptions, type EurekaRegistrarOptions } from "./index.ts";

const server = eurekaTestServer();
const { missing, foreign } = server;
const why = (reason: string | undefined): string => (reason === undefined ? "" : ` (skipped: ${reason})`);
let http: RegistryHttp;

beforeAll(async () => {
  await server.start();
  http = registryHttp({ servers: server.url, timeoutMs: 60_000 });
}, 600_000);
afterAll(async () => {
  http?.close();
  await server.stop();
});

let ran = 0;
let service: string;
let closing: (() => unknown)[];
beforeEach(() => {
  service = `add${process.pid}-${++ran}`;
  closing = [];
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function watched(options: EurekaOptions = {}): Source {
  const source = eureka(service, { servers: server.url, intervalMs: 100, allowEmpty: true, guard: false, ...options });
  const joined = source.subscribe(() => {});
  closing.push(() => joined.cancel());
  return source;
}

async function registered(instance: Parameters<typeof eurekaRegistrar>[0], options: EurekaRegistrarOptions = {}) {
  const made = eurekaRegistrar(instance, { servers: server.url, service, retryMaxMs: 200, renewMs: 1000, ...options });
  closing.push(() => made.close());
  await made.start();
  return made;
}

const listed = (source: Source, expected: string): Promise<void> =>
  until(() => source.listing.instances.map(({ address }) => address).join() === expected);
const health = (source: Source) => source.listing.instances[0]?.health;

describe.skipIf(missing !== undefined)(`Eureka${why(missing)}`, () => {
  it("lists what is registered, with all that is known of it, and each change of it in place", async () => {
    const source = watched();
    const mine = await registered({
      ...{ address: "[::1]:8081", weight: 3, priority: 1, zone: "z1", version: "1.2.0" },
      ...{ tags: ["blue", "new"], metadata: { team: "red" } },
    });
    await listed(source, "[::1]:8081");
    const [first] = source.listing.instances;
    expect(first).toMatchObject({
      ...{ id: `::1:${service}:8081`, service, weight: 3, priority: 1, zone: "z1", version: "1.2.0" },
      ...{ tags: ["blue", "new"], metadata: { team: "red" }, health: "up" },
    });
    await mine.update({ metadata: { team: "green" }, weight: 0.5 });
    await until(() => source.listing.instances[0]?.metadata["team"] === "green");
    expect(source.listing.instances).toHaveLength(1);
    expect(source.listing.instances[0]).toMatchObject({ id: first!.id, weight: 0.5 });
    await mine.close();
    await listed(source, "");
  });

  it("knows a secure port", async () => {
    await registered("https://10.0.0.1:8443", { hostName: "add.example" });
    await listed(watched(), "https://10.0.0.1:8443");
    await listed(watched({ host: "name" }), "https://add.example:8443");
  });

  it("marks as draining, and says down and up again", async () => {
    const mine = await registered("10.0.0.1:8081", { onDrain: "mark" });
    const source = watched();
    for (const state of ["down", "up", "draining", "up"] as const) {
      await mine.update({ health: state });
      await until(() => health(source) === state);
    }
    await mine.drain();
    await until(() => health(source) === "draining");
    await mine.close();
    await listed(source, "");
  });

  it("leaves an operator's word alone, until the process begins anew", async () => {
    const mine = await registered("10.0.0.1:8081");
    const source = watched();
    await until(() => health(source) === "up");
    const path = `/apps/${service}/10.0.0.1:${service}:8081/status`;
    await http.request({ method: "PUT", path, query: { value: "OUT_OF_SERVICE" } });
    await until(() => health(source) === "draining");
    await mine.update({ metadata: { a: "b" } });
    await until(() => source.listing.instances[0]?.metadata["a"] === "b");
    expect(health(source)).toBe("draining");
    await registered("10.0.0.1:8081");
    await until(() => health(source) === "up");
  });

  it("throws out what is silent, and keeps what renews", async () => {
    const silent = announceEureka("eureka", { servers: server.url, renewMs: 1000, leaseMs: 5000 }, undefined);
    await silent.register(instance({ id: "silent", address: "10.0.0.2:8081", service }), new AbortController().signal);
    await registered("10.0.0.1:8081", { leaseMs: 3000 });
    const source = watched();
    await until(() => source.listing.instances.length === 2);
    await listed(source, "10.0.0.1:8081");
    await silent.close?.();
  });

  it("that has forgotten twenty leases gets them again, 20 of 20, and once more", async () => {
    const again = new Map<string, number>();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        registered(`10.0.0.1:${8000 + at}`, {
          onEvent(event) {
            if (event.kind !== "registered" || !event.isAgain) return;
            again.set(event.instance.id, (again.get(event.instance.id) ?? 0) + 1);
          },
        }),
      ),
    );
    const paths = all.map((mine) => `/apps/${service}/${mine.instance!.id}`);
    for (let round = 1; round <= 2; round++) {
      await Promise.all(paths.map((path) => http.request({ method: "DELETE", path })));
      await until(() => all.every((mine) => (again.get(mine.instance!.id) ?? 0) >= round));
      const found = await Promise.all(paths.map((path) => http.request({ path })));
      expect(found.map(({ status }) => status)).toEqual(paths.map(() => 200));
    }
  });

  it("is found behind a server that is not there, for a source and a registrar over one client", async () => {
    const shared = registryHttp({ servers: ["http://127.0.0.1:1/eureka", server.url], timeoutMs: 60_000 });
    closing.push(() => shared.close());
    const mine = await registered("10.0.0.1:8081", { servers: undefined, http: shared });
    const source = watched({ servers: undefined, http: shared });
    await listed(source, "10.0.0.1:8081");
    await mine.close();
    await mine.close();
    await listed(source, "");
    expect((await shared.request({ path: "/apps" })).status).toBe(200);
  });
});

asEveryRegistry(
  {
    name: "eureka",
    carries: ["id", "weight", "priority", "zone", "version", "tags", "metadata", "health"],
    // The server waits twice the lease, and looks every half a second.
    ttlMs: 4500,
    source: (name, options) => eureka(name, { servers: server.url, intervalMs: 100, timeoutMs: 2000, ...options }),
    announcer: (name) =>
      announceEureka(`eureka ${name}`, { servers: server.url, renewMs: 1000, leaseMs: 2000 }, undefined),
    async put(name, instance: Instance) {
      const [host, port] = instance.address.split(":");
      const { zone = "", version = "", priority, weight, tags, metadata } = instance;
      const known = { zone, version, priority: String(priority), weight: String(weight), tags: tags.join(",") };
      const own = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ""));
      const body = {
        ...{ instanceId: instance.id, hostName: host, ipAddr: host, app: name.toUpperCase(), vipAddress: name },
        status: instance.health === "up" ? "UP" : "DOWN",
        port: { $: Number(port), "@enabled": "true" },
        dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
        leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 3600 },
        metadata: { ...metadata, ...own },
      };
      await http.request({ method: "POST", path: `/apps/${name}`, body: { instance: body } });
    },
    remove: async (name, { id }) => void (await http.request({ method: "DELETE", path: `/apps/${name}/${id}` })),
    forget: async (name, { id }) => void (await http.request({ method: "DELETE", path: `/apps/${name}/${id}` })),
    server: foreign === undefined ? lazily(() => server.process) : undefined,
  },
  { missing },
);

describe("options", () => {
  it.each([
    [() => eureka(""), 'service should be a non-empty string, got ""'],
    [() => eureka("add", { host: "dns" as never }), 'host should be one of "ip", "name", got "dns"'],
    [() => eureka("add", { isSecure: 1 as never }), "isSecure should be true or false, got 1"],
    [() => eureka("add", { zone: "z" } as never), 'has no option "zone"'],
    [() => eurekaRegistrar("10.0.0.1:8081"), "service should be a name without spaces and slashes, got undefined"],
    [() => eurekaRegistrar("h:1", { service: "a/b" }), "service should be a name without spaces and slashes"],
    [() => eurekaRegistrar({ address: "h:1", service: "add", id: "a b" }), "id should be a name without spaces"],
    [() => eurekaRegistrar("h", { service: "add" }), "address should be host:port or a URL with a port"],
    [() => eurekaRegistrar("h:1", { service: "add", renewMs: 1 }), "renewMs should be a number from 1000"],
    [() => eurekaRegistrar("h:1", { service: "add", leaseMs: 30_000 }), "leaseMs should be a number from 30001"],
    [() => eurekaRegistrar("h:1", { service: "add", hostName: "" }), "hostName should be a non-empty string"],
  ])("that cannot work are refused: %s", (make, says) => {
    expect(make).toThrow(says);
  });
});
