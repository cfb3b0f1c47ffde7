import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entriesOf } from "./entries.ts";

const node = { Node: "n1", Address: "10.0.0.9", Datacenter: "dc1", Meta: {} };
const service = { ID: "add-1", Service: "add", Address: "10.0.0.1", Port: 8081 };
const check = (Status: string, CheckID = "service:add-1") => ({ Status, CheckID });

function one(change: object, checks: readonly object[] = [], nodeChange: object = {}) {
  const entry = { Node: { ...node, ...nodeChange }, Service: { ...service, ...change }, Checks: checks };
  const { instances, skipped } = entriesOf([entry], []);
  expect(skipped).toEqual([]);
  return instances[0]!;
}

describe("an entry of Consul", () => {
  it("has the service's address, else the node's, and IPv6 in brackets", () => {
    expect(one({}).address).toBe("10.0.0.1:8081");
    expect(one({ Address: "" }).address).toBe("10.0.0.9:8081");
    expect(one({ Address: "2001:db8::1" }).address).toBe("[2001:db8::1]:8081");
    expect(one({ Address: "[::1]" }).address).toBe("[::1]:8081");
    expect(one({ Address: "add.example" }).address).toBe("add.example:8081");
  });

  it("has version, zone, priority and weight from its metadata, else zone and weight from Consul", () => {
    const Meta = { version: "2", zone: "z", priority: "3", weight: "0.5", team: "red" };
    expect(one({ Meta, Weights: { Passing: 7, Warning: 1 } })).toMatchObject({
      ...{ version: "2", zone: "z", priority: 3, weight: 0.5, metadata: Meta },
    });
    expect(one({ Weights: { Passing: 7, Warning: 1 } })).toMatchObject({ weight: 7, zone: "dc1", version: undefined });
    expect(one({}, [], { Meta: { zone: "rack" } }).zone).toBe("rack");
    const odd = { priority: "-1", weight: "heavy" };
    expect(one({ Meta: odd, Weights: { Passing: 0 } })).toMatchObject({ weight: undefined, priority: undefined });
  });

  it.each([
    ["up", 5, [check("passing")]],
    ["up", 2, [check("passing"), check("warning")]],
    ["down", 5, [check("warning"), check("critical")]],
    ["draining", 5, [check("critical", "_service_maintenance:add-1"), check("critical")]],
    ["draining", 5, [check("critical", "_node_maintenance")]],
  ])("is %s with weight %s when its checks say %j", (health, weight, checks) => {
    expect(one({ Weights: { Passing: 5, Warning: 2 } }, checks)).toMatchObject({ health, weight });
  });

  it.each([
    [{ Port: 0 }, {}, 'the instance "add-1" has no port'],
    [{ Port: "80" }, {}, 'the instance "add-1" has no port'],
    [{ Address: "" }, { Address: "" }, 'the instance "add-1" has no address'],
    [{ ID: undefined }, {}, 'the instance "" has no id'],
  ])("that cannot be called is told of, and the others are taken: %j", (change, nodeChange, says) => {
    const bad = { Node: { ...node, ...nodeChange }, Service: { ...service, ...change } };
    const { instances, skipped } = entriesOf([bad, { Node: node, Service: service }], []);
    expect(instances).toHaveLength(1);
    expect(skipped.map(({ message }) => message)).toEqual([says]);
  });

  it("needs all tags", () => {
    const entries = [["a", "b"], ["a"], undefined].map((Tags, index) => ({
      Node: node,
      Service: { ...service, ID: `i${index}`, Tags },
    }));
    expect(entriesOf(entries, ["a", "b"]).instances.map(({ id }) => id)).toEqual(["i0"]);
  });

  it("has its node before its id where two agents gave the same", () => {
    const entries = ["n1", "n2"].map((Node) => ({ Node: { ...node, Node }, Service: service }));
    const other = { Node: node, Service: { ...service, ID: "add-2" } };
    expect(entriesOf([...entries, other], []).instances.map(({ id }) => id)).toEqual(["n1/add-1", "n2/add-1", "add-2"]);
  });

  it("of any shape breaks nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        if (!Array.isArray(value)) expect(() => entriesOf(value, [])).toThrow("the answer is no list of instances");
        const nested = [
          { Node: value, Service: value, Checks: value },
          { Service: { ID: "x", Meta: value, Tags: value } },
        ];
        const { skipped } = entriesOf([value, ...nested], []);
        for (const error of skipped) expect(error.message).toMatch(/has no (?:id|address|port)$/);
      }),
    );
  });
});
