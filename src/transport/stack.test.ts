import { describe, expect, it } from "vitest";
import { backgroundContext, described } from "../endpoint/index.ts";
import { layerOf, printStacks } from "./stack.ts";

const { method } = backgroundContext();

describe("a layer", () => {
  it("has the line that its function was described with, and the state before its own method", () => {
    const gate = described(
      "limit",
      () => 1,
      ({ name }) => ({ of: name, open: true }),
    );
    const layer = layerOf("gate", gate, { ...method, name: "sum" });
    expect([layer.kind, layer.text, layer.state?.()]).toEqual(["gate", "limit", { of: "sum", open: true }]);
  });

  it("has no state where its function has none", () => {
    expect(layerOf("gate", function mine() {}, method)).toEqual({ kind: "gate", text: "mine", state: undefined });
  });

  it("is printed without its state, so that what is printed stays the same while the service runs", () => {
    const one = layerOf(
      "gate",
      described(
        "limit",
        () => 1,
        () => ({ tokens: 3 }),
      ),
      method,
    );
    expect(printStacks([{ name: "a.b", layers: [one] }])).toBe("a.b\n  gate        limit\n");
  });
});
