/**
 * Cases about what travels beside a message: deadlines, cancellation, metadata, trace.
 *
 * @module
 */
import assert from "node:assert/strict";
import { backgroundContext, isContext, type Context } from "../endpoint/index.ts";
import { policyError } from "../errors/index.ts";
import { systemClock } from "../time/index.ts";
import { ATTEMPT, CORRELATION_ID, CRITICALITY } from "../transport/index.ts";
import { failureOf } from "./call-cases.ts";
import { seen, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Resolves when a context is called off. */
const calledOff = (context: Context): Promise<string> =>
  new Promise((resolve) => void context.onCancel(({ reason }) => resolve(reason)));

/** Cases about deadlines, cancellation, metadata and trace. */
export function contextCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      property: "deadlines",
      name: "what is left of the caller's time is what the handler has",
      async run() {
        const left = seen<number>();
        await using sample = await serveUnary(harness, {
          echo: (request, context) => (left.resolve(context.deadlineMs - systemClock.now()), request),
        });
        await sample.remote.echo({ text: "" }, { timeoutMs: 1500 });
        const leftMs = await left.promise;
        assert.ok(leftMs > 0 && leftMs <= 1500, `${leftMs} ms`);
      },
    },
    {
      property: "deadlines",
      name: "a call that takes too long ends with deadline_exceeded on both sides, and the handler is called off",
      async run() {
        const off = seen<string>();
        await using sample = await serveUnary(harness, {
          async wait(request, context) {
            off.resolve(await calledOff(context));
            return request;
          },
        });
        const error = await failureOf(sample.remote.wait({ text: "" }, { timeoutMs: 40 }));
        assert.equal(error.code, "deadline_exceeded");
        assert.match(await off.promise, /^(deadline_exceeded|canceled)$/);
      },
    },
    {
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
    {
      property: "metadata",
      name: "metadata arrives under its name in any case, and what was not sent is undefined",
      async run() {
        const got = seen<readonly (string | undefined)[]>();
        await using sample = await serveUnary(harness, {
          echo(request, context) {
            got.resolve(
              ["x-tenant", "X-TENANT", "x-other", "constructor", "__proto__"].map((name) => context.metadata(name)),
            );
            return request;
          },
        });
        await sample.remote.echo({ text: "" }, { metadata: { "X-Tenant": "blue; a=1, b" } });
        assert.deepEqual(await got.promise, ["blue; a=1, b", "blue; a=1, b", undefined, undefined, undefined]);
      },
    },
    {
      property: "metadata",
      name: "metadata that would break the protocol is refused before anything is sent",
      async run() {
        let calls = 0;
        await using sample = await serveUnary(harness, { echo: (request) => (calls++, request) });
        for (const metadata of [
          { "x-a": "b\r\nx-injected: c" },
          { "x a": "b" },
          Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, "v"])),
        ]) {
          await assert.rejects(async () => sample.remote.echo({ text: "" }, { metadata }));
        }
        assert.equal(calls, 0);
      },
    },
    {
      property: "metadata",
      name: "correlation id and criticality of the incoming call go on with the outgoing one",
      async run() {
        const got = seen<readonly (string | undefined)[]>();
        await using inner = await serveUnary(harness, {
          echo(request, context) {
            got.resolve([context.metadata(CORRELATION_ID), context.metadata(CRITICALITY), context.requestId]);
            return request;
          },
        });
        let requestId = "";
        await using outer = await serveUnary(harness, {
          async echo(request, context) {
            requestId = context.requestId;
            return inner.remote.echo(request, context);
          },
        });
        await outer.remote.echo({ text: "" }, { metadata: { [CORRELATION_ID]: "c-1", [CRITICALITY]: "sheddable" } });
        assert.deepEqual(await got.promise, ["c-1", "sheddable", requestId]);
      },
    },
    {
      property: "trace",
      name: "a trace goes on through a service that does not trace, unchanged",
      async run() {
        const got = seen<string | undefined>();
        await using inner = await serveUnary(harness, {
          echo: (request, context) => (got.resolve(context.metadata("traceparent")), request),
        });
        await using outer = await serveUnary(harness, {
          echo: async (request, context) => inner.remote.echo(request, context),
        });
        await outer.remote.echo({ text: "" }, { metadata: { traceparent: TRACEPARENT } });
        assert.equal((await got.promise)?.slice(0, 35), TRACEPARENT.slice(0, 35));
      },
    },
    {
      property: "trace",
      name: "the first try is number 1, and a number that was sent is the handler's",
      async run() {
        const attempts: number[] = [];
        await using sample = await serveUnary(harness, {
          echo: (request, context) => (attempts.push(context.attempt), request),
        });
        await sample.remote.echo({ text: "" });
        await sample.remote.echo({ text: "" }, { metadata: { [ATTEMPT]: "3" } });
        assert.deepEqual(attempts, [1, 3]);
      },
    },
    {
      property: "errors",
      name: "a refusal by a gate reaches the caller, and neither body nor handler are touched",
      async run() {
        let calls = 0;
        const refuse = () => policyError("rate_limited", { retryAfterMs: 1000 });
        await using sample = await serveUnary(harness, { echo: (request) => (calls++, request) }, { gates: [refuse] });
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.reason, "rate_limited");
        assert.equal(error.code, "resource_exhausted");
        assert.equal(error.retryAfterMs, 1000);
        assert.equal(calls, 0);
      },
    },
  ];
}
