import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { cuttable } from "../../../test/cuttable.ts";
import { passing, until } from "../../../test/until.ts";
import { ask, base64, compacted, deleted, keysOf, put, type RawKey } from "../../../tools/servers/etcd-raw.ts";
import { etcd as startEtcd, etcdCluster, etcdProgram } from "../../../tools/servers/etcd.ts";
import type { Started } from "../../../tools/servers/fetched.ts";
import type { Registrar, RegistrarEvent, Source, SourceEvent } from "../index.ts";
import { etcd, etcdRegistrar, type EtcdOptions, type EtcdRegistrarOptions } from "./index.ts";

const program = etcdProgram();
const reason = "reason" in program ? program.reason : undefined;
const path = "path" in program ? program.path : "";

/** What is asked now and then beside the watch finds nearly all by itself, and would hide what the watch does not. */
const BY_WATCH = { refreshMs: 600_000 } as const;

const opened: { [Symbol.asyncDispose](): PromiseLike<void> }[] = [];

interface Watched {
  readonly source: Source;
  readonly events: SourceEvent[];
  addresses(): string;
}

function watched(service: string, options: EtcdOptions): Watched {
  const events: SourceEvent[] = [];
  const quick = { refreshMs: 500, retryMaxMs: 500, allowEmpty: true, guard: false } as const;
  const source = etcd(service, { ...quick, onEvent: (event) => void events.push(event), ...options });
  const joined = source.subscribe(() => {});
  opened.push({ [Symbol.asyncDispose]: async () => joined.cancel() });
  const addresses = (): string =>
    source.listing.instances
      .map(({ address }) => address)
      .toSorted()
      .join(" ");
  return { source, events, addresses };
}

async function registered(address: string, options: EtcdRegistrarOptions, service: string): Promise<Registrar> {
  const mine = etcdRegistrar({ service, id: address, address }, { ttlMs: 1000, startMs: 60_000, ...options });
  opened.push(mine);
  await mine.start();
  expect(mine.registration).toMatchObject({ state: "registered" });
  return mine;
}

/** The keys that begin with a text, as soon as there are so many; there are never more. */
async function keysWhen(count: number, to: Parameters<typeof keysOf>[0], prefix: string): Promise<readonly RawKey[]> {
  for (;;) {
    const keys = await keysOf(to, prefix);
    expect(keys.length).toBeLessThanOrEqual(count);
    if (keys.length === count) return keys;
    await passing(10);
  }
}

async function closed(): Promise<void> {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
}

describe("etcd in trouble", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));
  let server: Started;
  const url = (): string => server.url;

  beforeAll(async () => {
    if (reason === undefined) server = await startEtcd(path);
  });
  afterAll(async () => {
    await closed();
    if (reason === undefined) await server[Symbol.asyncDispose]();
  });

  it("registers again 20 of 20 times when the lease is over, with one entry always", async () => {
    const delays: number[] = [];
    const onEvent = (event: RegistrarEvent): void => void (event.kind === "retry" && delays.push(event.delayMs));
    const mine = await registered("10.0.1.1:80", { servers: url(), onEvent }, "lease");
    for (let time = 1; time <= 20; time++) {
      const [before] = await keysWhen(1, url(), "/services/lease/");
      // Where this process is late it is over by itself.
      await ask(url(), "/v3/lease/revoke", { ID: before!.lease }).catch((error: Error) => {
        expect(error.message).toContain("lease not found");
      });
      const [after] = await keysWhen(1, url(), "/services/lease/");
      expect(after!.lease).not.toBe(before!.lease);
    }
    expect(delays.length).toBeGreaterThanOrEqual(20);
    expect(Math.max(...delays)).toBeLessThan(5000);
    await mine.close();
    expect(await keysOf(url(), "/services/lease/")).toEqual([]);
  }, 180_000);

  it("twenty that lose their leases while the server is frozen are all back, each once", async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) => registered(`10.0.2.${index}:80`, { servers: url() }, "frozen")),
    );
    server.freeze();
    await until(() => all.every(({ registration }) => registration.state === "lost"));
    server.thaw();
    const { addresses } = watched("frozen", { servers: url() });
    await until(() => all.every(({ registration }) => registration.state === "registered"));
    await until(() => addresses().split(" ").length === 20);
    // What was over while nobody could say so may go only now.
    await keysWhen(20, url(), "/services/frozen/");
    await closed();
  });

  it("an entry that somebody deleted is written again, one that another process took over is left to it", async () => {
    const kinds: string[] = [];
    const onEvent = ({ kind }: RegistrarEvent): void => void kinds.push(kind);
    // Long enough that it is not over by itself, however late this process is.
    const mine = await registered("10.0.3.1:80", { servers: url(), ttlMs: 9000, onEvent }, "deleted");
    await deleted(url(), "/services/deleted/10.0.3.1%3A80");
    await until(() => kinds.includes("lost") && kinds.filter((kind) => kind === "registered").length === 2);
    await keysWhen(1, url(), "/services/deleted/");
    await put(url(), "/services/deleted/10.0.3.1%3A80", "10.0.3.9:80");
    await until(() => /belongs to another: 10\.0\.3\.9:80/.test(String(mine.registration.error)));
    expect(await keysOf(url(), "/services/deleted/")).toMatchObject([{ value: "10.0.3.9:80" }]);
    await mine.close();
    // What is another's is not taken out either.
    expect(await keysOf(url(), "/services/deleted/")).toHaveLength(1);
    await deleted(url(), "/services/deleted/10.0.3.1%3A80");
  });

  it("after a compaction while it was disconnected it lists again, and the final set is equal", async () => {
    await using way = await cuttable(server.port);
    for (const at of [1, 2, 3]) await put(url(), `/services/compacted/${at}`, `10.0.4.${at}:80`);
    const { source, events, addresses } = watched("compacted", {
      servers: `http://127.0.0.1:${way.port}`,
      ...BY_WATCH,
    });
    await until(() => addresses() === "10.0.4.1:80 10.0.4.2:80 10.0.4.3:80");
    way.cut();
    await until(() => source.listing.state === "stale");
    await deleted(url(), "/services/compacted/1");
    await put(url(), "/services/compacted/2", "10.0.4.22:80");
    await put(url(), "/services/compacted/4", "10.0.4.4:80");
    await compacted(url());
    way.heal();
    await until(() => source.listing.state === "fresh" && addresses() === "10.0.4.22:80 10.0.4.3:80 10.0.4.4:80");
    await put(url(), "/services/compacted/5", "10.0.4.5:80");
    await until(() => addresses().endsWith("10.0.4.5:80"));
    expect(events.filter(({ kind }) => kind === "lost")).toHaveLength(1);
    await closed();
  });

  it("goes on from its revision after a cut, and misses nothing that happened meanwhile", async () => {
    await using way = await cuttable(server.port);
    await put(url(), "/services/cut/1", "10.0.5.1:80");
    const { source, addresses } = watched("cut", { servers: `http://127.0.0.1:${way.port}`, ...BY_WATCH });
    await until(() => addresses() === "10.0.5.1:80");
    const [first] = source.listing.instances;
    way.cut();
    await until(() => source.listing.state === "stale");
    await put(url(), "/services/cut/2", "10.0.5.2:80");
    way.heal();
    await until(() => addresses() === "10.0.5.1:80 10.0.5.2:80");
    expect(source.listing.instances).toContain(first);
    await closed();
  });

  it("sees what a dead connection does not tell", async () => {
    await using way = await cuttable(server.port);
    const { source, addresses } = watched("swallowed", { servers: `http://127.0.0.1:${way.port}` });
    await until(() => source.listing.state === "fresh");
    await passing(50);
    way.swallow();
    await put(url(), "/services/swallowed/1", "10.0.6.1:80");
    await until(() => addresses() === "10.0.6.1:80");
    await closed();
  });

  it("begins anew when the store has lost its data, and so does the registration", async () => {
    const own = await startEtcd(path);
    opened.push(own);
    for (let i = 0; i < 20; i++) await put(own.url, "/other", String(i));
    await put(own.url, "/services/wiped/old", "10.0.7.9:80");
    const mine = await registered("10.0.7.1:80", { servers: own.url }, "wiped");
    const { addresses } = watched("wiped", { servers: own.url, ...BY_WATCH });
    await until(() => addresses() === "10.0.7.1:80 10.0.7.9:80");
    await own.kill();
    rmSync(`${own.data}/etcd`, { recursive: true });
    await own.restart();
    await until(() => addresses() === "10.0.7.1:80");
    await until(() => mine.registration.state === "registered");
    await put(own.url, "/services/wiped/new", "10.0.7.2:80");
    await until(() => addresses() === "10.0.7.1:80 10.0.7.2:80");
    // What was opened last is closed first: the server.
    opened.reverse();
    await closed();
  });

  it("tells of what is no instance, and takes the rest: Go kit's plain addresses too", async () => {
    await put(url(), "/services/mixed/10.0.8.1:80", "10.0.8.1:80");
    await put(url(), "/services/mixed/2", "http://10.0.8.2:80/base");
    await put(url(), "/services/mixed/3", '{"Op":0,"Addr":"10.0.8.3:80","Metadata":null}');
    await put(url(), "/services/mixed/bad", "{");
    await put(url(), "/services/mixed/worse", '{"address":"10.0.8.4:80","weight":0}');
    const { source, events, addresses } = watched("mixed", { servers: url() });
    await until(() => addresses() === "10.0.8.1:80 10.0.8.3:80 http://10.0.8.2:80/base");
    expect(source.find("10.0.8.1:80")).toMatchObject({ service: "mixed" });
    const told = events.flatMap((event) => (event.kind === "skipped" ? [event.error.message] : []));
    expect(told).toContain("what stands at /services/mixed/bad is no instance: it should be JSON or an address");
    expect(told.join()).toContain("weight should be a number");
    await put(url(), "/services/mixed/bad", "10.0.8.5:80");
    await until(() => addresses().includes("10.0.8.5:80"));
    await closed();
  });
});

describe("etcd with users", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));
  const root = { user: "root", password: "r00t" };
  const app = { user: "app", password: "s3cret" };

  it("asks for a token, and for another when it has expired or the server knows it no more", async () => {
    const server = await startEtcd(path, { more: ["--auth-token-ttl", "1"] });
    try {
      await withUsers(server.url);
      const mine = await registered("10.1.0.1:80", { servers: server.url, ...app }, "add");
      const { source, addresses, events } = watched("add", { servers: server.url, ...app });
      await until(() => addresses() === "10.1.0.1:80");
      await passing(2500);
      await until(() => mine.registration.state === "registered" && source.listing.state === "fresh");
      await server.restart();
      await until(() => source.listing.state === "stale" || events.some(({ kind }) => kind === "back"));
      await until(() => source.listing.state === "fresh" && mine.registration.state === "registered");
      const token = (await ask(server.url, "/v3/auth/authenticate", { name: "app", password: "s3cret" }))[
        "token"
      ] as string;
      await keysWhen(1, { url: server.url, token }, "/services/add/");
      const wrong = watched("add", { servers: server.url, user: "app", password: "wrong-one" });
      await until(() => /authentication failed, invalid user ID/.test(String(wrong.source.listing.error)));
      expect(wrong.source.listing.error!.message).not.toContain("wrong-one");
      const nobody = watched("add", { servers: server.url });
      await until(() => /user name is empty/.test(String(nobody.source.listing.error)));
      const elsewhere = watched("add", { servers: server.url, ...app, prefix: "/secret" });
      await until(() => /permission denied/.test(String(elsewhere.source.listing.error)));
    } finally {
      await closed();
      await server[Symbol.asyncDispose]();
    }
  });

  async function withUsers(url: string): Promise<void> {
    for (const { user, password } of [root, app]) await ask(url, "/v3/auth/user/add", { name: user, password });
    await ask(url, "/v3/auth/role/add", { name: "root" });
    await ask(url, "/v3/auth/role/add", { name: "services" });
    const perm = { permType: "READWRITE", key: base64("/services/"), range_end: base64("/services0") };
    await ask(url, "/v3/auth/role/grant", { name: "services", perm });
    await ask(url, "/v3/auth/user/grant", { user: "root", role: "root" });
    await ask(url, "/v3/auth/user/grant", { user: "app", role: "services" });
    await ask(url, "/v3/auth/enable", {});
  }
});

describe("etcd with certificates", () => {
  const untrusting = reason ?? (hasOpenssl() ? undefined : "no openssl");
  beforeEach((test) => void (untrusting === undefined || test.skip(untrusting)));

  it("is reached with a client's certificate, and not without", async () => {
    using ca = authority();
    const own = ca.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"]);
    for (const [name, text] of Object.entries({ "ca.crt": ca.ca, "s.crt": own.cert, "s.key": own.key })) {
      writeFileSync(`${ca.folder}/${name}`, text);
    }
    const file = (name: string): string => `${ca.folder}/${name}`;
    const server = await startEtcd(path, { tls: { ca: file("ca.crt"), cert: file("s.crt"), key: file("s.key") } });
    try {
      const { cert, key } = ca.issue("client", ["DNS:client"]);
      await registered("10.2.0.1:80", { servers: server.url, tls: { ca: ca.ca, cert, key } }, "add");
      const { addresses } = watched("add", { servers: server.url, tls: { ca: ca.ca, cert, key } });
      await until(() => addresses() === "10.2.0.1:80");
      const bare = watched("add", { servers: server.url, tls: { ca: ca.ca } });
      await until(() => bare.source.listing.error !== undefined);
      const untrusted = watched("add", { servers: server.url, tls: { cert, key } });
      await until(() => /SELF_SIGNED|UNABLE_TO/.test(String(untrusted.source.listing.error)));
      expect(bare.source.listing.state).toBe("starting");
    } finally {
      await closed();
      await server[Symbol.asyncDispose]();
    }
  });
});

/** Writes a key as soon as there is a leader. */
async function written(to: string, key: string, value: string): Promise<void> {
  for (let isDone = false; !isDone;)
    isDone = await put(to, key, value).then(
      () => true,
      () => false,
    );
}

describe("a cluster of etcd", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));

  it("is asked through whichever member answers, is stale without a leader, and fresh again with one", async () => {
    const members = await etcdCluster(path);
    try {
      const servers = members.map(({ url }) => url);
      const mine = await registered("10.3.0.1:80", { servers, ttlMs: 15_000, callMs: 6000 }, "add");
      const { source, addresses } = watched("add", { servers, ...BY_WATCH });
      await until(() => addresses() === "10.3.0.1:80");
      await members[0]!.kill();
      await until(() => source.listing.state === "fresh" && mine.registration.state === "registered");
      await written(servers[1]!, "/services/add/two", "10.3.0.2:80");
      await until(() => addresses() === "10.3.0.1:80 10.3.0.2:80");
      await members[1]!.kill();
      await until(() => source.listing.state === "stale");
      expect(addresses()).toBe("10.3.0.1:80 10.3.0.2:80");
      await members[1]!.restart();
      await written(servers[1]!, "/services/add/three", "10.3.0.3:80");
      await until(() => addresses() === "10.3.0.1:80 10.3.0.2:80 10.3.0.3:80");
      await until(() => mine.registration.state === "registered");
    } finally {
      await closed();
      for (const member of members) await member[Symbol.asyncDispose]();
    }
  }, 180_000);
});
