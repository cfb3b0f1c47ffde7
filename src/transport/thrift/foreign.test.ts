import { describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service } from "../../contract/index.ts";
import { error } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import {
  foreign,
  foreignMethod,
  list,
  map,
  optional,
  set,
  struct,
  thriftClient,
  thriftServer,
  type ThriftField,
} from "./index.ts";

const missing = error("missing", { code: "not_found", details: z.object({ message: z.string(), sku: z.string() }) });
const broken = error("broken", { code: "internal" });
const item = z.object({ sku: z.string(), tags: z.array(z.string()), counts: z.record(z.string(), z.int()) });
const shop = service("shop", {
  find: method({
    request: z.object({ sku: z.string(), depth: z.int().optional() }),
    response: z.array(item),
    errors: [missing, broken],
  }),
  clear: method({ request: z.object({}), response: z.any(), errors: [missing] }),
  tell: oneWay({ request: z.object({ text: z.string() }) }),
  left: method({ request: z.object({}), response: z.object({}) }),
});
const theirItem = struct({ sku: [1, "string"], tags: [2, set("string")], counts: [3, map("i32")] });
const theirMissing = struct({ message: [1, "string"], sku: [2, "string"] });
const findArgs = { sku: [1, "string"], depth: [3, optional("i16")] } as const;
const mapping = foreign(shop, {
  find: foreignMethod({
    name: "FindAll",
    args: findArgs,
    result: list(theirItem),
    throws: { missing: [1, theirMissing], broken: [2, struct({ message: [1, "string"] })] },
  }),
  clear: foreignMethod({ name: "Clear", args: {}, throws: { missing: [4, theirMissing] } }),
  tell: foreignMethod({ args: { text: [1, "string"] } }),
});

describe("a contract on somebody else's IDL", () => {
  it("crosses with their types, nothing, exceptions and one-way calls, over every protocol", async () => {
    const told: string[] = [];
    const impl = shop.implement({
      find: ({ sku, depth }) => {
        if (sku === "none") return missing({ message: "no such thing", sku });
        if (sku === "broken") return broken();
        return [{ sku, tags: ["a", "b"], counts: { depth: depth ?? -1 } }];
      },
      clear: () => undefined,
      tell: ({ text }) => void told.push(text),
      left: () => ({}),
    });
    const on = [thriftServer({ port: 0, host: "127.0.0.1", foreign: [mapping] })];
    const running = await serve(impl, { on, log: false, signals: false });
    for (const protocol of ["binary", "compact", "json"] as const) {
      const transport = thriftClient({ protocol, framed: false, foreign: [mapping] });
      await using remote = client(shop, transport, {
        from: running.addresses,
        breaker: false,
        retry: false,
        timeoutMs: 60_000,
      });
      expect(await remote.find({ sku: "x" })).toEqual([{ sku: "x", tags: ["a", "b"], counts: { depth: -1 } }]);
      expect(await remote.find({ sku: "x", depth: 7 })).toMatchObject([{ counts: { depth: 7 } }]);
      const none = await remote.find.try({ sku: "none" });
      expect(none).toMatchObject({
        ok: false,
        error: { reason: "missing", code: "not_found", details: { message: "no such thing", sku: "none" } },
      });
      expect(await remote.find.try({ sku: "broken" })).toMatchObject({ ok: false, error: { reason: "broken" } });
      expect(await remote.clear({})).toBeUndefined();
      await remote.tell({ text: protocol });
      await until(() => told.at(-1) === protocol);
      await expect(remote.left({})).rejects.toMatchObject({ reason: "unknown_method" });
      await expect(remote.find({ sku: "x", depth: 40_000 })).rejects.toMatchObject({ reason: "invalid_request" });
    }
    await running.stop();
  });

  it.each<[() => unknown, string]>([
    [() => foreign(shop, { none: foreignMethod({ args: {} }) } as never), 'shop has no method "none" for foreign'],
    [() => foreign(shop, { find: {} as never }), "foreign find should be what foreignMethod() returned"],
    [() => foreignMethod({ args: {}, naem: "x" } as never), 'has no option "naem"'],
    [() => foreignMethod({ args: {}, name: "a b" }), "name should be a name of an IDL"],
    [() => foreignMethod({ args: {}, writeRequest: 1 as never }), "writeRequest should be a function"],
    [() => struct({ a: [1, "i64"], b: [1, "i64"] }), "the number of struct.b should be its own, got 1 again"],
    [() => struct({ a: [40_000, "i64"] }), "the number of struct.a should be"],
    [() => list("int" as ThriftField), "a list's items should be bool, byte"],
    [
      () => foreign(shop, { clear: foreignMethod({ args: {}, throws: { other: [1, theirMissing] } }) }),
      'shop.clear throws "other", which is no error that the method declares',
    ],
    [
      () =>
        foreign(shop, {
          find: foreignMethod({
            args: findArgs,
            result: list(theirItem),
            throws: { missing: [1, theirMissing], broken: [1, theirMissing] },
          }),
        }),
      "the number of shop.find broken should be its own, got 1 again",
    ],
  ])("is refused with what is wrong, where it is made: %#", (make, message) => {
    expect(make).toThrow(message);
  });
});
