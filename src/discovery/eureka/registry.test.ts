import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RegistryCopy, type Reading } from "./registry.ts";

const reading: Reading = { app: "ADD", service: "add", host: "ip", isSecure: false };
const base = {
  ...{ instanceId: "a", hostName: "h1", ipAddr: "10.0.0.1", status: "UP", overriddenStatus: "UNKNOWN" },
  ...{ port: { $: 8081, "@enabled": "true" }, securePort: { $: 443, "@enabled": "false" } },
};
const answer = (instances: readonly object[], hash = "", name = "ADD") => ({
  applications: { apps__hashcode: hash, application: [{ name, instance: instances }] },
});

function one(change: object, other: Partial<Reading> = {}) {
  const { instances, skipped } = RegistryCopy.of(answer([{ ...base, ...change }]), { ...reading, ...other }).list();
  expect(skipped).toEqual([]);
  return instances[0]!;
}

describe("an instance of Eureka", () => {
  it("has the address and port that were asked for", () => {
    expect(one({}).address).toBe("10.0.0.1:8081");
    expect(one({}, { host: "name" }).address).toBe("h1:8081");
    expect(one({ ipAddr: "::1" }).address).toBe("[::1]:8081");
    const both = { securePort: { $: "8443", "@enabled": true } };
    expect(one(both).address).toBe("10.0.0.1:8081");
    expect(one(both, { isSecure: true }).address).toBe("https://10.0.0.1:8443");
    expect(one({ ...both, port: { $: 80, "@enabled": "false" } }).address).toBe("https://10.0.0.1:8443");
  });

  it("has zone, version, priority, weight and tags from its metadata, and Amazon's zone", () => {
    const metadata = { zone: "z", version: "2", priority: "1", weight: "0.5", tags: "blue, ,new", "@class": "x" };
    const { "@class": _, ...own } = metadata;
    expect(one({ metadata })).toMatchObject({
      ...{ zone: "z", version: "2", priority: 1, weight: 0.5, tags: ["blue", "new"], metadata: own },
    });
    expect(one({ metadata })).not.toHaveProperty(["metadata", "@class"]);
    expect(one({ dataCenterInfo: { name: "Amazon", metadata: { "availability-zone": "us-1a" } } }).zone).toBe("us-1a");
    expect(one({ metadata: { weight: "-1", priority: "x" } })).toMatchObject({
      weight: undefined,
      priority: undefined,
    });
  });

  it.each([
    ["up", "UP", "UNKNOWN"],
    ["down", "DOWN", "UNKNOWN"],
    ["down", "STARTING", "UNKNOWN"],
    ["down", "UNKNOWN", undefined],
    ["draining", "OUT_OF_SERVICE", "UNKNOWN"],
    ["draining", "UP", "OUT_OF_SERVICE"],
    ["up", "DOWN", "UP"],
  ])("is %s when it says %s and its operator %s", (health, status, overriddenStatus) => {
    expect(one({ status, overriddenStatus }).health).toBe(health);
  });

  it("that cannot be called is told of, and the others are taken", () => {
    const none = { instanceId: "b", port: { $: 1, "@enabled": "false" } };
    const copy = RegistryCopy.of(
      answer([{ ...base, ...none }, { ...base, instanceId: "c", port: { $: 0 } }, base]),
      reading,
    );
    expect(copy.list().instances.map(({ id }) => id)).toEqual(["a"]);
    expect(copy.list().skipped.map(({ message }) => message)).toEqual([
      'the instance "b" has no port',
      'the instance "c" has no port',
    ]);
  });
});

describe("a copy of the registry", () => {
  it("takes a service and an instance that are alone, whether they stand in a list or not", () => {
    const alone = { applications: { application: { name: "add", instance: base } } };
    expect(RegistryCopy.of(alone, reading).list().instances).toHaveLength(1);
    expect(RegistryCopy.of({ applications: {} }, reading).list().instances).toEqual([]);
  });

  it("counts the states of all services, sorted, as the server does", () => {
    const two = [base, { ...base, instanceId: "b", status: "OUT_OF_SERVICE" }];
    const copy = RegistryCopy.of(answer(two), reading);
    expect(copy.hashCode()).toBe("OUT_OF_SERVICE_1_UP_1_");
    expect(copy.apply(answer([{ ...base, actionType: "ADDED" }], "OUT_OF_SERVICE_1_UP_2_", "OTHER"))).toBe(true);
    expect(copy.list().instances).toHaveLength(2);
  });

  it("is what the server has after any changes, and says when it is not", () => {
    const change = fc.record({
      app: fc.constantFrom("ADD", "OTHER"),
      instanceId: fc.constantFrom("a", "b", "c"),
      status: fc.constantFrom("UP", "DOWN"),
      actionType: fc.constantFrom("ADDED", "MODIFIED", "DELETED"),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const truth = new Map<string, string>();
        for (const { app, instanceId, status, actionType } of changes) {
          if (actionType === "DELETED") truth.delete(`${app}/${instanceId}`);
          else truth.set(`${app}/${instanceId}`, status);
        }
        const count = (status: string): number => [...truth.values()].filter((one) => one === status).length;
        const hash = ["DOWN", "UP"].map((one) => (count(one) === 0 ? "" : `${one}_${count(one)}_`)).join("");
        const application = changes.map(({ app, ...one }) => ({ name: app, instance: [{ ...base, ...one }] }));
        const copy = RegistryCopy.of(answer([]), reading);
        expect(copy.apply({ applications: { apps__hashcode: hash, application } })).toBe(true);
        const ours = [...truth.keys()].filter((key) => key.startsWith("ADD/")).map((key) => key.slice(4));
        expect(
          copy
            .list()
            .instances.map(({ id }) => id!)
            .toSorted(),
        ).toEqual(ours.toSorted());
        expect(copy.apply(answer([], `${hash}MORE_1_`))).toBe(false);
      }),
    );
  });

  it("of an answer of any shape breaks nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const nested = {
          applications: { application: [{ name: "ADD", instance: [value, { instanceId: "x", metadata: value }] }] },
        };
        expect(() => RegistryCopy.of(nested, reading).list()).not.toThrow();
        try {
          RegistryCopy.of(value, reading).list();
        } catch (error) {
          expect((error as Error).message).toBe("the answer has no applications");
        }
      }),
    );
  });
});
