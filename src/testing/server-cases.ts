/**
 * Cases about a server as a whole: gates, and how it stops.
 *
 * @module
 */
import assert from "node:assert/strict";
import { policyError, ServiceError } from "../errors/index.ts";
import { failureOf } from "./call-cases.ts";
import { seen, serveUnary } from "./sample.ts";
import { settled } from "./virtual-clock.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about gates and drain. */
export function serverCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "errors/gate",
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
    {
      id: "drain/in-flight",
      property: "drain",
      name: "a call in flight finishes, and the drain ends after it",
      async run() {
        const begun = seen<void>();
        const finish = seen<void>();
        await using sample = await serveUnary(harness, {
          async wait(request) {
            begun.resolve();
            await finish.promise;
            return request;
          },
        });
        const call = sample.remote.wait({ text: "x" });
        await begun.promise;
        let isDrained = false;
        const drained = sample.connected.drain().then(() => (isDrained = true));
        for (let i = 0; i < 20; i++) await settled();
        assert.equal(isDrained, false);
        finish.resolve();
        assert.deepEqual(await call, { text: "x" });
        await drained;
      },
    },
    {
      id: "drain/no-new",
      property: "drain",
      name: "a drained server takes no new calls",
      async run() {
        await using sample = await serveUnary(harness, {});
        await sample.remote.echo({ text: "" });
        await sample.connected.drain();
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "unavailable");
        assert.ok(error instanceof ServiceError);
      },
    },
  ];
}
