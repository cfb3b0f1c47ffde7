/**
 * Cases about the time a call has, and about calling it off.
 *
 * @module
 */
import assert from "node:assert/strict";
import { backgroundContext, isContext, type Context } from "../endpoint/index.ts";
import { systemClock } from "../time/index.ts";
import { failureOf } from "./call-cases.ts";
import { seen, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Resolves when a context is called off. */
const calledOff = (context: Context): Promise<string> =>
  new Promise((resolve) => void context.onCancel(({ reason }) => resolve(reason)));

/** Times that are waited for in vain, the next where a slow machine has not even begun in the one before. */
export const TIMES: readonly number[] = [50, 400, 2000, 10_000, 30_000];

/** Cases about deadlines and cancellation. */
export function contextCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "deadlines/remaining",
      property: "deadlines",
      name: "what is left of the caller's time is what the handler has",
      needs: "headers",
      async run() {
        const left = seen<number>();
        await using sample = await serveUnary(harness, {
          echo: (request, context) => (left.resolve(context.deadlineMs - systemClock.now()), request),
        });
        await sample.remote.echo({ text: "" }, { timeoutMs: 30_000 });
        const leftMs = await left.promise;
        assert.ok(leftMs > 0 && leftMs <= 30_000, `${leftMs} ms`);
      },
    },
    {
      id: "deadlines/handler",
      property: "deadlines",
      name: "a call that takes too long ends with deadline_exceeded on both sides, and the handler is called off",
      needs: "headers",
      async run() {
        const off = seen<string>();
        let isBegun = false;
        await using sample = await serveUnary(harness, {
          async wait(request, context) {
            isBegun = true;
            off.resolve(await calledOff(context));
            return request;
          },
        });
        for (const timeoutMs of TIMES) {
          const error = await failureOf(sample.remote.wait({ text: "" }, { timeoutMs }));
          assert.equal(error.code, "deadline_exceeded");
          if (isBegun) break;
        }
        assert.match(await off.promise, /^(deadline_exceeded|canceled)$/);
      },
    },
    {
      id: "deadlines/caller",
      property: "deadlines",
      name: "the caller hears at its deadline, whatever the handler does, and the next call is served",
      async run() {
        const stuck = seen<void>();
        await using sample = await serveUnary(harness, {
          async wait(request) {
            await stuck.promise;
            return request;
          },
        });
        // That it is heard at all says when: the handler waits for what comes below.
        const error = await failureOf(sample.remote.wait({ text: "" }, { timeoutMs: 40 }));
        assert.equal(error.code, "deadline_exceeded");
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
        stuck.resolve();
      },
    },
    {
      id: "deadlines/server",
      property: "deadlines",
      name: "a time shorter than the caller's, set on the server, ends the call on both sides",
      async run() {
        const off = seen<string>();
        let isBegun = false;
        for (const timeoutMs of TIMES) {
          await using sample = await serveUnary(
            harness,
            {
              async wait(request, context) {
                isBegun = true;
                off.resolve(await calledOff(context));
                return request;
              },
            },
            { attach: { methods: { wait: { timeoutMs } } } },
          );
          const error = await failureOf(sample.remote.wait({ text: "" }, { timeoutMs: 60_000 }));
          assert.equal(error.code, "deadline_exceeded");
          if (isBegun) break;
        }
        assert.equal(await off.promise, "deadline_exceeded");
      },
    },
    {
      id: "deadlines/expired",
      property: "deadlines",
      name: "work whose time is over when it comes is refused before gates and handler",
      async run() {
        let calls = 0;
        const gate = (context: Context): Context => (calls++, context);
        await using sample = await serveUnary(
          harness,
          { echo: (request) => (calls++, request) },
          { before: [(context) => context.withDeadline(context.startMs)], gates: [gate] },
        );
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "deadline_exceeded");
        assert.equal(calls, 0);
      },
    },
    {
      id: "deadlines/over",
      property: "deadlines",
      name: "a call whose time is over is not sent",
      async run() {
        let calls = 0;
        await using sample = await serveUnary(harness, { echo: (request) => (calls++, request) });
        const over = backgroundContext().withDeadline(systemClock.now() - 1);
        const error = await failureOf(sample.remote.echo({ text: "" }, over));
        assert.equal(error.code, "deadline_exceeded");
        assert.equal(calls, 0);
      },
    },
    {
      id: "cancellation/handler",
      property: "cancellation",
      name: "the caller's signal calls the handler off, and the call ends at once",
      async run() {
        const begun = seen<void>();
        const off = seen<string>();
        await using sample = await serveUnary(harness, {
          async wait(request, context) {
            begun.resolve();
            off.resolve(await calledOff(context));
            return request;
          },
        });
        const controller = new AbortController();
        const call = failureOf(sample.remote.wait({ text: "" }, { signal: controller.signal }));
        await begun.promise;
        controller.abort();
        assert.equal((await call).code, "canceled");
        assert.equal(await off.promise, "canceled");
      },
    },
    {
      id: "cancellation/caller",
      property: "cancellation",
      name: "a caller that calls off hears of it at once, whatever the handler does, and the next call is served",
      async run() {
        const begun = seen<void>();
        const stuck = seen<void>();
        await using sample = await serveUnary(harness, {
          async wait(request) {
            begun.resolve();
            await stuck.promise;
            return request;
          },
        });
        const controller = new AbortController();
        const call = failureOf(sample.remote.wait({ text: "" }, { signal: controller.signal }));
        await begun.promise;
        controller.abort();
        assert.equal((await call).code, "canceled");
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
        stuck.resolve();
      },
    },
    {
      id: "cancellation/context",
      property: "cancellation",
      name: "a context that is called off calls off the calls made for it",
      async run() {
        const begun = seen<void>();
        const off = seen<string>();
        await using sample = await serveUnary(harness, {
          async wait(request, context) {
            begun.resolve();
            off.resolve(await calledOff(context));
            return request;
          },
        });
        const controller = new AbortController();
        const context = backgroundContext({ signal: controller.signal });
        assert.ok(isContext(context));
        const call = failureOf(sample.remote.wait({ text: "" }, context));
        await begun.promise;
        controller.abort();
        assert.equal((await call).code, "canceled");
        assert.equal(await off.promise, "canceled");
      },
    },
    {
      id: "cancellation/before",
      property: "cancellation",
      name: "a call that was called off before it began is not sent",
      async run() {
        let calls = 0;
        await using sample = await serveUnary(harness, { echo: (request) => (calls++, request) });
        const error = await failureOf(sample.remote.echo({ text: "" }, { signal: AbortSignal.abort() }));
        assert.equal(error.code, "canceled");
        assert.equal(calls, 0);
      },
    },
  ];
}
