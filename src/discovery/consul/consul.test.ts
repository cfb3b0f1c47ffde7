import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { alone } from "../../../test/alone.ts";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { until } from "../../../test/until.ts";
import { consulTestServer } from "../../../tools/servers/consul.ts";
import { freePort } from "../../../tools/servers/fetched.ts";
import { registryHttp, type RegistryHttp } from "../http/index.ts";
import { instance, LostRegistration, type Source } from "../index.ts";
import { announceConsul } from "./announce-consul.ts";
import { consul, consulRegistrar, type ConsulOptions, type ConsulRegistrarOptions } from "./index.ts";

const agent = consulTestServer();
const { missing, foreign } = agent;
const hurt = missing ?? foreign;
const why = (reason: string | undefined): string => (reason === undefined ? "" : ` (skipped: ${reason})`);

beforeAll(() => agent.start(), 300_000);
afterAll(() => agent.stop(), 60_000);

let ran = 0;
let service: string;
let closing: (() => unknown)[];
beforeEach(() => {
  service = `add ${process.pid} ${++ran}/ü`;
  closing = [];
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** The agent asked by hand, however slow it is. */
function asked(): RegistryHttp {
  const http = registryHttp({ servers: agent.url, timeoutMs: 60_000 });
  closing.push(() => http.close());
  return http;
}

function watched(options: ConsulOptions = {}): Source {
  const source = consul(service, { servers: agent.url, allowEmpty: true, guard: false, ...options });
  const joined = source.subscribe(() => {});
  closing.push(() => joined.cancel());
  return source;
}

async function registered(instance: Parameters<typeof consulRegistrar>[0], options: ConsulRegistrarOptions = {}) {
  const made = consulRegistrar(instance, { servers: agent.url, service, retryMaxMs: 200, ...options });
  closing.push(() => made.close());
  await made.start();
  return made;
}

const addresses = (source: Source): string => source.listing.instances.map(({ address }) => address).join();
const listed = (source: Source, expected: string): Promise<void> => until(() => addresses(source) === expected);

describe.skipIf(missing !== undefined)(`Consul${why(missing)}`, () => {
  it("lists what is registered, with all that is known of it, and each change of it in place", async () => {
    const source = watched();
    await until(() => source.listing.state === "fresh");
    const mine = await registered({
      ...{ address: "[::1]:8081", weight: 3, priority: 1, zone: "z1", version: "1.2.0" },
      ...{ tags: ["blue"], metadata: { team: "red" } },
    });
    await listed(source, "[::1]:8081");
    const [first] = source.listing.instances;
    expect(first).toMatchObject({
      ...{ id: `${service}-::1-8081`, service, weight: 3, priority: 1, zone: "z1", version: "1.2.0", tags: ["blue"] },
      ...{ metadata: { team: "red", version: "1.2.0", zone: "z1", priority: "1" }, health: "up" },
    });
    await mine.update({ metadata: { team: "green" }, weight: 0.5 });
    await until(() => source.listing.instances[0]?.metadata["team"] === "green");
    expect(source.listing.instances).toHaveLength(1);
    expect(source.listing.instances[0]).toMatchObject({ id: first!.id, weight: 0.5 });
    await mine.close();
    await listed(source, "");
  });

  it("keeps an instance passing for longer than its check's time, and drops one that is silent", async () => {
    const live = await registered("10.0.0.1:8081", { check: { kind: "ttl", ttlMs: 1000 } });
    // One that nobody speaks for.
    const Check = { TTL: "1s", Status: "passing" };
    const http = asked();
    const silent = { Name: service, ID: `${service}-silent`, Address: "10.0.0.2", Port: 8081, Check };
    await http.request({ method: "PUT", path: "/v1/agent/service/register", body: silent });
    closing.push(() =>
      http.request({ method: "PUT", path: `/v1/agent/service/deregister/${encodeURIComponent(silent.ID)}` }),
    );
    const [source, all] = [watched(), watched({ passingOnly: false })];
    await listed(source, "10.0.0.1:8081");
    await until(() => all.find(silent.ID)?.health === "down");
    // Not at every moment: this process may be late with a heart-beat, and says so with the next.
    await until(() => all.find(live.instance!.id)?.health === "up");
  });

  it("filters by the first tag there and by the others here, and by Consul's own expressions", async () => {
    await registered({ address: "10.0.0.1:1", tags: ["blue", "new"], version: "1" });
    await registered({ address: "10.0.0.1:2", tags: ["blue"], version: "2" });
    await registered({ address: "10.0.0.1:3", tags: ["new"] });
    await listed(watched({ tags: ["blue", "new"] }), "10.0.0.1:1");
    await listed(watched({ tags: ["new", "blue"] }), "10.0.0.1:1");
    await listed(watched({ filter: 'Service.Meta.version == "2"' }), "10.0.0.1:2");
    for (const consistency of ["consistent", "stale"] as const) {
      const source = watched({ tags: ["blue"], consistency, near: "_agent", datacenter: "dc1" });
      await until(() => source.listing.instances.length === 2);
    }
  });

  it("tells of a data centre that is not there", async () => {
    const source = watched({ datacenter: "nowhere" });
    await until(() => /500 No path to datacenter/.test(String(source.listing.error)));
    expect(source.listing.state).toBe("starting");
  });

  it.each(["up", "down"] as const)("marks an instance that was %s as draining by maintenance mode", async (health) => {
    const mine = await registered({ address: "10.0.0.1:8081", health }, { onDrain: "mark" });
    const [source, all] = [watched(), watched({ passingOnly: false })];
    await until(() => all.listing.instances[0]?.health === health);
    await mine.drain();
    await until(() => all.listing.instances[0]?.health === "draining");
    await listed(source, "");
    await mine.close();
    await listed(all, "");
    // One that comes after it is not in maintenance.
    await registered({ address: "10.0.0.1:8081" }, { onDrain: "mark" });
    await listed(source, "10.0.0.1:8081");
  });

  it("leaves an operator's word alone, until the process begins anew", async () => {
    const mine = await registered("10.0.0.1:8081");
    const all = watched({ passingOnly: false });
    await until(() => all.listing.instances[0]?.health === "up");
    const http = asked();
    const id = encodeURIComponent(mine.instance!.id);
    const path = `/v1/agent/service/maintenance/${id}`;
    await http.request({ method: "PUT", path, query: { enable: true, reason: "looked at" } });
    await until(() => all.listing.instances[0]?.health === "draining");
    await mine.update({ metadata: { a: "b" } });
    // Not by the source, which may see the update before what comes with it.
    const { text } = await http.request({ path: "/v1/agent/checks" });
    expect(text).toContain(JSON.stringify(`_service_maintenance:${mine.instance!.id}`));
    await until(() => all.listing.instances[0]?.metadata["a"] === "b");
    expect(all.listing.instances[0]?.health).toBe("draining");
    await registered("10.0.0.1:8081");
    await until(() => all.listing.instances[0]?.health === "up");
  });

  it("an instance that calls itself down is down, and up again when it says so", async () => {
    const mine = await registered("10.0.0.1:8081", { check: { kind: "ttl", ttlMs: 1500 } });
    const all = watched({ passingOnly: false });
    await until(() => all.listing.instances[0]?.health === "up");
    await mine.update({ health: "down" });
    await until(() => all.listing.instances[0]?.health === "down");
    await mine.update({ health: "up" });
    await until(() => all.listing.instances[0]?.health === "up");
  });

  it("lets the agent check by HTTP, TCP or gRPC", async () => {
    let isWell = true;
    const server = createServer((_, response) => void response.writeHead(isWell ? 200 : 500).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => (server.close(), server.closeAllConnections()));
    const { port } = server.address() as AddressInfo;
    const address = `127.0.0.1:${port}`;
    const nobody = "127.0.0.1:1";
    const often = { intervalMs: 1000, timeoutMs: 900 };
    await registered(
      { address, id: `${service} http` },
      { check: { kind: "http", url: `http://${address}/`, ...often } },
    );
    await registered({ address, id: `${service} tcp` }, { check: { kind: "tcp", ...often } });
    await registered({ address: nobody, id: `${service} grpc` }, { check: { kind: "grpc", ...often } });
    await registered({ address: nobody, id: `${service} none` }, { check: { kind: "none" } });
    const all = watched({ passingOnly: false });
    const health = (kind: string) => all.find(`${service} ${kind}`)?.health;
    await until(() => health("grpc") === "down" && health("http") === "up" && health("tcp") === "up");
    isWell = false;
    await until(() => health("http") === "down" && health("tcp") === "up" && health("none") === "up");
  });

  it("refuses what it cannot keep, and says why", async () => {
    const mine = await registered({ address: "10.0.0.1:8081", metadata: { "no spaces": "x" } }, { startMs: 0 });
    await until(() => /\/v1\/agent\/service\/register: 400 Invalid Service Meta/.test(String(mine.registration.error)));
    const { state, error } = mine.registration;
    expect([state, error]).toMatchObject(["registering", { name: "RegistryError", status: 400 }]);
  });

  it("serves source and registrar over one client, which is not theirs to close", async () => {
    const http = asked();
    const mine = await registered("10.0.0.1:8081", { servers: undefined, http });
    const source = watched({ servers: undefined, http });
    await listed(source, "10.0.0.1:8081");
    await mine.close();
    await mine.close();
    await listed(source, "");
    expect((await http.request({ path: "/v1/status/leader" })).status).toBe(200);
  });

  it("lets the process end while it watches and speaks for an instance", async () => {
    const options = JSON.stringify({ servers: agent.url, service, startMs: 50_000, required: true });
    const script = `import { consul, consulRegistrar } from "src/discovery/consul/index.ts";
      const mine = consulRegistrar("10.0.0.1:8081", ${options});
      await mine.start();
      const source = consul(${JSON.stringify(service)}, { servers: ${JSON.stringify(agent.url)} });
      await new Promise((resolve) => {
        const timer = setInterval(() => {}, 1000);
        source.subscribe(({ added: [one] }) => one && (clearInterval(timer), resolve(console.log(one.address))));
      });`;
    expect(await alone(script)).toBe("10.0.0.1:8081");
    const id = encodeURIComponent(`${service}-10.0.0.1-8081`);
    await asked().request({ method: "PUT", path: `/v1/agent/service/deregister/${id}` });
  });
});

describe.skipIf(hurt !== undefined)(`an agent of Consul in trouble${why(hurt)}`, { timeout: 600_000 }, () => {
  afterEach(() => agent.process.restart(), 120_000);

  it("that is killed and forgets everything gets each registration again, 20 of 20 times", async () => {
    const events: string[] = [];
    const check = { kind: "ttl", ttlMs: 1000 } as const;
    const mine = await registered("10.0.0.1:8081", {
      check,
      onEvent: (event) => {
        if (event.kind === "retry") events.push(event.error.name);
      },
    });
    for (let round = 1; round <= 20; round++) {
      // Without data it starts with an empty catalogue; half of the times nobody notices that it was away.
      if (round % 2 === 0) await agent.process.kill();
      await agent.process.restart();
      const source = watched();
      await listed(source, "10.0.0.1:8081");
      closing.pop()!();
      await until(() => mine.registration.state === "registered");
    }
    expect(events).toContain("LostRegistration");
  });

  it("that checks by itself is asked whether it still knows the instance", async () => {
    // The announcer's own time is 10 s; what is shown here is what an agent says that knows nothing.
    const announcer = announceConsul("consul", { servers: agent.url, check: { kind: "none" } }, undefined);
    const one = instance({ address: "10.0.0.1:8081", service });
    const { signal } = new AbortController();
    await expect(announcer.renew(one, signal)).rejects.toBeInstanceOf(LostRegistration);
    await announcer.register(one, signal);
    await announcer.renew(one, signal);
    await announcer.deregister(one, signal);
    await announcer.deregister(one, signal);
    await announcer.close?.();
  });

  it("that is away at the start holds nothing up, and is asked until it is there", async () => {
    await agent.process.kill();
    const source = watched({ seed: ["10.9.9.9:1"] });
    const mine = await registered("10.0.0.1:8081", { startMs: 50 });
    expect(mine.registration).toMatchObject({ state: "registering" });
    expect(addresses(source)).toBe("10.9.9.9:1");
    await agent.process.restart();
    await listed(source, "10.0.0.1:8081");
    await until(() => mine.registration.state === "registered");
  });

  it.each(["killed", "frozen"])(
    "that is %s later leaves the last list, and its changes are seen when it is back",
    async (how) => {
      await registered("10.0.0.1:8081", { check: { kind: "ttl", ttlMs: 1000 } });
      // It speaks every second: what is silent for longer is frozen.
      const source = watched({ waitMs: 1000, silenceMs: 4000 });
      await listed(source, "10.0.0.1:8081");
      if (how === "frozen") agent.process.freeze();
      else await agent.process.kill();
      await until(() => source.listing.state === "stale");
      expect(addresses(source)).toBe("10.0.0.1:8081");
      if (how === "frozen") agent.process.thaw();
      else await agent.process.restart();
      const second = await registered("10.0.0.2:8081");
      await until(() => source.listing.state === "fresh" && source.find(second.instance!.id) !== undefined);
    },
  );
});

const noTls = missing ?? (hasOpenssl() ? undefined : "openssl is not here");
describe.skipIf(noTls !== undefined)(`Consul with TLS and access control${why(noTls)}`, () => {
  it("takes a token over a verified connection, and nothing else", async () => {
    using made = authority();
    const own = made.issue("agent", ["IP:127.0.0.1", "DNS:server.dc1.consul"]);
    const mine = made.issue("client", ["DNS:client"]);
    for (const [name, text] of Object.entries({ "own.pem": own.cert, "own.key": own.key, "ca.pem": made.ca })) {
      writeFileSync(`${made.folder}/${name}`, text);
    }
    const https = await freePort();
    const secured = consulTestServer({
      isOwn: true,
      token: "s3cret",
      config: {
        ports: { https },
        cert_file: `${made.folder}/own.pem`,
        key_file: `${made.folder}/own.key`,
        ca_file: `${made.folder}/ca.pem`,
        verify_incoming: true,
        acl: { enabled: true, default_policy: "deny", tokens: { master: "s3cret", agent: "s3cret" } },
      },
    });
    await secured.start();
    closing.push(() => secured.stop());
    const way = {
      servers: `https://127.0.0.1:${https}`,
      tls: { ca: made.ca, ...mine },
      token: () => "s3cret",
      timeoutMs: 5000,
    };
    await registered("10.0.0.1:8081", { ...way, startMs: 30_000, required: true });
    await listed(watched(way), "10.0.0.1:8081");
    const refused = async (options: ConsulRegistrarOptions, why: RegExp): Promise<void> => {
      const one = await registered("10.0.0.1:8082", { ...way, startMs: 0, ...options });
      await until(() => why.test(String(one.registration.error)));
      expect(one.registration.state).toBe("registering");
    };
    await refused({ token: "wrong" }, /: 403 .*(?:ACL not found|Permission denied)/);
    await refused({ tls: { ...mine } }, /cannot be asked \((?:SELF_SIGNED|UNABLE_TO)/);
    await refused({ tls: { ca: made.ca } }, /cannot be asked \(/);
    // Who may not read gets an empty list, as if nobody were there: it says so from Consul 1.11 on.
    const blind = watched({ ...way, token: "anonymous" });
    await until(() => blind.listing.state === "fresh" || blind.listing.error !== undefined);
    expect(addresses(blind)).toBe("");
  });
});

describe("options", () => {
  it("give the service to an instance that names none, as `instance` makes one", () => {
    const one = instance("10.0.0.1:8081");
    expect(consulRegistrar(one, { service: "add" }).name).toBe("register consul add");
  });

  it.each([
    [() => consul(""), 'service should be a non-empty string, got ""'],
    [() => consul("add", { tags: [""] }), 'tags should be a non-empty string, got ""'],
    [() => consul("add", { waitMs: 1 }), "waitMs should be a number from 1000 to 600000, got 1"],
    [() => consul("add", { consistency: "never" as never }), "consistency should be one of"],
    [() => consul("add", { token: "two words" }), "token should be a text without spaces"],
    [() => consul("add", { tag: "blue" } as never), 'has no option "tag"'],
    [() => consulRegistrar("10.0.0.1:8081"), "service should be a non-empty string, got undefined"],
    [() => consulRegistrar("10.0.0.1", { service: "add" }), "address should be host:port or a URL with a port"],
    [() => consulRegistrar("h:1", { service: "add", check: { kind: "ttl", ttlMs: 1 } }), "check.ttlMs should be"],
    [() => consulRegistrar("h:1", { service: "add", check: { kind: "http", url: "" } }), "check.url should be"],
    [() => consulRegistrar("h:1", { service: "add", check: { kind: "tcp", ttlMs: 9 } as never }), 'no option "ttlMs"'],
    [() => consulRegistrar("h:1", { service: "add", deregisterAfterMs: 1000 }), "deregisterAfterMs should be"],
  ])("that cannot work are refused: %s", (make, says) => {
    expect(make).toThrow(says);
  });
});
