// What others of ZooKeeper's world write we read, and what we write they read; credentials, TLS, chroots.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { until } from "../../../test/until.ts";
import { kazoo, zkCli, zookeeperTestServer } from "../../../tools/servers/zookeeper.ts";
import type { Source, SourceEvent } from "../index.ts";
import { zookeeper, zookeeperRegistrar } from "./index.ts";
import { create } from "./operations.ts";
import { nodes, patient, patientRegistrar } from "./testdata/nodes.ts";
import { proxyTo } from "./testdata/proxy.ts";

const server = zookeeperTestServer();
beforeAll(server.start, 60_000);
afterAll(server.stop);
const direct = nodes(() => server.servers);
const [python, cli] = [kazoo(), zkCli()];

let count = 0;
const newService = (): string => `interop${process.pid}-${++count}`;
// Waited for: on a machine that stalls another trouble may come first.
const says = (error: Error | undefined, what: RegExp): boolean => what.test(error?.message ?? "");
const addresses = ({ listing }: Source): string[] => listing.instances.map(({ address }) => address).sort();

describe("zookeeper beside others", () => {
  beforeEach((test) => void (server.missing === undefined || test.skip(server.missing)));

  it("reads what kazoo writes, and kazoo reads what it writes", async (test) => {
    if ("reason" in python) return test.skip(python.reason);
    const service = newService();
    await using mine = zookeeperRegistrar(
      { service, id: "é/1", address: "10.0.0.1:8081", metadata: { a: "b" } },
      { servers: server.servers, ...patientRegistrar },
    );
    await mine.start();
    const script = `
import sys
from kazoo.client import KazooClient
client = KazooClient(hosts=sys.argv[1])
client.start()
path = "/services/" + sys.argv[2]
for name in client.get_children(path):
    data, stat = client.get(path + "/" + name)
    print(name, data.decode(), stat.ephemeralOwner != 0, [(acl.perms, acl.id.scheme, acl.id.id) for acl in client.get_acls(path + "/" + name)[0]])
client.create(path + "/n-", b"10.0.0.2:8082", sequence=True)
client.create(path + "/json", b'{"address":"10.0.0.3:8083","weight":3}')
client.stop()
`;
    expect(python.run(script, server.servers, service).trim()).toBe(
      `é%2F1 {"id":"é/1","address":"10.0.0.1:8081","service":"${service}","metadata":{"a":"b"}} True [(31, 'world', 'anyone')]`,
    );
    const { instances } = await zookeeper(service, { servers: server.servers }).ready();
    expect(instances.map(({ address }) => address).sort()).toEqual(["10.0.0.1:8081", "10.0.0.2:8082", "10.0.0.3:8083"]);
    expect(instances.find(({ id }) => id === "é/1")?.metadata).toEqual({ a: "b" });
  });

  it("sees what the server's own command line makes, changes and deletes", async (test) => {
    if ("reason" in cli) return test.skip(cli.reason);
    const service = newService();
    const source = zookeeper(service, { servers: server.servers, allowEmpty: true });
    const joined = source.subscribe(() => {});
    await until(() => source.listing.state === "fresh");
    const run = (...args: readonly string[]): string => cli.run(server.servers, ...args);
    const path = `/services/${service}`;
    // The parents come one by one.
    if (!(await direct.names("/")).includes("services")) run("create", "/services");
    run("create", path);
    run("create", `${path}/a`, "10.0.0.1:80");
    await until(() => addresses(source).join() === "10.0.0.1:80");
    run("set", `${path}/a`, "10.0.0.2:80");
    await until(() => addresses(source).join() === "10.0.0.2:80");
    run("delete", `${path}/a`);
    await until(() => source.listing.instances.length === 0);
    joined.cancel();
  });

  it("writes as Go kit does, when asked: a numbered node with the address alone", async () => {
    const service = newService();
    const options = { servers: server.servers, path: "/gokit", sequential: true, format: "address" } as const;
    await using mine = zookeeperRegistrar(
      { service, id: "add-1", address: "10.0.0.1:8081" },
      { ...options, ...patientRegistrar },
    );
    await mine.start();
    const [name] = await direct.names(`/gokit/${service}`);
    expect(name).toMatch(/^_c_[0-9a-f]{32}-\d{10}$/);
    expect((await direct.read(`/gokit/${service}/${name}`))?.data).toBe("10.0.0.1:8081");
    await mine.close();
    expect(await direct.names(`/gokit/${service}`)).toEqual([]);
    // Go kit takes out the parent.
    expect(await direct.names("/gokit")).toContain(service);
  });

  it("tells of nodes that are none, and takes the others", async () => {
    const service = newService();
    await direct.put(`/services/${service}/bad`, "{");
    await direct.put(`/services/${service}/empty`, "");
    await direct.put(`/services/${service}/good`, "10.0.0.1:80");
    const events: SourceEvent[] = [];
    const source = zookeeper(service, { servers: server.servers, onEvent: (event) => void events.push(event) });
    expect((await source.ready()).instances).toHaveLength(1);
    expect(
      events.filter(({ kind }) => kind === "skipped").map((one) => (one as { error: Error }).error.message),
    ).toEqual([
      'node "bad" cannot be used: it should be JSON or an address',
      'node "empty" cannot be used: address should be a non-empty string, got ""',
    ]);
  });

  it("reads nodes by a function of one's own", async () => {
    const service = newService();
    await direct.put(`/services/${service}/lock`, "");
    await direct.put(`/services/${service}/10.0.0.1:80`, "3");
    const decode = (data: Uint8Array, name: string) =>
      name === "lock" ? undefined : { address: name, weight: Number(Buffer.from(data).toString()) };
    const { instances } = await zookeeper(service, { servers: server.servers, decode }).ready();
    expect(instances.map(({ id, weight }) => [id, weight])).toEqual([["10.0.0.1:80", 3]]);
  });

  it("counts the younger of two nodes with one id", async () => {
    const service = newService();
    await direct.put(`/services/${service}/b`, '{"id":"add-1","address":"10.0.0.1:80"}');
    await direct.put(`/services/${service}/a`, '{"id":"add-1","address":"10.0.0.2:80"}');
    const source = zookeeper(service, { servers: server.servers });
    await source.ready();
    expect(addresses(source)).toEqual(["10.0.0.2:80"]);
  });

  it("stays below its chroot, and makes it when it is missing", async () => {
    const service = newService();
    const servers = `${server.servers}/tenant/${service}`;
    await using mine = zookeeperRegistrar(
      { service: "add", address: "10.0.0.1:80" },
      { servers, path: "/", ...patientRegistrar },
    );
    await mine.start();
    expect(await direct.names(`/tenant/${service}/add`)).toEqual(["10.0.0.1:80"]);
    const source = zookeeper("add", { servers, path: "/", allowEmpty: true });
    const joined = source.subscribe(() => {});
    await until(() => source.listing.instances.length === 1);
    await mine.close();
    await until(() => source.listing.instances.length === 0);
    joined.cancel();
  });

  it("keeps others from its nodes with credentials, from reading too if so wanted", async () => {
    const service = newService();
    const place = { servers: server.servers, path: `/secret${process.pid}` };
    const auth = { username: "me", password: "secret" };
    const instance = { service, address: "10.0.0.1:80" };
    await using readable = zookeeperRegistrar(instance, { ...place, ...patientRegistrar, auth });
    await readable.start();
    expect((await zookeeper(service, place).ready()).instances).toHaveLength(1);
    const stranger = zookeeperRegistrar({ service, address: "10.0.0.2:80" }, { ...place, startMs: 200 });
    await stranger.start();
    await until(() => says(stranger.registration.error, /not authorised/));
    expect(stranger.registration.error).toMatchObject({ code: "permission_denied" });
    await stranger.close();
    await using hidden = zookeeperRegistrar(
      { service, address: "10.0.0.3:80" },
      { ...place, ...patientRegistrar, auth, access: "creator" },
    );
    await hidden.start();
    expect((await zookeeper(service, { ...place, auth }).ready()).instances).toHaveLength(2);
    const blind = zookeeper(service, place);
    const joined = blind.subscribe(() => {});
    await until(() => says(blind.listing.error, /not authorised/));
    joined.cancel();
  });

  it("speaks TLS, and refuses who is not the one", async (test) => {
    if (!hasOpenssl()) return test.skip("openssl is missing");
    const service = newService();
    await direct.put(`/services/${service}/a`, "10.0.0.1:80");
    using ca = authority();
    const own = ca.issue("zookeeper", ["DNS:localhost", "IP:127.0.0.1"]);
    await using proxy = await proxyTo(() => server.servers, { tls: { ...own, ca: ca.ca, requestCert: true } });
    const { instances } = await zookeeper(service, { servers: proxy.address, tls: { ca: ca.ca, ...own } }).ready();
    expect(instances).toHaveLength(1);
    const wary = zookeeper(service, { servers: proxy.address, tls: {} });
    const joined = wary.subscribe(() => {});
    await until(() => says(wary.listing.error, /cannot be reached: .*certificate/));
    joined.cancel();
  });

  it("lists ten thousand instances, and hears of one more", async () => {
    const service = newService();
    await direct.put(`/services/${service}/a`, "10.0.0.1:80");
    const path = `/services/${service}`;
    await direct.ask(async ({ link }) => {
      const access = [{ permissions: 31, scheme: "world", id: "anyone" }];
      for (let i = 0; i < 10; i++)
        await Promise.all(
          Array.from({ length: 1000 }, (_, j) => {
            const address = `10.${i}.${j >> 8}.${j & 255}:8081`;
            return create({ link }, { path: `${path}/${address}`, data: Buffer.from(address), access });
          }),
        );
    });
    const source = zookeeper(service, { servers: server.servers, ...patient });
    const joined = source.subscribe(() => {});
    await until(() => source.listing.instances.length === 10_001);
    await direct.put(`${path}/z`, "10.99.0.1:80");
    await until(() => source.listing.instances.length === 10_002);
    joined.cancel();
    const small = zookeeper(service, { servers: server.servers, maxMessageBytes: 10_000 });
    const again = small.subscribe(() => {});
    await until(() => says(small.listing.error, /larger than maxMessageBytes \(10000\)/));
    again.cancel();
  });
});
