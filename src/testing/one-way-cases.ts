/**
 * Cases about methods that nobody waits for: they are accepted, and then run by themselves.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { systemClock } from "../time/index.ts";
import { seen, serveOneWay } from "./sample.ts";
import { settled } from "./virtual-clock.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about one-way methods. */
export function oneWayCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "one-way/runs",
      property: "one-way",
      name: "a call resolves with nothing, and its handler runs",
      async run() {
        const got: string[] = [];
        const both = seen<void>();
        await using sample = await serveOneWay(harness, ({ text }) => {
          if (got.push(text) === 2) both.resolve();
        });
        assert.equal(await sample.remote.note({ text: "ä漢" }), undefined);
        assert.deepEqual(await sample.remote.note.try({ text: "b" }), { ok: true, value: undefined });
        await both.promise;
        assert.deepEqual(got.sort(), ["b", "ä漢"]);
      },
    },
    {
      id: "one-way/before-end",
      property: "one-way",
      name: "a call is acknowledged before its handler ends, which the caller's end does not touch",
      async run() {
        const finish = seen<void>();
        const ended = seen<string | undefined>();
        let isOff = false;
        await using sample = await serveOneWay(harness, async (_request, context) => {
          context.onCancel(() => (isOff = true));
          await finish.promise;
          ended.resolve(context.canceledBy?.reason);
        });
        const controller = new AbortController();
        await sample.remote.note({ text: "" }, { signal: controller.signal });
        controller.abort();
        for (let i = 0; i < 20; i++) await settled();
        assert.equal(isOff, false);
        finish.resolve();
        assert.equal(await ended.promise, undefined);
      },
    },
    {
      id: "one-way/deadline",
      property: "one-way",
      name: "the time of the work is the method's own, not the caller's",
      async run() {
        const left = seen<number>();
        const note = (_request: unknown, { deadlineMs }: Context): void => left.resolve(deadlineMs - systemClock.now());
        await using sample = await serveOneWay(harness, note);
        await sample.remote.note({ text: "" }, { timeoutMs: 20_000 });
        assert.ok((await left.promise) > 20_000);
      },
    },
    {
      id: "one-way/error",
      property: "one-way",
      name: "what its handler throws is reported and seen by observers, and is not the caller's",
      async run() {
        const reported = seen<unknown>();
        const outcomes = seen<readonly string[]>();
        const all: (string | undefined)[] = [];
        const observe = () => ({
          end({ outcome }: { readonly outcome: string | undefined }) {
            if (all.push(outcome) === 3) outcomes.resolve(all.map(String).sort());
          },
        });
        const secret = new Error("hunter2");
        await using sample = await serveOneWay(
          harness,
          async ({ text }) => {
            await Promise.resolve();
            if (text === "throw") throw secret;
            if (text === "refuse") throw new ServiceError("no", { code: "not_found" });
          },
          { report: (error) => reported.resolve(error), observers: [observe] },
        );
        await sample.remote.note({ text: "throw" });
        await sample.remote.note({ text: "refuse" });
        await sample.remote.note({ text: "" });
        const error = await reported.promise;
        assert.ok(error === secret || (error as Error).cause === secret);
        assert.deepEqual(await outcomes.promise, ["internal", "not_found", "ok"]);
      },
    },
    {
      id: "one-way/invalid",
      property: "one-way",
      name: "a request that does not fit does not run, and is seen by observers",
      async run() {
        let calls = 0;
        const ended = seen<string | undefined>();
        const observe = () => ({
          end: (call: { readonly outcome: string | undefined }) => ended.resolve(call.outcome),
        });
        await using sample = await serveOneWay(harness, () => void calls++, { observers: [observe] });
        // Whether the caller hears of it is the protocol's: an acknowledgement may come before the message is read.
        const told = await sample.remote.note({ text: 5 as never }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (told === undefined) assert.equal(await ended.promise, "invalid_argument");
        else assert.equal((told as ServiceError).code, "invalid_argument");
        assert.equal(calls, 0);
      },
    },
    {
      id: "one-way/hooks",
      property: "one-way",
      name: "before hooks come before it, and finalizers when its handler is done, with its outcome",
      async run() {
        const steps: string[] = [];
        const finish = seen<void>();
        const over = seen<void>();
        await using sample = await serveOneWay(
          harness,
          async () => {
            await finish.promise;
            steps.push("handler");
          },
          {
            before: [(context) => (steps.push("before"), context)],
            finalizer: [({ outcome }) => (steps.push(`finalizer ${outcome}`), over.resolve())],
          },
        );
        await sample.remote.note({ text: "" });
        finish.resolve();
        await over.promise;
        assert.deepEqual(steps, ["before", "handler", "finalizer ok"]);
      },
    },
    {
      id: "one-way/drain",
      property: "one-way",
      name: "a drain waits for what was accepted",
      async run() {
        const begun = seen<void>();
        const finish = seen<void>();
        let isDone = false;
        await using sample = await serveOneWay(harness, async () => {
          begun.resolve();
          await finish.promise;
          isDone = true;
        });
        await sample.remote.note({ text: "" });
        await begun.promise;
        let isDrained = false;
        const drained = sample.connected.drain().then(() => (isDrained = true));
        for (let i = 0; i < 20; i++) await settled();
        assert.equal(isDrained, false);
        finish.resolve();
        await drained;
        assert.equal(isDone, true);
      },
    },
  ];
}
