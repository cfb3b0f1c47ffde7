import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeSlices, readSlice, type Wanted } from "./slice.ts";
import { isOlder } from "./version.ts";
import { kubernetes } from "./index.ts";

const WANTED: Wanted = { service: "add", port: undefined, family: undefined };
const HTTP = { name: "http", port: 8081, protocol: "TCP" };

function slice(endpoints: readonly object[], more: object = {}) {
  return { metadata: { name: "add-1" }, addressType: "IPv4", ports: [HTTP], endpoints, ...more };
}

function read(endpoints: readonly object[], more: object = {}, wanted: Partial<Wanted> = {}) {
  return readSlice(slice(endpoints, more), { ...WANTED, ...wanted });
}

describe("an EndpointSlice", () => {
  it("gives instances with zone, node, hints, host name and protocol, by the pods' names", () => {
    const endpoint = {
      addresses: ["10.0.0.1", "10.0.0.2"],
      hostname: "add-0",
      nodeName: "node-a",
      zone: "zone-a",
      hints: { forZones: [{ name: "zone-a" }, { name: "zone-b" }] },
      targetRef: { kind: "Pod", name: "add-7d9f-x" },
    };
    expect(read([endpoint], { ports: [{ ...HTTP, appProtocol: "kubernetes.io/h2c" }] }).instances).toEqual([
      {
        id: "add-7d9f-x",
        address: "10.0.0.1:8081",
        service: "add",
        zone: "zone-a",
        health: "up",
        metadata: {
          nodeName: "node-a",
          hostname: "add-0",
          forZones: "zone-a,zone-b",
          appProtocol: "kubernetes.io/h2c",
        },
      },
    ]);
    expect(read([{ addresses: ["10.0.0.1"] }]).instances[0]).toMatchObject({ id: "10.0.0.1:8081", metadata: {} });
  });

  it.each([
    { conditions: undefined, health: "up" },
    { conditions: {}, health: "up" },
    { conditions: { ready: null }, health: "up" },
    { conditions: { ready: true }, health: "up" },
    { conditions: { ready: false }, health: "down" },
    { conditions: { ready: false, serving: true, terminating: false }, health: "down" },
    { conditions: { ready: false, serving: true, terminating: true }, health: "draining" },
    { conditions: { ready: false, terminating: true }, health: "draining" },
    { conditions: { ready: false, serving: false, terminating: true }, health: "down" },
  ])("says $health of $conditions", ({ conditions, health }) => {
    expect(read([{ addresses: ["10.0.0.1"], conditions }]).instances[0]?.health).toBe(health);
  });

  it.each([
    { ports: [HTTP], port: undefined, address: "10.0.0.1:8081" },
    { ports: [HTTP, { name: "dns", port: 53, protocol: "UDP" }], port: undefined, address: "10.0.0.1:8081" },
    { ports: [HTTP, { name: "grpc", port: 8082 }], port: "grpc", address: "10.0.0.1:8082" },
    { ports: [HTTP, { name: "grpc", port: 8082 }], port: 8082, address: "10.0.0.1:8082" },
    { ports: [], port: 9000, address: "10.0.0.1:9000" },
    { ports: [{ name: "", port: null }], port: 9000, address: "10.0.0.1:9000" },
  ])("takes port $port of $ports", ({ ports, port, address }) => {
    const { instances, problems } = read([{ addresses: ["10.0.0.1"] }], { ports }, { port });
    expect(problems).toEqual([]);
    expect(instances[0]?.address).toBe(address);
  });

  it.each([
    {
      ports: [HTTP, { name: "grpc", port: 8082 }],
      port: undefined,
      says: 'port should say which of "http" (8081), "grpc" (8082)',
    },
    { ports: [HTTP], port: "grpc", says: 'it has no port "grpc", but "http" (8081)' },
    { ports: [HTTP], port: 80, says: 'it has no port 80, but "http" (8081)' },
    { ports: [], port: undefined, says: "it names no port: give its number as port" },
  ])("says what is wrong with port $port of $ports", ({ ports, port, says }) => {
    const { instances, problems } = read([{ addresses: ["10.0.0.1"] }], { ports }, { port });
    expect(instances).toEqual([]);
    expect(problems.map(({ message }) => message)).toEqual([`of slice add-1 ${says}`]);
  });

  it("merges slices: a pod in two of them is one, of two families the wanted one or IPv4", () => {
    const pod = { targetRef: { name: "pod-1" } };
    const four = slice([{ ...pod, addresses: ["10.0.0.1"] }]);
    const six = slice([{ ...pod, addresses: ["fd00::1"] }], { addressType: "IPv6" });
    const addresses = (family: Wanted["family"]): readonly string[] =>
      mergeSlices([six, four].map((one) => readSlice(one, { ...WANTED, family }))).map(({ address }) => address);
    expect(addresses(undefined)).toEqual(["10.0.0.1:8081"]);
    expect(addresses("ipv4")).toEqual(["10.0.0.1:8081"]);
    expect(addresses("ipv6")).toEqual(["[fd00::1]:8081"]);
    const late = read([{ ...pod, addresses: ["10.0.0.1"], conditions: { ready: false } }]);
    for (const order of [
      [late, readSlice(four, WANTED)],
      [readSlice(four, WANTED), late],
    ]) {
      expect(mergeSlices(order)).toMatchObject([{ health: "up" }]);
    }
  });

  it("tells of what it cannot use, whatever it is, and never throws", () => {
    expect(read([{ addresses: [] }, { addresses: ["10.0.0.1"] }])).toMatchObject({
      instances: [{ address: "10.0.0.1:8081" }],
      problems: [{ message: "of slice add-1 an endpoint has no address that can be called" }],
    });
    expect(read([{ addresses: ["evil host/"] }]).instances).toEqual([]);
    expect(read([{ addresses: "10.0.0.1" }]).instances).toEqual([]);
    const anything = fc.record(
      {
        metadata: fc.jsonValue(),
        addressType: fc.oneof(fc.constant("IPv4"), fc.jsonValue()),
        endpoints: fc.jsonValue(),
        ports: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const pieces = fc.record({
      addressType: fc.constantFrom("IPv4", "IPv6", "FQDN"),
      ports: fc.array(
        fc.record({ name: fc.jsonValue(), port: fc.jsonValue(), protocol: fc.constantFrom("TCP", null) }),
      ),
      endpoints: fc.array(
        fc.record({
          addresses: fc.jsonValue(),
          conditions: fc.jsonValue(),
          hints: fc.jsonValue(),
          targetRef: fc.jsonValue(),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.oneof(anything, pieces), (given) => {
        const { instances } = readSlice(JSON.parse(JSON.stringify(given)) as Record<string, unknown>, WANTED);
        for (const { address } of instances) expect(address).toMatch(/:\d+$/);
      }),
    );
  });
});

describe("a version", () => {
  it("is older by its number, however long, and of none that is no number", () => {
    expect(isOlder("9", "10")).toBe(true);
    expect(isOlder("99999999999999999998", "99999999999999999999")).toBe(true);
    expect(isOlder("10", "9")).toBe(false);
    expect(isOlder("9", "9")).toBe(false);
    expect(isOlder("", "9")).toBe(false);
    expect(isOlder("a1", "a2")).toBe(false);
  });
});

describe("kubernetes", () => {
  const server = "http://127.0.0.1:1";

  it("refuses wrong options, and says what is wrong", () => {
    expect(() => kubernetes("Add", { server })).toThrow("service should be a name of lower-case letters");
    expect(() => kubernetes("add", { server, namespace: "a/b" })).toThrow("namespace should be");
    expect(() => kubernetes("add", { server, port: 0 })).toThrow("port should be an integer from 1 to 65535, got 0");
    expect(() => kubernetes("add", { server, port: "" })).toThrow("port should be a non-empty string");
    expect(() => kubernetes("add", { server: "ftp://x" })).toThrow("servers should be http:// or https:// URLs");
    // @ts-expect-error -- a family there is none of
    expect(() => kubernetes("add", { server, family: "ipv5" })).toThrow('family should be one of "ipv4", "ipv6"');
    // @ts-expect-error -- a misspelt option
    expect(() => kubernetes("add", { server, nameSpace: "x" })).toThrow('kubernetes has no option "nameSpace"');
  });
});
