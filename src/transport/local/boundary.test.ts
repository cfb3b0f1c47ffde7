import { describe, expect, it } from "vitest";
import { z } from "zod";
import { client } from "../../client/index.ts";
import { error, method, service, ServiceError, type Context } from "../../index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { local, type LocalOptions } from "./index.ts";

// What is particular to a transport without a wire: it must behave as if there were one.

const item = z.object({
  name: z.string(),
  tags: z.array(z.string()).optional(),
  at: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional(),
});
const gone = error("gone", { code: "not_found", details: z.object({ id: z.string() }) });
const things = service("things", {
  echo: method({ request: item, response: item, errors: [gone] }),
  watch: method({ request: z.object({ n: z.int() }), response: z.object({ i: z.int() }), stream: "server" }),
  add: method({ request: z.object({ n: z.int() }), response: z.object({ total: z.int() }), stream: "client" }),
});

type Echo = Parameters<typeof things.implement>[0]["echo"];

function remote(echo: Echo, options: LocalOptions = {}) {
  const implementation = things.implement({
    echo,
    async *watch({ n }) {
      for (let i = 0; i < n; i++) yield await Promise.resolve({ i });
    },
    async add(numbers) {
      let total = 0;
      for await (const { n } of numbers) total += n;
      return { total };
    },
  });
  return client(things, local(implementation, options), { breaker: false, retry: false, timeoutMs: 60_000 });
}

const failure = (call: Promise<unknown>): Promise<ServiceError> =>
  call.then(
    () => expect.fail("should fail"),
    (thrown: ServiceError) => thrown,
  );

describe("a call within one process", () => {
  it("gives neither side the other's objects", async () => {
    const sent = { name: "x", tags: ["a"] };
    let received: unknown;
    const answered = { name: "y", tags: ["b"] };
    const got = await remote((request) => ((received = request), answered)).echo(sent);
    expect(received).toEqual(sent);
    expect(received).not.toBe(sent);
    expect((received as typeof sent).tags).not.toBe(sent.tags);
    expect(got).toEqual(answered);
    expect(got.tags).not.toBe(answered.tags);
  });

  it("carries the wire form: what a schema transforms is transformed on each side", async () => {
    let received: unknown;
    const got = await remote(({ name, at }) => ((received = at), { name, at: at!.toISOString() })).echo({
      name: "x",
      at: "2026-01-02T03:04:05Z",
    });
    expect(received).toEqual(new Date("2026-01-02T03:04:05Z"));
    expect(got.at).toEqual(new Date("2026-01-02T03:04:05Z"));
  });

  it("refuses what a wire could not carry, before the handler", async () => {
    let calls = 0;
    const there = remote((request) => (calls++, { name: request.name }));
    const cycle: { name: string; tags?: unknown } = { name: "x" };
    cycle.tags = [cycle];
    for (const request of [cycle, { name: 1n }, { name: () => 1 }, undefined, null, "x"]) {
      const { code } = await failure(there.echo(request as never));
      expect(["invalid_argument", "internal"]).toContain(code);
    }
    expect(calls).toBe(0);
  });

  it("shows the caller an error as a peer's: no cause, no stack, no identity", async () => {
    const thrown = new ServiceError("the disk is full", { code: "unavailable", cause: new Error("hunter2") });
    const seen = await failure(
      remote(() => {
        throw thrown;
      }).echo({ name: "x" }),
    );
    expect(seen).not.toBe(thrown);
    expect([seen.message, seen.code, seen.origin, seen.cause]).toEqual([
      "the disk is full",
      "unavailable",
      "peer",
      undefined,
    ]);
    expect(String(seen.stack)).not.toContain("boundary.test.ts");
  });

  it("gives `.try()` its declared error with validated details", async () => {
    const result = await remote(() => gone({ id: "7" })).echo.try({ name: "x" });
    expect(result.ok ? undefined : [result.error.reason, result.error.details]).toEqual(["gone", { id: "7" }]);
  });

  it("takes the shorter of the caller's time and the method's", async () => {
    const clock = virtualClock();
    const deadlines: number[] = [];
    const there = remote(
      (request, { deadlineMs }: Context) => (deadlines.push(deadlineMs - clock.now()), { name: request.name }),
      { clock },
    );
    await there.echo({ name: "x" }, { timeoutMs: 500 });
    await there.echo({ name: "x" }, { timeoutMs: 60_000 });
    expect(deadlines[0]).toBeLessThanOrEqual(500);
    expect(deadlines[1]).toBe(3000);
  });

  it("runs hooks over values, which may replace the answer or the error", async () => {
    const bodies: unknown[] = [];
    const there = remote((request) => (request.name === "gone" ? gone({ id: "1" }) : { name: request.name }), {
      before: [(context, { method, body }) => (bodies.push([method.name, body]), context)],
      after: [(_, reply) => void (reply.body = { name: "replaced" })],
      errorEncoder: (_, reply) => void (reply.error = new ServiceError("encoded", { code: "aborted" })),
    });
    expect(await there.echo({ name: "x" })).toEqual({ name: "replaced" });
    expect(await failure(there.echo({ name: "gone" }))).toMatchObject({ message: "encoded", code: "aborted" });
    expect(bodies[0]).toEqual(["echo", { name: "x" }]);
  });

  it("hands reply metadata and request id across, whatever the outcome", async () => {
    let id = "";
    const there = remote((request, context) => {
      id = context.requestId;
      context.reply.set("x-by", "blue");
      return request.name === "no" ? gone({ id: "1" }) : { name: request.name };
    });
    await there.echo({ name: "x" });
    expect(id).toMatch(/^[0-9a-f]{16,}$/);
    await failure(there.echo({ name: "no" }));
  });

  it("streams one way and the other", async () => {
    const there = remote((request) => ({ name: request.name }));
    const seen: number[] = [];
    for await (const { i } of there.watch({ n: 3 })) seen.push(i);
    expect(seen).toEqual([0, 1, 2]);
    async function* numbers() {
      for (const n of [1, 2, 3]) yield await Promise.resolve({ n });
    }
    expect(await there.add(numbers())).toEqual({ total: 6 });
  });

  it("runs the hooks around a stream that have to do with the call: before, errors, the end", async () => {
    const steps: string[] = [];
    const there = remote((request) => ({ name: request.name }), {
      before: [(context, { method, body }) => (steps.push(`before ${method.name} ${JSON.stringify(body)}`), context)],
      after: [() => void steps.push("after")],
      errorHandler: ({ reason }) => void steps.push(`error ${reason}`),
      finalizer: [({ outcome }) => void steps.push(`end ${outcome}`)],
    });
    for await (const _ of there.watch({ n: 2 })) steps.push("message");
    async function* wrong() {
      yield await Promise.resolve({ n: "x" as never });
    }
    await failure(there.add(wrong()));
    expect(steps).toEqual([
      'before watch {"n":2}',
      "message",
      "message",
      "end ok",
      "before add undefined",
      "error invalid_request",
      "end invalid_argument",
    ]);
  });

  it("lives when report, observers and hooks throw", async () => {
    const boom = (): never => {
      throw new Error("no");
    };
    const there = remote(boom, {
      report: boom,
      observers: [() => ({ start: boom, end: boom })],
      finalizer: [boom],
      errorHandler: boom,
      errorEncoder: boom,
    });
    expect((await failure(there.echo({ name: "x" }))).code).toBe("internal");
    await settled();
  });

  it("refuses options it does not have, and those that are none", () => {
    const implementation = things.implement({
      echo: (request) => ({ name: request.name }),
      watch: async function* () {},
      add: () => ({ total: 0 }),
    });
    expect(() => local(implementation, { limits: {} } as never)).toThrow('local has no option "limits"');
    expect(() => local(implementation, { before: [1] } as never)).toThrow("before[0] should be a function, got 1");
    expect(() => local(implementation, { gates: [1] } as never)).toThrow("gates[0] should be a function, got 1");
    expect(() => local(implementation, { observers: {} } as never)).toThrow(
      "observers should be a list of functions, got an object",
    );
  });
});
