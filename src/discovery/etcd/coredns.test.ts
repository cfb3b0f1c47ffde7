import { describe, expect, it } from "vitest";
import { passing } from "../../../test/until.ts";
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
    const options = { servers: server.url, layout: "skydns", startMs: 60_000, onDrain: "mark" } as const;
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
    const names = (): Promise<string> =>
      resolver.resolveSrv("add.local").then(
        (all) => all.map(({ name }) => name).join(),
        ({ code }: NodeJS.ErrnoException) => String(code),
      );
    await one.drain();
    while ((await names()) !== "six.add.local") await passing(10);
    expect(one.registration.state).toBe("draining");
    await two.close();
    // That there is no such name, or nothing under it.
    while (!/^(?:ENOTFOUND|ENODATA)$/.test(await names())) await passing(10);
  });
});
