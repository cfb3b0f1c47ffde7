import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { error, oneWay, service, type Context } from "../index.ts";
import { virtualClock } from "../testing/index.ts";
import { local } from "../transport/local/index.ts";

const text = z.object({ text: z.string().default("?") });
const audit = service("audit", { note: oneWay({ request: text, timeoutMs: 500 }) });

describe("a one-way method", () => {
  it("has a request and no answer, to its handler and to its caller", async () => {
    const got: string[] = [];
    const remote = client(audit, local(audit.implement({ note: (request) => void got.push(request.text) })));
    expectTypeOf(remote.note).returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf(remote.note.try).returns.resolves.toEqualTypeOf<
      { readonly ok: true; readonly value: void } | { readonly ok: false; readonly error: never }
    >();
    await remote.note({});
    expect(await remote.note.try({ text: "a" })).toEqual({ ok: true, value: undefined });
    expect(got).toEqual(["?", "a"]);
    // @ts-expect-error -- nobody would get it
    audit.implement({ note: () => ({ text: "a" }) });
  });

  it("cannot declare errors, an answer or a stream", () => {
    const gone = error("gone", { code: "not_found" });
    // @ts-expect-error -- nobody would hear of it
    expect(() => oneWay({ request: text, errors: [gone] })).toThrow('oneWay has no option "errors"');
    // @ts-expect-error -- nobody would get it
    expect(() => oneWay({ request: text, response: text })).toThrow('oneWay has no option "response"');
    // @ts-expect-error -- one message goes
    expect(() => oneWay({ request: text, stream: "client" })).toThrow('oneWay has no option "stream"');
    expect(() => oneWay(undefined as never)).toThrow("oneWay should be given an object, got undefined");
    expect(() => oneWay({ request: {} as typeof text })).toThrow("request should be a Standard Schema");
  });

  it("lets a client be its handler, which makes a gateway", async () => {
    const got: string[] = [];
    const behind = client(audit, local(audit.implement({ note: ({ text: one }) => void got.push(one) })));
    const front = client(audit, local(audit.implement(behind)));
    await front.note({ text: "a" });
    await Promise.resolve();
    expect(got).toEqual(["a"]);
  });
});

describe("a one-way method in one process", () => {
  it("is the caller's until it is accepted, and its own from then on", async () => {
    const clock = virtualClock();
    const off: string[] = [];
    const note = (_request: unknown, context: Context): Promise<void> =>
      new Promise((resolve) => {
        context.onCancel(({ reason }) => {
          off.push(`${reason} at ${clock.now()}`);
          resolve();
        });
      });
    const reported: unknown[] = [];
    const remote = client(audit, local(audit.implement({ note }), { clock, report: (e) => reported.push(e) }), {
      clock,
    });
    const controller = new AbortController();
    await remote.note({}, { timeoutMs: 100, signal: controller.signal });
    controller.abort();
    await clock.advance(200);
    expect(off).toEqual([]);
    await clock.advance(1000);
    expect(off).toEqual(["deadline_exceeded at 500"]);
    expect(clock.pending).toBe(0);
    await expect(remote.note({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "canceled" });
    await expect(remote.note({}, { timeoutMs: 0 })).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("is refused as any call, and runs its hooks: after when it is accepted, finalizers when it is done", async () => {
    const steps: string[] = [];
    const implementation = audit.implement({ note: async () => void steps.push("handler") });
    const remote = client(
      audit,
      local(implementation, {
        before: [(context) => (steps.push("before"), context)],
        after: [() => steps.push("after")],
        finalizer: [({ outcome }) => steps.push(`finalizer ${outcome}`)],
      }),
    );
    await expect(remote.note({ text: 1 as never })).rejects.toMatchObject({ reason: "invalid_request" });
    expect(steps.splice(0)).toEqual(["before", "finalizer invalid_argument"]);
    await remote.note({});
    await Promise.resolve();
    expect(steps).toEqual(["before", "after", "handler", "finalizer ok"]);
  });
});
