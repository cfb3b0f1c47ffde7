// What becomes of sessions, nodes and lists when connections break at bad moments, against a real server.
import { rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import { zookeeperTestServer } from "../../../tools/servers/zookeeper.ts";
import { seededRandom } from "../../time/index.ts";
import { instance, registrar, type RegistrarEvent, type SourceEvent } from "../index.ts";
import { zookeeper, zookeeperAnnouncer, zookeeperConnection, zookeeperRegistrar } from "./index.ts";
import { create } from "./operations.ts";
import { placeOf } from "./options.ts";
import { nodes, patient, patientRegistrar } from "./testdata/nodes.ts";
import { proxyTo } from "./testdata/proxy.ts";

const server = zookeeperTestServer();
const reason = server.missing ?? server.foreign;
beforeAll(server.start, 60_000);
afterAll(server.stop);
const direct = nodes(() => server.servers);
const idle = () => new AbortController().signal;
const CREATE = 1;

let count = 0;
const newService = (): string => `trouble${process.pid}-${++count}`;
/** Asked again whenever it fails, as a registrar does. */
async function insistently(work: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === 1000) throw error;
    }
  }
}

describe("zookeeper in trouble", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));

  it.each([false, true])(
    "leaves one node when the answer to create is lost a hundred times (sequential: %s)",
    async (sequential) => {
      const service = newService();
      await using proxy = await proxyTo(() => server.servers, { cutsAnswerTo: CREATE });
      await direct.put(`/services/${service}/other`, "10.0.0.9:80");
      for (let round = 0; round < 100; round++) {
        const announcer = zookeeperAnnouncer(service, { servers: proxy.address, sequential, ...patient });
        const one = instance(`10.0.0.1:${8000 + round}`);
        proxy.isArmed = true;
        await expect(announcer.register(one, idle())).rejects.toMatchObject({ reason: "connection_lost" });
        proxy.isArmed = false;
        await insistently(() => announcer.register(one, idle()));
        expect(await direct.names(`/services/${service}`)).toHaveLength(2);
        await announcer.renew(one, idle());
        await announcer.deregister(one, idle());
        await announcer.close!();
      }
      expect(proxy.cuts).toBe(100);
      expect(await direct.names(`/services/${service}`)).toEqual(["other"]);
    },
  );

  // The control: who simply asks again has two.
  it("would have two nodes if it simply created again", async () => {
    const service = newService();
    await direct.put(`/services/${service}/other`, "10.0.0.9:80");
    await using proxy = await proxyTo(() => server.servers, { cutsAnswerTo: CREATE });
    const { connection, pathOf } = placeOf({ servers: proxy.address, ...patient });
    const release = connection.hold();
    const access = [{ permissions: 31, scheme: "world", id: "anyone" }];
    const node = { path: `${pathOf(service)}/n-`, data: new Uint8Array(), access, ephemeral: true, sequential: true };
    const naive = async () => void (await create({ link: await connection.link(idle()), signal: idle() }, node));
    await expect(naive()).rejects.toThrow("lost");
    proxy.isArmed = false;
    await insistently(naive);
    expect(await direct.names(`/services/${service}`)).toHaveLength(3);
    release();
  });

  it("leaves one node and one list after a hundred cuts at any byte", async () => {
    const service = newService();
    const random = seededRandom(7);
    // Most connections come through the greeting (45 bytes) and get somewhere.
    await using proxy = await proxyTo(() => server.servers, { bytes: () => 1 + Math.floor(random.fraction() * 400) });
    const connection = zookeeperConnection({ servers: proxy.address, ...patient });
    const quick = { retryBaseMs: 1, retryMaxMs: 5 };
    const source = zookeeper(service, { connection, ...quick });
    const joined = source.subscribe(() => {});
    const announcer = zookeeperAnnouncer(service, { connection });
    await using mine = registrar({
      announcer: { ...wrapped(announcer), renewMs: 20 },
      instance: "10.0.0.1:8081",
      ...quick,
    });
    await mine.start();
    await until(() => proxy.cuts >= 100);
    proxy.isArmed = false;
    await until(() => mine.registration.state === "registered" && source.listing.state === "fresh");
    await until(() => source.listing.instances.length === 1);
    expect(await direct.names(`/services/${service}`)).toHaveLength(1);
    joined.cancel();
  });

  it("goes on with its session when only the connection breaks: the node is the same, and the list is kept", async () => {
    const service = newService();
    await using proxy = await proxyTo(() => server.servers);
    const place = { servers: proxy.address, ...patient };
    const events: SourceEvent[] = [];
    const source = zookeeper(service, { ...place, onEvent: (event) => void events.push(event) });
    const joined = source.subscribe(() => {});
    await using mine = zookeeperRegistrar({ service, address: "10.0.0.1:8081" }, { ...place, ...patientRegistrar });
    await mine.start();
    await until(() => source.listing.instances.length === 1);
    const path = `/services/${service}/10.0.0.1:8081`;
    const before = await direct.read(path);
    const connections = proxy.connections;
    proxy.isOpen = false;
    await until(() => source.listing.state === "stale");
    expect(source.listing.instances).toHaveLength(1);
    proxy.isOpen = true;
    await until(() => source.listing.state === "fresh" && proxy.connections >= connections + 2);
    await until(() => proxy.open === 2);
    expect(events.filter(({ kind }) => kind === "change")).toHaveLength(1);
    // A node of another session would be made anew by this.
    await mine.update({ metadata: { a: "b" } });
    await until(() => source.listing.instances[0]?.metadata["a"] === "b");
    expect((await direct.read(path))?.owner).toBe(before?.owner);
    expect(events.filter(({ kind }) => kind === "change")).toHaveLength(2);
    joined.cancel();
  });

  it("makes twenty registrations anew, twenty of twenty, when their sessions are over", async () => {
    const service = newService();
    await using proxy = await proxyTo(() => server.servers);
    const place = { servers: proxy.address, sessionTimeoutMs: 1000 };
    const all = Array.from({ length: 20 }, (_, i) =>
      zookeeperRegistrar({ service, address: `10.0.0.1:${8000 + i}` }, place),
    );
    await Promise.all(all.map((one) => one.start()));
    for (;;) if ((await direct.names(`/services/${service}`)).length === 20) break;
    proxy.isOpen = false;
    for (;;) if ((await direct.names(`/services/${service}`)).length === 0) break;
    proxy.isOpen = true;
    for (;;) if ((await direct.names(`/services/${service}`)).length === 20) break;
    await until(() => all.every(({ registration }) => registration.state === "registered"));
    await Promise.all(all.map((one) => one.close()));
    // A session may have been over a moment before: its node stays until then.
    for (;;) if ((await direct.names(`/services/${service}`)).length === 0) break;
  });

  it("asks the next server when one is dead or frozen", async () => {
    const service = newService();
    await direct.put(`/services/${service}/a`, "10.0.0.1:80");
    await using dead = await proxyTo(() => server.servers);
    dead.isOpen = false;
    await using frozen = await silentServer();
    const servers = [dead.address, frozen.address, "127.0.0.1:1", server.servers];
    for (let round = 0; round < 5; round++) {
      const source = zookeeper(service, { servers, connectTimeoutMs: 200, random: seededRandom(round) });
      expect((await source.ready()).instances).toHaveLength(1);
    }
    expect(frozen.accepted()).toBeGreaterThan(0);
  });

  it("does not tell of a loss when another server takes over at once", async () => {
    const service = newService();
    await direct.put(`/services/${service}/a`, "10.0.0.1:80");
    await using first = await proxyTo(() => server.servers);
    await using second = await proxyTo(() => server.servers);
    const events: string[] = [];
    const options = {
      servers: [first.address, second.address],
      ...patient,
      onEvent: ({ kind }: SourceEvent) => void events.push(kind),
    };
    const source = zookeeper(service, options);
    const joined = source.subscribe(() => {});
    await source.ready();
    // Long enough to be a good connection.
    await passing(1500);
    const [used, other] = first.open === 1 ? [first, second] : [second, first];
    used.isOpen = false;
    await until(() => other.open === 1);
    await direct.put(`/services/${service}/b`, "10.0.0.2:80");
    await until(() => source.listing.instances.length === 2);
    expect(events).toEqual(["change", "change"]);
    joined.cancel();
  });

  it("begins a new session with an ensemble that was made anew and turns the old one away", async () => {
    const service = newService();
    let times = 0;
    const options = {
      servers: server.servers,
      sessionTimeoutMs: 1000,
      onEvent: ({ kind }: RegistrarEvent) => void (kind === "registered" && times++),
    };
    await using mine = zookeeperRegistrar({ service, address: "10.0.0.1:8081" }, options);
    await mine.start();
    // So that what was seen is ahead of what the new one can have.
    for (let i = 0; i < 200; i++) await mine.update({ metadata: { i: String(i) } });
    await server.process.kill();
    const before = times;
    rmSync(`${server.process.data}/version-2`, { recursive: true });
    await server.process.restart();
    // Not asked by others meanwhile: each session is a change, and it would catch up.
    await until(() => times > before);
    for (;;) if ((await direct.names(`/services/${service}`)).length === 1) break;
  });

  it("takes over from its last life, and is told when another process has taken its id", async () => {
    const service = newService();
    const place = { servers: server.servers, ...patient };
    const one = instance({ id: "add-1", address: "10.0.0.1:8081" });
    const [before, after] = [zookeeperAnnouncer(service, place), zookeeperAnnouncer(service, place)];
    await before.register(one, idle());
    await after.register(instance({ ...one, address: "10.0.0.1:8082" }), idle());
    expect(await direct.names(`/services/${service}`)).toEqual(["add-1"]);
    await after.renew(one, idle());
    await expect(before.renew(one, idle())).rejects.toThrow("two instances have the id add-1");
    // What is not its own it leaves.
    await before.deregister(one, idle());
    await before.close!();
    await after.renew(one, idle());
    await after.close!();
  });

  it("has one connection for several services, which is closed with the last", async () => {
    await using proxy = await proxyTo(() => server.servers);
    const connection = zookeeperConnection({ servers: proxy.address, ...patient });
    const sources = [1, 2, 3].map((i) => zookeeper(`shared${i}`, { connection }));
    await using mine = zookeeperRegistrar({ service: "shared1", address: "10.0.0.1:8081" }, { connection });
    const joined = sources.map((one) => one.subscribe(() => {}));
    await Promise.all([mine.start(), ...sources.map((one) => one.ready())]);
    await until(() => sources[0]!.listing.instances.length === 1);
    expect([proxy.connections, proxy.open]).toEqual([1, 1]);
    for (const one of joined) one.cancel();
    await mine.close();
    await until(() => proxy.open === 0);
    // It was not the server that ended it.
    expect(await direct.names("/")).toContain("services");
  });
});

/** Accepts, and says nothing. */
async function silentServer() {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => void sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    accepted: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

function wrapped(announcer: ReturnType<typeof zookeeperAnnouncer>) {
  return {
    name: announcer.name,
    register: announcer.register.bind(announcer),
    renew: announcer.renew.bind(announcer),
    deregister: announcer.deregister.bind(announcer),
    close: announcer.close!.bind(announcer),
  };
}
