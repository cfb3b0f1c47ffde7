/**
 * Cases about hooks and observers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { key, type Call } from "../endpoint/index.ts";
import { failureOf } from "./call-cases.ts";
import { gone, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about hooks and observation. */
export function hookCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "hooks/order",
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
      id: "hooks/error",
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
      id: "hooks/throws",
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
      id: "hooks/observers",
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
      id: "hooks/encoder",
      property: "hooks",
      name: "an error encoder is asked for each error, and only then; one that throws leaves the transport's own form",
      async run() {
        const asked: string[] = [];
        const reported: unknown[] = [];
        await using sample = await serveUnary(
          harness,
          { echo: ({ text }) => (text === "gone" ? gone() : { text }) },
          {
            errorEncoder({ reason }) {
              asked.push(reason);
              throw new Error("hunter2");
            },
            report: (error) => reported.push(error),
          },
        );
        await sample.remote.echo({ text: "" });
        const error = await failureOf(sample.remote.echo({ text: "gone" }));
        assert.ok(gone.is(error));
        assert.deepEqual(asked, ["gone"]);
        assert.equal(reported.length, 1);
      },
    },
    {
      id: "hooks/after-throws",
      property: "hooks",
      name: "an after hook that throws fails its own call, and shows nothing of the inside",
      async run() {
        let fails = true;
        await using sample = await serveUnary(
          harness,
          {},
          {
            after: [
              () => {
                if (fails) throw new Error("hunter2");
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
      id: "hooks/request",
      property: "hooks",
      name: "a before hook sees the protocol's own request, an after hook its reply",
      async run() {
        const views: unknown[] = [];
        await using sample = await serveUnary(
          harness,
          {},
          {
            before: [(context, request) => (views.push(request), context)],
            after: [(_context, reply) => views.push(reply)],
          },
        );
        await sample.remote.echo({ text: "x" });
        assert.equal(views.length, 2);
        assert.notEqual(views[0], views[1]);
        for (const view of views) assert.ok(typeof view === "object" && view !== null);
      },
    },
  ];
}
