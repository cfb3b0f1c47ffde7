import { afterAll, beforeAll } from "vitest";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import { zookeeperTestServer } from "../../../tools/servers/zookeeper.ts";
import { zookeeper, zookeeperAnnouncer } from "./index.ts";
import { nodes } from "./testdata/nodes.ts";

const server = zookeeperTestServer();
beforeAll(server.start, 60_000);
afterAll(server.stop);

const place = () => ({ servers: server.servers, sessionTimeoutMs: 4000, connectTimeoutMs: 1000 });
const direct = nodes(() => server.servers);

asEveryRegistry(
  {
    name: "zookeeper",
    carries: ["id", "weight", "priority", "zone", "version", "tags", "metadata", "health"],
    ttlMs: 4000,
    patienceMs: 30_000,
    source: (service, options) => zookeeper(service, { ...place(), ...options }),
    announcer: (service) => zookeeperAnnouncer(service, place()),
    put: (service, one) => direct.put(`/services/${service}/${one.id}`, JSON.stringify(one)),
    remove: (service, one) => direct.remove(`/services/${service}/${one.id}`),
    forget: (service, one) => direct.remove(`/services/${service}/${one.id}`),
    server: server.foreign === undefined ? lazily(() => server.process) : undefined,
    open: () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
  },
  { missing: server.missing },
);
