/**
 * Cases about the messages of streams: every kind, in order, as they come.
 *
 * @module
 */
import assert from "node:assert/strict";
import { seen, serveStreams } from "./sample.ts";
import { collected, plain, textsTo, upTo } from "./stream-sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

const MANY = 1000;

/** Cases about the messages of streams. */
export function streamCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "streams/server",
      property: "streams",
      name: "a thousand answers arrive in order, none lost",
      async run() {
        await using sample = await serveStreams(harness, plain);
        assert.deepEqual(await collected(sample.remote.count({ n: MANY })), await collected(upTo(MANY)));
      },
    },
    {
      id: "streams/client",
      property: "streams",
      name: "a thousand requests arrive in order, none lost, and are answered once",
      async run() {
        const got: number[] = [];
        await using sample = await serveStreams(harness, {
          ...plain,
          async total(numbers) {
            for await (const { n } of numbers) got.push(n);
            return { n: got.length };
          },
        });
        assert.deepEqual(await sample.remote.total(upTo(MANY)), { n: MANY });
        assert.deepEqual(
          got,
          Array.from({ length: MANY }, (_, i) => i + 1),
        );
      },
    },
    {
      id: "streams/bidi",
      property: "streams",
      name: "a thousand messages each way at once arrive in order, none lost",
      async run() {
        await using sample = await serveStreams(harness, plain);
        assert.deepEqual(await collected(sample.remote.chat(textsTo(MANY))), await collected(textsTo(MANY)));
      },
    },
    {
      id: "streams/empty",
      property: "streams",
      name: "streams without a message are streams, each way",
      async run() {
        await using sample = await serveStreams(harness, plain);
        assert.deepEqual(await collected(sample.remote.count({ n: 0 })), []);
        assert.deepEqual(await sample.remote.total(upTo(0)), { n: 0 });
        assert.deepEqual(await collected(sample.remote.chat(textsTo(0))), []);
      },
    },
    {
      id: "streams/interleaved",
      property: "streams",
      name: "both ways at once: an answer comes before the next request is written",
      async run() {
        await using sample = await serveStreams(harness, plain);
        const answered = seen<void>();
        async function* talk(): AsyncGenerator<{ text: string }> {
          yield { text: "a" };
          await answered.promise;
          yield { text: "b" };
        }
        const got: string[] = [];
        for await (const { text } of sample.remote.chat(talk())) {
          got.push(text);
          answered.resolve();
        }
        assert.deepEqual(got, ["A", "B"]);
      },
    },
    {
      id: "streams/at-once",
      property: "streams",
      name: "streams at the same time do not mix",
      async run() {
        await using sample = await serveStreams(harness, plain);
        const all = await Promise.all([7, 11, 13].map((n) => collected(sample.remote.count({ n }))));
        assert.deepEqual(
          all.map((one) => one.length),
          [7, 11, 13],
        );
        const sums = await Promise.all([7, 11, 13].map((n) => sample.remote.total(upTo(n))));
        assert.deepEqual(sums, [{ n: 28 }, { n: 66 }, { n: 91 }]);
      },
    },
  ];
}
