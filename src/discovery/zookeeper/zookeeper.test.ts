import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alone } from "../../../test/alone.ts";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import { zookeeperTestServer } from "../../../tools/servers/zookeeper.ts";
import { zookeeper, zookeeperAnnouncer } from "./index.ts";
import { nodes, patient, patientRegistrar } from "./testdata/nodes.ts";

const server = zookeeperTestServer();
beforeAll(server.start, 60_000);
afterAll(server.stop);

// Node's own count of what is open leaves out what keeps no process alive.
const sockets = new Set<Socket>();
let seen = 0;
function opened(message: unknown): void {
  const { socket } = message as { readonly socket: Socket };
  sockets.add(socket);
  seen++;
  socket.once("close", () => sockets.delete(socket));
}
beforeAll(() => subscribe("net.client.socket", opened));
afterAll(() => void unsubscribe("net.client.socket", opened));

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
    open: () => sockets.size,
  },
  { missing: server.missing },
);

it("lets the process end while it watches and holds a node", async (test) => {
  if (server.missing !== undefined) return test.skip(server.missing);
  const place = { servers: server.servers, ...patient };
  const options = JSON.stringify(place);
  const registration = JSON.stringify({ ...place, ...patientRegistrar });
  const said = await alone(`
    import { zookeeper, zookeeperRegistrar } from "src/discovery/zookeeper/index.ts";
    const mine = zookeeperRegistrar({ service: "alone", address: "10.0.0.1:8081" }, ${registration});
    await mine.start();
    const source = zookeeper("alone", ${options});
    source.subscribe(() => undefined);
    console.log((await source.ready()).instances[0].address);
  `);
  expect(said).toBe("10.0.0.1:8081");
  // What counts them for the cases above does count.
  expect(seen).toBeGreaterThan(20);
});
