import { describe, expect, it } from "vitest";
import { isSchema, resolveRef } from "./schema.ts";

const root = {
  $defs: { Name: { type: "string" }, "a/b~c d": { type: "null" }, no: false, wrong: 7 },
  definitions: { Old: true },
  properties: { list: { prefixItems: [{ type: "integer" }] } },
};
const scope = { root, where: "add.sum response" };

describe("resolveRef", () => {
  it("finds the document itself, definitions and any other place", () => {
    expect(resolveRef("#", scope)).toBe(root);
    expect(resolveRef("#/$defs/Name", scope)).toBe(root.$defs.Name);
    expect(resolveRef("#/definitions/Old", scope)).toBe(true);
    expect(resolveRef("#/$defs/no", scope)).toBe(false);
    expect(resolveRef("#/properties/list/prefixItems/0", scope)).toEqual({ type: "integer" });
  });

  it("undoes the escapes of JSON Pointer and of URIs", () => {
    expect(resolveRef("#/$defs/a~1b~0c%20d", scope)).toEqual({ type: "null" });
  });

  it("refuses, by name, what leads out of the document or to nothing", () => {
    const refs = [
      "#/$defs/Missing",
      "#/$defs/constructor",
      "#/__proto__",
      "#/$defs/wrong",
      "other.json",
      "#anchor",
      "#/%",
      7,
    ];
    for (const ref of refs) expect(() => resolveRef(ref, scope)).toThrow(/^add\.sum response: \$ref should/);
  });
});

describe("isSchema", () => {
  it("takes keywords and booleans only", () => {
    expect([{}, true, false].map(isSchema)).toEqual([true, true, true]);
    expect([null, [], "x", 1, undefined].map(isSchema)).toEqual([false, false, false, false, false]);
  });
});
