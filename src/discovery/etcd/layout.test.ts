import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "../index.ts";
import { etcd, etcdRegistrar } from "./index.ts";
import { layoutOf } from "./layout.ts";

describe("the layout of instances", () => {
  const layout = layoutOf("add", {});

  it("has a key for each id, and reads what it writes", () => {
    const one = instance({
      ...{ address: "10.0.0.1:8081", id: "a/b", service: "add", weight: 2.5, priority: 1, zone: "z", version: "1" },
      ...{ tags: ["blue"], metadata: { "": "x" }, health: "draining" as const },
    });
    expect(layout.key(one)).toBe("/services/add/a%2Fb");
    expect(instance(layout.read(layout.key(one), layout.value(one)!))).toEqual(one);
    const text = fc.string({ minLength: 1, unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.dictionary(fc.string(), fc.string()), (id, metadata) => {
        const made = instance({ address: "h:1", id, metadata });
        const key = layout.key(made);
        expect(key.startsWith(layout.prefix) && !key.slice(layout.prefix.length).includes("/")).toBe(true);
        expect(layout.read(key, "h:1").id).toBe(id);
        expect(instance(layout.read(key, layout.value(made)!)).metadata).toEqual(metadata);
      }),
    );
  });

  it("takes the id from the key, where the value is an address alone", () => {
    const read = layout.read("/services/add/x", "10.0.0.1:8081");
    expect(read).toMatchObject({ id: "x", service: "add", address: "10.0.0.1:8081" });
  });
});

describe("the layout of SkyDNS", () => {
  const layout = layoutOf("add", { layout: "skydns", domain: "example.org" });

  it("is the domain backwards, and what CoreDNS reads stands first", () => {
    const one = instance({ address: "10.0.0.1:8081", service: "add", weight: 0.5, priority: 1 });
    expect(layout.key(one)).toBe("/skydns/org/example/add/10-0-0-1-8081");
    expect(JSON.parse(layout.value(one)!)).toMatchObject({
      host: "10.0.0.1",
      port: 8081,
      priority: 11,
      weight: 50,
      ttl: 5,
    });
    expect(instance(layout.read(layout.key(one), layout.value(one)!))).toEqual(one);
    expect(layout.value({ ...one, health: "draining" })).toBeUndefined();
    expect(JSON.parse(layout.value(instance("https://[::1]"))!)).toMatchObject({ host: "::1", port: 443 });
  });

  it("reads what others have written", () => {
    const key = "/skydns/org/example/add/x1";
    const given = '{"host":"10.0.0.1","port":80,"priority":20,"weight":300,"ttl":60}';
    expect(layout.read(key, given)).toMatchObject({ id: "x1", address: "10.0.0.1:80", priority: 10, weight: 3 });
    expect(layout.read(key, '{"host":"a","port":80}')).toMatchObject({ priority: 0, weight: 1 });
    expect(layout.read(key, '{"host":"a","port":80,"priority":0,"weight":0}')).toMatchObject({
      priority: 0,
      weight: 1,
    });
    expect(layout.read(key, "10.0.0.1:80")).toMatchObject({ address: "10.0.0.1:80" });
  });
});

describe("etcd and etcdRegistrar", () => {
  it("refuse wrong options, and say what is wrong", async () => {
    expect(() => etcd("a/b")).toThrow("service should be a name without a slash");
    expect(() => etcd("")).toThrow("service should be");
    expect(() => etcd("add", { prefix: "/" })).toThrow("prefix should be a key such as /services");
    expect(() => etcd("add", { domain: "local" })).toThrow('domain should only be given with layout "skydns"');
    expect(() => etcd("a b", { layout: "skydns" })).toThrow("service should be a label of a DNS name");
    expect(() => etcd("add", { layout: "skydns", domain: "local." })).toThrow("domain should be a DNS name");
    expect(() => etcd("add", { password: "x" })).toThrow("password should have a user beside it");
    expect(() => etcd("add", { user: "x" })).toThrow("password should be a non-empty string");
    expect(() => etcd("add", { refreshMs: 1 })).toThrow("refreshMs should be a number from 100 to 3600000, got 1");
    expect(() => etcd("add", { silenceMs: 1000 })).toThrow("silenceMs should be a number of at least 30000, got 1000");
    // @ts-expect-error -- a misspelt option
    expect(() => etcd("add", { server: "x" })).toThrow('etcd has no option "server"');
    const one = { service: "add", address: "10.0.0.1:80" };
    expect(() => etcdRegistrar(one, { ttlMs: 10 })).toThrow("ttlMs should be a number from 1000 to 86400000, got 10");
    expect(() => etcdRegistrar({ address: "10.0.0.1:80" })).toThrow("service should be");
    expect(() => etcdRegistrar({ ...one, address: "host" }, { layout: "skydns" })).toThrow(
      "address should be host:port or a URL with a port",
    );
    expect(() => etcdRegistrar({ ...one, id: "---" }, { layout: "skydns" })).toThrow(
      "id should be one that makes a DNS label",
    );
    // @ts-expect-error -- a misspelt option
    expect(() => etcdRegistrar(one, { ttl: 10 })).toThrow('etcdRegistrar has no option "ttl"');
    expect(etcdRegistrar("10.0.0.1:80", { service: "add" }).name).toBe("register etcd add");
    await expect(etcdRegistrar(() => ({ address: "10.0.0.1:80" })).start()).rejects.toThrow("service should be");
  });
});
