import { describe, expect, it } from "vitest";
import { until } from "../../../test/until.ts";
import { asking, coreDns, coreDnsProgram } from "../../../tools/servers/coredns.ts";
import { etcd as startEtcd, etcdProgram } from "../../../tools/servers/etcd.ts";
import { etcdRegistrar } from "./index.ts";

const [etcdHere, dnsHere] = [etcdProgram(), coreDnsProgram()];
const reason = [etcdHere, dnsHere].map((one) => ("reason" in one ? one.reason : "")).find((text) => text !== "");

describe("CoreDNS over etcd", () => {
  it("answers for what is registered in SkyDNS' layout, and not for what drains or is gone", async ({ skip }) => {
    if ("reason" in etcdHere || "reason" in dnsHere) return skip(reason);
    await using server = await startEtcd(etcdHere.path);
    await using dns = await coreDns(dnsHere.path, server.url);
    const resolver = asking(dns.port);
    const options = { servers: server.url, layout: "skydns", ttlMs: 2000, startMs: 20_000, onDrain: "mark" } as const;
    await using one = etcdRegistrar({ service: "add", address: "10.0.0.1:8081", weight: 3, priority: 2 }, options);
    await using two = etcdRegistrar({ service: "add", id: "six", address: "[2001:db8::1]:8082" }, options);
    await one.start();
    await two.start();
    const found = await resolver.resolveSrv("add.local");
    expect(found.toSorted((a, b) => a.port - b.port)).toMatchObject([
      { name: "10-0-0-1-8081.add.local", port: 8081, priority: 12 },
      { name: "six.add.local", port: 8082, priority: 10 },
    ]);
    expect(await resolver.resolve4("10-0-0-1-8081.add.local")).toEqual(["10.0.0.1"]);
    expect(await resolver.resolve6("six.add.local")).toEqual(["2001:db8::1"]);
    let left: readonly string[] = [];
    const looked = async (): Promise<void> => {
      left = await resolver.resolveSrv("add.local").then(
        (all) => all.map(({ name }) => name),
        () => [],
      );
    };
    await one.drain();
    await looked();
    expect(left).toEqual(["six.add.local"]);
    expect(one.registration.state).toBe("draining");
    await two.close();
    await looked();
    await until(() => left.length === 0);
  }, 120_000);
});
