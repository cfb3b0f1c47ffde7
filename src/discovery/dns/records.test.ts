import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "../index.ts";
import { dnsAddresses, dnsSrv } from "./index.ts";
import { joined } from "../place.ts";
import { namedInstance, readSrv, resolvedInstances } from "./records.ts";

const record = (name: string, port: number, more: { priority?: number; weight?: number } = {}) => ({
  name,
  port,
  priority: 0,
  weight: 0,
  ...more,
});

describe("SRV records", () => {
  it("become instances whose ids are target and port, with their priorities and weights", () => {
    const { targets } = readSrv("s", [record("B.example.", 2, { weight: 7, priority: 3 }), record("a.example", 1)]);
    expect(targets.map(namedInstance)).toEqual([
      { id: "a.example:1", address: "a.example:1", priority: 0, weight: 1 },
      { id: "b.example:2", address: "b.example:2", priority: 3, weight: 7 },
    ]);
  });

  // RFC 2782: no choice where all are 0, a very small chance beside others.
  it("share equally where all weights are 0, and get nearly nothing with 0 beside others", () => {
    const { targets } = readSrv("s", [
      record("a", 1, { priority: 1, weight: 0 }),
      record("b", 1, { priority: 1, weight: 10 }),
      record("c", 1, { priority: 2, weight: 0 }),
      record("d", 1, { priority: 2, weight: 0 }),
    ]);
    expect(targets.map(({ weight }) => weight)).toEqual([1e-6, 10, 1, 1]);
    expect(() => targets.map((one) => instance(namedInstance(one)))).not.toThrow();
  });

  // Go kit #892: one record with port 0 fails the whole answer.
  it("are left out with a reason when they cannot be used, and the others stay", () => {
    const { targets, unusable } = readSrv("_add._tcp", [
      record("a", 0),
      record("", 80),
      record(".", 80),
      record("b", 80),
      record("b.", 80),
    ]);
    expect(targets.map(({ id }) => id)).toEqual(["b:80"]);
    expect(unusable.map(({ message }) => message)).toEqual([
      "SRV _add._tcp: the record of a has port 0",
      'SRV _add._tcp: a record says that the service is not available (its target is ".")',
      'SRV _add._tcp: a record says that the service is not available (its target is ".")',
      "SRV _add._tcp: b:80 stands in the answer more than once",
    ]);
  });

  it("give an instance for each address, which share the target's weight", () => {
    const [target] = readSrv("s", [record("a", 80, { weight: 6 })]).targets;
    expect(resolvedInstances(target!, ["10.0.0.1"])).toEqual([
      { id: "a:80", address: "10.0.0.1:80", priority: 0, weight: 6, metadata: { host: "a" } },
    ]);
    expect(
      resolvedInstances(target!, ["10.0.0.1", "::1"]).map(({ id, address, weight }) => [id, address, weight]),
    ).toEqual([
      ["a:80/10.0.0.1", "10.0.0.1:80", 3],
      ["a:80/::1", "[::1]:80", 3],
    ]);
    expect(resolvedInstances(target!, [])).toEqual([]);
  });

  it("always give instances that are valid, in an order of their own", () => {
    const host = fc.constantFrom("a", "b", "c.example", "C.example.", "", ".");
    const number = fc.integer({ min: 0, max: 65_535 });
    const records = fc.array(fc.record({ name: host, port: number, priority: number, weight: number }));
    fc.assert(
      fc.property(records, (all) => {
        const { targets, unusable } = readSrv("s", all);
        expect(targets.length + unusable.length).toBe(all.length);
        for (const one of targets) instance(namedInstance(one));
        const again = readSrv("s", [...all].reverse()).targets.map(({ id }) => id);
        expect(again).toEqual(targets.map(({ id }) => id));
      }),
    );
  });

  it("write addresses as transports take them", () => {
    expect([joined("a", 1), joined("fe80::1", 1)]).toEqual(["a:1", "[fe80::1]:1"]);
  });
});

describe("options", () => {
  it.each<[() => unknown, string]>([
    [() => dnsSrv(""), "name should be a DNS name"],
    [() => dnsSrv("a b"), 'name should be a DNS name, got "a b"'],
    [() => dnsSrv("a..b"), "name should be a DNS name"],
    [() => dnsSrv("a", { servers: [] }), "servers should be a list of addresses"],
    [
      () => dnsSrv("a", { servers: ["ns.example"] }),
      'servers should be addresses like "10.0.0.2" or "127.0.0.1:8600", got "ns.example"',
    ],
    [() => dnsSrv("a", { servers: ["10.0.0.1:0"] }), "servers should be addresses"],
    [() => dnsSrv("a", { servers: ["[::1"] }), "servers should be addresses"],
    [() => dnsSrv("a", { timeoutMs: 1 }), "timeoutMs should be an integer from 10 to 60000"],
    [() => dnsSrv("a", { tries: 0 }), "tries should be an integer from 1 to 10"],
    [() => dnsSrv("a", { resolve: 5 as never }), "resolve should be true, false, 4 or 6, got 5"],
    [() => dnsSrv("a", { ttl: true } as never), 'dnsSrv has no option "ttl"'],
    [() => dnsAddresses("a", 0), "port should be an integer from 1 to 65535, got 0"],
    [() => dnsAddresses("a", 80, { family: 5 as never }), "family should be 0, 4 or 6, got 5"],
    [() => dnsAddresses("a", 80, { intervalMs: 1 }), "intervalMs should be a number"],
  ])("are checked at construction: %#", (make, message) => {
    expect(make).toThrow(message);
  });

  it("take name servers as they are written", () => {
    for (const server of ["10.0.0.1", "10.0.0.1:53", "::1", "[::1]", "[::1]:5353", "fe80::1"])
      expect(dnsSrv("a", { servers: [server] }).name).toBe("dns a");
  });
});
