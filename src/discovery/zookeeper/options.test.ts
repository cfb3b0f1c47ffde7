import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../time/index.ts";
import { nodeName } from "./announcer.ts";
import { zookeeper, zookeeperAnnouncer, zookeeperConnection, zookeeperRegistrar } from "./index.ts";
import { ensembleOf, isNodeName, shuffled } from "./servers.ts";

describe("servers", () => {
  it("are read as ZooKeeper writes them", () => {
    expect(ensembleOf("a:1, b ,[::1]:3/x/y/")).toEqual({
      servers: [
        { host: "a", port: 1 },
        { host: "b", port: 2181 },
        { host: "::1", port: 3 },
      ],
      chroot: "/x/y",
    });
    expect(ensembleOf(["a", "b:2"]).servers).toHaveLength(2);
    expect(ensembleOf("a/").chroot).toBe("");
  });

  it.each(["", "a:0", "a:70000", "http://a", "a,,b", "a b", "a//b", "a/../b"])(
    "are refused with a reason: %j",
    (servers) => {
      expect(() => ensembleOf(servers)).toThrow(/^servers.* should be .*, got /);
    },
  );

  it("are asked in an order of chance", () => {
    const { servers } = ensembleOf("a,b,c");
    const firsts = new Set(Array.from({ length: 50 }, (_, seed) => shuffled(servers, seededRandom(seed))[0]!.host));
    expect(firsts).toEqual(new Set(["a", "b", "c"]));
    expect(shuffled(servers, seededRandom(1))).toHaveLength(3);
  });
});

describe("options", () => {
  it.each<[() => unknown, string]>([
    [() => zookeeper("", {}), "service should be the name of a node"],
    [() => zookeeper("a/b", {}), 'service should be the name of a node, got "a/b"'],
    [() => zookeeper("add", { path: "services" }), 'path should be a path like "/services", got "services"'],
    [() => zookeeper("add", { path: "/zookeeper/quota" }), "path should be a path"],
    [() => zookeeper("add", { sessionTimeoutMs: 10 }), "sessionTimeoutMs should be an integer from 100"],
    [() => zookeeper("add", { connectTimeoutMs: 1.5 }), "connectTimeoutMs should be an integer"],
    [() => zookeeper("add", { maxMessageBytes: 1 }), "maxMessageBytes should be an integer from 1024"],
    [() => zookeeper("add", { auth: { username: "a:b", password: "c" } }), "auth.username should be"],
    [() => zookeeper("add", { auth: { username: "a", password: "" } }), "auth.password should be a non-empty string"],
    [() => zookeeper("add", { srevers: "a" } as never), 'zookeeper has no option "srevers"'],
    [() => zookeeper("add", { connection: {} as never }), "connection should be made by zookeeperConnection"],
    [
      () => zookeeper("add", { connection: zookeeperConnection(), tls: {} }),
      "tls belongs to the connection that is shared",
    ],
    [() => zookeeperConnection({ path: "/a" } as never), 'zookeeperConnection has no option "path"'],
    [
      () => zookeeperAnnouncer("add", { format: "xml" as never }),
      'format should be one of "json", "address", got "xml"',
    ],
    [() => zookeeperAnnouncer("add", { access: "me" as never }), "access should be one of"],
    [() => zookeeperRegistrar("10.0.0.1:80"), "service should be the name of a node"],
    [
      () => zookeeperRegistrar({ address: "10.0.0.1:80", service: "add" }, { starMs: 1 } as never),
      'no option "starMs"',
    ],
  ])("are checked at construction: %#", (make, message) => {
    expect(make).toThrow(message);
  });
});

describe("the name of the service", () => {
  it("is the instance's own, else the option, as for every registry", async () => {
    const named = (instance: Parameters<typeof zookeeperRegistrar>[0]) =>
      zookeeperRegistrar(instance, { service: "trim" }).name;
    expect(named({ service: "add", address: "10.0.0.1:80" })).toBe("register zookeeper add");
    expect(named({ address: "10.0.0.1:80" })).toBe("register zookeeper trim");
    expect(named("10.0.0.1:80")).toBe("register zookeeper trim");
    // What can never succeed fails the start, and is not tried for ever.
    const nameless = zookeeperRegistrar(() => "10.0.0.1:80");
    await expect(nameless.start()).rejects.toThrow("service should be the name of a node, got undefined");
    expect(() => zookeeperRegistrar(() => "10.0.0.1:80", { service: "a/b" })).toThrow('the name of a node, got "a/b"');
  });
});

describe("a node", () => {
  it("has a name that ZooKeeper takes, its own for each id", () => {
    expect([nodeName("add-1"), nodeName("10.0.0.1:80"), nodeName("a/b"), nodeName("."), nodeName("..")]).toEqual([
      "add-1",
      "10.0.0.1:80",
      "a%2Fb",
      "%2E",
      "%2E%2E",
    ]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
        expect(isNodeName(nodeName(a))).toBe(true);
        expect(nodeName(a) === nodeName(b)).toBe(a === b);
      }),
    );
  });
});
