/**
 * Cases about what travels beside a message: metadata and trace.
 *
 * @module
 */
import assert from "node:assert/strict";
import { traceCalls, tracer } from "../trace/index.ts";
import { ATTEMPT, CORRELATION_ID, CRITICALITY } from "../transport/index.ts";
import { failureOf } from "./call-cases.ts";
import { gone, seen, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

/** One trace in each of the forms that are read. */
const FORMS: readonly Readonly<Record<string, string>>[] = [
  { traceparent: TRACEPARENT, tracestate: "a=1,b=2" },
  { b3: `${TRACE_ID}-${SPAN_ID}-1` },
  { "x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1" },
];

/** Cases about metadata and trace. */
export function metadataCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "metadata/names",
      property: "metadata",
      name: "metadata arrives under its name in any case, and what was not sent is undefined",
      needs: "headers",
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
      id: "metadata/binary",
      property: "metadata",
      name: "bytes travel under a name that ends in -bin",
      needs: "headers",
      async run() {
        const got = seen<string>();
        await using sample = await serveUnary(harness, {
          echo: (request, context) => (got.resolve(context.metadata("x-key-bin") ?? ""), request),
        });
        const bytes = Buffer.from([0, 1, 127, 128, 250, 251, 252, 253, 254, 255]);
        await sample.remote.echo({ text: "" }, { metadata: { "x-key-bin": bytes.toString("base64") } });
        assert.deepEqual(Buffer.from(await got.promise, "base64"), bytes);
      },
    },
    {
      id: "metadata/reply",
      property: "metadata",
      name: "metadata of the reply arrives, from handler and after hook, with an error too",
      needs: "headers",
      async run() {
        const got: (string | undefined)[][] = [];
        const names = ["x-handler", "X-After", "x-other"];
        await using sample = await serveUnary(
          harness,
          {
            echo({ text }, context) {
              context.reply.set("x-handler", "h; a=1, b");
              return text === "gone" ? gone() : { text };
            },
          },
          {
            after: [(context) => context.reply.set("x-after", "a")],
            watch: () => ({ end: ({ incoming }) => void got.push(names.map((name) => incoming.get(name))) }),
          },
        );
        await sample.remote.echo({ text: "" });
        await failureOf(sample.remote.echo({ text: "gone" }));
        assert.deepEqual(got, [
          ["h; a=1, b", "a", undefined],
          ["h; a=1, b", undefined, undefined],
        ]);
      },
    },
    {
      id: "metadata/request-id",
      property: "metadata",
      name: "a request id that is sent is the handler's, and one is there when none was sent",
      needs: "headers",
      async run() {
        const ids: string[] = [];
        await using sample = await serveUnary(harness, {
          echo: (request, context) => (ids.push(context.requestId), request),
        });
        await sample.remote.echo({ text: "" }, { metadata: { "x-request-id": "r-1" } });
        await sample.remote.echo({ text: "" });
        assert.equal(ids[0], "r-1");
        assert.match(ids[1]!, /^.{8,}$/);
      },
    },
    {
      id: "metadata/refused",
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
      id: "metadata/passed-on",
      property: "metadata",
      name: "correlation id and criticality of the incoming call go on with the outgoing one",
      needs: "headers",
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
      id: "limits/many-headers",
      property: "limits",
      name: "more metadata than allowed is refused, and the next call is served",
      needs: "headers",
      async run() {
        await using sample = await serveUnary(harness, {}, { limits: { maxHeaders: 30 } });
        const metadata = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, "v"]));
        const error = await failureOf(sample.remote.echo({ text: "" }, { metadata }));
        assert.equal(error.code, "resource_exhausted");
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
      },
    },
    {
      id: "limits/large-headers",
      property: "limits",
      name: "larger metadata than allowed is refused, and the next call is served",
      needs: "headers",
      async run() {
        await using sample = await serveUnary(harness, {}, { limits: { maxHeaderBytes: 2048 } });
        const metadata = { "x-large": "v".repeat(8000) };
        const error = await failureOf(sample.remote.echo({ text: "" }, { metadata }));
        assert.equal(error.code, "resource_exhausted");
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
      },
    },
    {
      id: "trace/unchanged",
      property: "trace",
      name: "a trace goes on through a service that does not trace, unchanged: W3C, B3 in one header and in many",
      needs: "headers",
      async run() {
        const names = FORMS.flatMap((form) => Object.keys(form));
        const got: Readonly<Record<string, string>>[] = [];
        await using inner = await serveUnary(harness, {
          echo(request, context) {
            const entries = names
              .map((name) => [name, context.metadata(name)])
              .filter(([, value]) => value !== undefined);
            got.push(Object.fromEntries(entries) as Record<string, string>);
            return request;
          },
        });
        await using outer = await serveUnary(harness, {
          echo: async (request, context) => inner.remote.echo(request, context),
        });
        for (const metadata of FORMS) await outer.remote.echo({ text: "" }, { metadata });
        assert.deepEqual(got, FORMS);
      },
    },
    {
      id: "trace/joined",
      property: "trace",
      name: "a server that traces goes on with the caller's trace, in whichever form it came, and hands on its own span",
      needs: "headers",
      async run() {
        const joined: (string | undefined)[] = [];
        const handedOn: (string | undefined)[] = [];
        await using inner = await serveUnary(harness, {
          echo: (request, context) => (handedOn.push(context.metadata("traceparent")), request),
        });
        await using outer = await serveUnary(
          harness,
          {
            async echo(request, context) {
              joined.push(context.trace?.traceId);
              return inner.remote.echo(request, context);
            },
          },
          { observers: [traceCalls(tracer({ service: "sample" }))] },
        );
        for (const metadata of FORMS) await outer.remote.echo({ text: "" }, { metadata });
        assert.deepEqual(
          joined,
          FORMS.map(() => TRACE_ID),
        );
        for (const text of handedOn) {
          assert.match(text ?? "", new RegExp(`^00-${TRACE_ID}-`));
          assert.ok(!text!.includes(SPAN_ID));
        }
      },
    },
    {
      id: "trace/attempt",
      property: "trace",
      name: "the first try is number 1, and a number that was sent is the handler's",
      needs: "headers",
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
  ];
}
