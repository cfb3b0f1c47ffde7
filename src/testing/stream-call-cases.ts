/**
 * Cases about what stands around a streaming call: gates, observers, middleware, metadata, hooks.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Call, Direction, Kind, StreamEndpoint, StreamMiddleware } from "../endpoint/index.ts";
import { policyError } from "../errors/index.ts";
import { systemClock } from "../time/index.ts";
import { failureOf } from "./call-cases.ts";
import { serveStreams, type Text } from "./sample.ts";
import { callKind, collected, KINDS, plain, textsTo, watching } from "./stream-sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** How many messages a server sees of `callKind`. */
const MESSAGES: Readonly<Record<Exclude<Kind, "unary">, readonly Direction[]>> = {
  server: ["sent", "sent", "sent"],
  client: ["received", "received", "received"],
  bidi: ["received", "received", "received", "sent", "sent", "sent"],
};

/** Cases about what stands around streams. */
export function streamCallCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "streams/gates",
      property: "streams",
      name: "a gate refuses each kind before a message is taken",
      async run() {
        let calls = 0;
        const messages: Direction[] = [];
        const observe = () => ({ message: (_call: Call, direction: Direction) => void messages.push(direction) });
        const gate = () => policyError("rate_limited", { retryAfterMs: 1000 });
        await using sample = await serveStreams(
          harness,
          watching(() => void calls++),
          { gates: [gate], observers: [observe] },
        );
        for (const kind of KINDS) {
          const error = await failureOf(callKind(sample.remote, kind));
          assert.equal(error.reason, "rate_limited", kind);
          assert.equal(error.retryAfterMs, 1000, kind);
        }
        assert.equal(calls, 0);
        assert.deepEqual(messages, []);
      },
    },
    {
      id: "streams/observers",
      property: "streams",
      name: "observers on both sides see one start, every message and one end of each kind",
      async run() {
        const served: string[] = [];
        const called: string[] = [];
        const watch = (into: string[]) => () => ({
          start: () => void into.push("start"),
          message: (_call: Call, direction: Direction) => void into.push(direction),
          end: ({ outcome }: Call) => void into.push(outcome ?? "?"),
        });
        await using sample = await serveStreams(harness, plain, { observers: [watch(served)], watch: watch(called) });
        for (const kind of KINDS) {
          served.length = called.length = 0;
          await callKind(sample.remote, kind);
          const here = MESSAGES[kind];
          assert.deepEqual([served[0], served.at(-1)], ["start", "ok"], kind);
          assert.deepEqual(served.slice(1, -1).sort(), here, kind);
          const there = here.map((one) => (one === "sent" ? "received" : "sent"));
          assert.deepEqual([called[0], called.at(-1)], ["start", "ok"], kind);
          assert.deepEqual(called.slice(1, -1).sort(), there.sort(), kind);
        }
      },
    },
    {
      id: "streams/middleware",
      property: "streams",
      name: "a middleware of streams sees the messages each way, and may change them",
      async run() {
        const took: string[] = [];
        const wrapped: StreamMiddleware<AsyncIterable<Text>> = ((next: StreamEndpoint<AsyncIterable<Text>, Text>) =>
          async function* louder(requests: AsyncIterable<Text>, context: Parameters<typeof next>[1]) {
            async function* noted(): AsyncGenerator<Text> {
              for await (const one of requests) {
                took.push(one.text);
                yield one;
              }
            }
            for await (const { text } of next(noted(), context)) yield { text: `${text}!` };
          }) as never;
        await using sample = await serveStreams(harness, plain, { attach: { methods: { chat: { use: [wrapped] } } } });
        assert.deepEqual(await collected(sample.remote.chat(textsTo(2))), [{ text: "1!" }, { text: "2!" }]);
        assert.deepEqual(took, ["1", "2"]);
      },
    },
    {
      id: "streams/metadata",
      property: "streams",
      name: "metadata, trace, ids and deadline come with each kind",
      needs: "headers",
      async run() {
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const got: unknown[] = [];
        const names = ["x-tenant", "traceparent", "x-correlation-id"];
        await using sample = await serveStreams(
          harness,
          watching((context) => {
            const leftMs = context.deadlineMs - systemClock.now();
            got.push([
              ...names.map((name) => context.metadata(name)),
              context.requestId,
              leftMs > 0 && leftMs <= 30_000,
            ]);
          }),
        );
        const metadata = { "x-tenant": "blue", traceparent, "x-correlation-id": "c-1", "x-request-id": "r-1" };
        for (const kind of KINDS) await callKind(sample.remote, kind, { metadata, timeoutMs: 30_000 });
        assert.deepEqual(
          got,
          KINDS.map(() => ["blue", traceparent, "c-1", "r-1", true]),
        );
      },
    },
    {
      id: "streams/hooks",
      property: "streams",
      name: "before hooks run before each kind, and finalizers know how it ended",
      async run() {
        const steps: string[] = [];
        await using sample = await serveStreams(
          harness,
          watching((_context, kind) => void steps.push(kind)),
          {
            before: [(context) => (steps.push("before"), context)],
            finalizer: [({ outcome }) => steps.push(`finalizer ${outcome}`)],
          },
        );
        for (const kind of KINDS) {
          steps.length = 0;
          await callKind(sample.remote, kind);
          assert.deepEqual(steps, ["before", kind, "finalizer ok"]);
        }
      },
    },
  ];
}
