import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../test/served.ts";
import { client } from "../client/index.ts";
import { error, method, service, ServiceError, type Handlers } from "../index.ts";
import { httpClient } from "./http/index.ts";
import { local } from "./local/index.ts";

// What a handler returned is never more than what its contract declares, wherever it stands and whoever gave it.

const point = z.object({ x: z.int(), y: z.int().optional() });
const shape = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("circle"), at: point, radius: z.int() }),
  z.object({ kind: z.literal("path"), points: z.array(point) }),
]);
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(tree).optional() }));
interface Tree {
  readonly name: string;
  readonly children?: readonly Tree[] | undefined;
}
const all = z.object({
  plain: z.string(),
  deep: z.object({ deeper: z.object({ deepest: z.string() }) }),
  list: z.array(point),
  pairs: z.tuple([point, z.string()]),
  shapes: z.array(shape),
  either: z.union([z.string(), point]),
  maybe: point.nullable(),
  byName: z.record(z.string(), point),
  tree,
});
const full = error("full", { code: "failed_precondition", details: z.object({ at: point, free: z.array(point) }) });

const drawing = service("drawing", {
  get: method({ request: z.object({}), response: all, errors: [full], idempotent: true }),
});

const secret = { secret: "hunter2", password: "hunter2" };
const leaky = {
  ...secret,
  plain: "p",
  deep: { ...secret, deeper: { ...secret, deepest: "d", toJSON: undefined } },
  list: [
    { ...secret, x: 1 },
    { x: 2, y: 3, ...secret },
  ],
  pairs: [{ ...secret, x: 4 }, "s", secret],
  shapes: [
    { ...secret, kind: "circle", at: { ...secret, x: 5 }, radius: 6, points: [secret] },
    { ...secret, kind: "path", points: [{ ...secret, x: 7 }], radius: 8, at: secret },
  ],
  either: { ...secret, x: 9 },
  maybe: { ...secret, x: 10 },
  byName: { a: { ...secret, x: 11 }, secrets: { ...secret, x: 12 } },
  tree: { ...secret, name: "root", children: [{ ...secret, name: "leaf", parent: secret }] },
};
const declared = {
  plain: "p",
  deep: { deeper: { deepest: "d" } },
  list: [{ x: 1 }, { x: 2, y: 3 }],
  pairs: [{ x: 4 }, "s"],
  shapes: [
    { kind: "circle", at: { x: 5 }, radius: 6 },
    { kind: "path", points: [{ x: 7 }] },
  ],
  either: { x: 9 },
  maybe: { x: 10 },
  byName: { a: { x: 11 }, secrets: { x: 12 } },
  tree: { name: "root", children: [{ name: "leaf" }] },
};

type DrawingHandlers = Handlers<typeof drawing.methods>;

/** Serves a handler and gives back the very text of its answer. */
async function answerOf(get: DrawingHandlers["get"]): Promise<{ readonly status: number; readonly body: string }> {
  await using server = await served(drawing.implement({ get }), {}, { report: () => undefined });
  return await server.ask({ path: "/drawing/get", body: "{}" });
}

describe("a field that the contract does not declare never leaves the server", () => {
  it("at any depth, in lists, tuples, unions, records and trees, now or later", async () => {
    for (const get of [() => leaky, () => Promise.resolve(leaky)]) {
      const { status, body } = await answerOf(get as never);
      expect(status).toBe(200);
      expect(body).not.toContain("hunter2");
      expect(JSON.parse(body)).toEqual(declared);
    }
  });

  it("of objects that are more than their fields: instances, getters, prototypes, proxies, toJSON", async () => {
    class Row {
      readonly #held = "hunter2";
      secret = "hunter2";
      constructor(fields: object) {
        Object.assign(this, fields);
      }
      reveal(): string {
        return this.#held;
      }
    }
    const wrapped: readonly object[] = [
      new Row(leaky),
      Object.create({ ...leaky }) as object,
      new Proxy(leaky, {}),
      { toJSON: () => leaky },
      Object.defineProperties(
        {},
        Object.fromEntries(
          Object.entries(leaky).map(([name, value]) => [name, { get: () => value, enumerable: true }]),
        ),
      ) as object,
      Object.assign(Object.create(null) as object, leaky),
    ];
    for (const value of wrapped) {
      const { status, body } = await answerOf((() => value) as never);
      expect([status, body.includes("hunter2")]).toEqual([200, false]);
      expect(JSON.parse(body)).toEqual(declared);
    }
  });

  it("nor does anything of an answer that does not fit: it is a 500 without its values", async () => {
    for (const wrong of [
      { ...leaky, plain: 5 },
      { ...leaky, list: "hunter2" },
      { ...leaky, shapes: [{ kind: "hunter2" }] },
      "hunter2",
      null,
      undefined,
      5,
    ]) {
      const { status, body } = await answerOf((() => wrong) as never);
      expect([status, body.includes("hunter2")]).toEqual([500, false]);
      expect(JSON.parse(body)).toMatchObject({
        reason: "invalid_response",
        detail: "the response does not fit the method",
      });
    }
  });

  it("in the details of a declared error either, returned or thrown", async () => {
    const details = { ...secret, at: { ...secret, x: 1 }, free: [{ ...secret, x: 2 }] };
    const fails: readonly DrawingHandlers["get"][] = [
      () => full(details),
      () => {
        throw full(details);
      },
      () => Promise.reject(full(details)),
    ];
    for (const get of fails) {
      const { status, body } = await answerOf(get);
      expect([status, body.includes("hunter2")]).toEqual([400, false]);
      expect((JSON.parse(body) as { details: unknown }).details).toEqual({ at: { x: 1 }, free: [{ x: 2 }] });
    }
  });

  it("in details that do not fit their schema: that is a fault of the server", async () => {
    const { status, body } = await answerOf(() => full({ ...secret, at: "hunter2", free: [] } as never));
    expect([status, body.includes("hunter2")]).toEqual([500, false]);
    expect(JSON.parse(body)).toMatchObject({ code: "internal", reason: "invalid_response" });
  });

  it("from a handler that is a client of a service which sends more", async () => {
    // The service behind: the same names, a wider contract.
    const loose = z.looseObject({});
    const wide = service("drawing", { get: method({ request: z.object({}), response: loose, idempotent: true }) });
    await using behind = await served(wide.implement({ get: () => leaky }));
    expect((await behind.ask({ path: "/drawing/get", body: "{}" })).body).toContain("hunter2");
    await using remote = client(wide, httpClient({ connectTimeoutMs: 60_000 }), {
      from: behind.address,
      timeoutMs: 60_000,
    });
    const { status, body } = await answerOf(remote.get as never);
    expect([status, body.includes("hunter2")]).toEqual([200, false]);
    expect(JSON.parse(body)).toEqual(declared);
  });

  it("from a client of the same contract that is the implementation: a gateway", async () => {
    const same = service("drawing", { get: method({ request: z.object({}), response: point, errors: [full] }) });
    await using behind = await served(same.implement({ get: () => full({ ...secret, at: { x: 1 }, free: [] }) }));
    await using remote = client(same, httpClient({ connectTimeoutMs: 60_000 }), {
      from: behind.address,
      timeoutMs: 60_000,
    });
    await using gateway = await served(same.implement(remote));
    const { status, body } = await gateway.ask({ path: "/drawing/get", body: "{}" });
    expect([status, JSON.parse(body)]).toMatchObject([400, { reason: "full", details: { at: { x: 1 }, free: [] } }]);
    expect(body).not.toContain("hunter2");
  });

  it("in one process, where nobody would see it on a wire", async () => {
    const remote = client(drawing, local(drawing.implement({ get: (() => leaky) as never })));
    expect(await remote.get({})).toEqual(declared);
    const failing = client(
      drawing,
      local(drawing.implement({ get: () => full({ ...secret, at: { ...secret, x: 1 }, free: [] }) })),
    );
    const result = await failing.get.try({});
    expect(result.ok ? undefined : result.error.details).toEqual({ at: { x: 1 }, free: [] });
  });

  it("but what the contract leaves open does: a schema that is loose says so", async () => {
    const open = service("open", { get: method({ request: z.object({}), response: z.looseObject({ a: z.int() }) }) });
    await using server = await served(open.implement({ get: () => ({ a: 1, b: { c: 2 } }) }));
    expect((await server.ask({ path: "/open/get", body: "{}" })).body).toBe('{"a":1,"b":{"c":2}}');
  });

  it("and details of an error nobody declared are public as they are: who throws it decides", async () => {
    const { body } = await answerOf(() => {
      throw new ServiceError("no room", { code: "resource_exhausted", details: { any: ["thing"] } });
    });
    expect((JSON.parse(body) as { details: unknown }).details).toEqual({ any: ["thing"] });
  });
});
