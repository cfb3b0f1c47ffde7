/**
 * Cases about a server: hooks, drain, one-way, and that its observers see every call once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { key, type Call } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { failureOf } from "./call-cases.ts";
import { gone, seen, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about hooks, drain, one-way and observation. */
export function serverCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      property: "hooks",
      name: "hooks run in order: before, handler, after, finalizer; lists add up and the context flows on",
      async run() {
        const steps: string[] = [];
        const user = key<string>("user");
        await using sample = await serveUnary(
          harness,
          { echo: (request, context) => (steps.push(`handler ${context.need(user)}`), request) },
          {
            before: [
              (context) => (steps.push("before 1"), context.with(user, "ada")),
              (context) => (steps.push(`before 2 ${context.need(user)}`), context.with(user, "bob")),
            ],
            after: [() => steps.push("after 1"), () => steps.push("after 2")],
            errorHandler: () => steps.push("error"),
            finalizer: [({ outcome }) => steps.push(`finalizer 1 ${outcome}`), () => steps.push("finalizer 2")],
          },
        );
        await sample.remote.echo({ text: "" });
        assert.deepEqual(steps, [
          "before 1",
          "before 2 ada",
          "handler bob",
          "after 1",
          "after 2",
          "finalizer 1 ok",
          "finalizer 2",
        ]);
      },
    },
    {
      property: "hooks",
      name: "on an error the handler of errors sees it, after hooks do not run, and the finalizer knows the outcome",
      async run() {
        const steps: string[] = [];
        await using sample = await serveUnary(
          harness,
          { echo: () => gone() },
          {
            after: [() => steps.push("after")],
            errorHandler: ({ reason }) => steps.push(`error ${reason}`),
            finalizer: [({ outcome, error }) => steps.push(`finalizer ${outcome} ${error?.reason}`)],
          },
        );
        await failureOf(sample.remote.echo({ text: "" }));
        assert.deepEqual(steps, ["error gone", "finalizer not_found gone"]);
      },
    },
    {
      property: "hooks",
      name: "a hook that throws fails its own call only, and shows nothing of the inside",
      async run() {
        let fails = true;
        await using sample = await serveUnary(
          harness,
          {},
          {
            before: [
              (context) => {
                if (fails) throw new Error("hunter2");
                return context;
              },
            ],
            finalizer: [
              () => {
                throw new Error("hunter2");
              },
            ],
          },
        );
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "internal");
        assert.ok(!error.message.includes("hunter2"));
        fails = false;
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
      },
    },
    {
      property: "hooks",
      name: "observers see each call once from start to end, also one that is refused",
      async run() {
        const ends: (string | undefined)[] = [];
        let starts = 0;
        const observe = () => ({ start: () => void starts++, end: ({ outcome }: Call) => void ends.push(outcome) });
        await using sample = await serveUnary(
          harness,
          { echo: ({ text }) => (text === "no" ? gone() : { text }) },
          { observers: [observe] },
        );
        await sample.remote.echo({ text: "yes" });
        await failureOf(sample.remote.echo({ text: "no" }));
        await failureOf(sample.remote.echo({ text: 1 as never }));
        assert.equal(starts, ends.length);
        assert.deepEqual(ends.slice(0, 2), ["ok", "not_found"]);
      },
    },
    {
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
        await Promise.resolve();
        assert.equal(isDrained, false);
        finish.resolve();
        assert.deepEqual(await call, { text: "x" });
        await drained;
      },
    },
    {
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
    {
      property: "one-way",
      name: "a request nobody waits for runs, and is not answered",
      async run() {
        assert.ok(harness.notify !== undefined, "a transport without one-way calls says so by skipping them");
        const got = seen<string>();
        await using sample = await serveUnary(harness, { echo: (request) => (got.resolve(request.text), gone()) });
        await harness.notify(sample.connected, "echo", { text: "x" });
        assert.equal(await got.promise, "x");
      },
    },
  ];
}
