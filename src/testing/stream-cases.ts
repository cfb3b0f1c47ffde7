/**
 * Cases about streams: every kind, back-pressure, early ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Handlers } from "../contract/index.ts";
import type { Call, Direction } from "../endpoint/index.ts";
import { ServiceError } from "../errors/index.ts";
import { seen, serveStreams, type Count, type StreamMethods } from "./sample.ts";
import { settled } from "./virtual-clock.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

async function* upTo(n: number): AsyncGenerator<Count> {
  for (let i = 1; i <= n; i++) yield { n: await Promise.resolve(i) };
}

const handlers: Handlers<StreamMethods> = {
  count: ({ n }) => upTo(n),
  async total(numbers) {
    let n = 0;
    for await (const one of numbers) n += one.n;
    return { n };
  },
  async *chat(messages) {
    for await (const { text } of messages) yield { text: text.toUpperCase() };
  },
};

async function collected<T>(messages: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** Cases about streams. */
export function streamCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      property: "streams",
      name: "many answers arrive in order, none lost, and observers count them",
      async run() {
        const messages: string[] = [];
        const observe = () => ({ message: (_call: Call, direction: Direction) => void messages.push(direction) });
        await using sample = await serveStreams(harness, handlers, { observers: [observe] });
        const got = await collected(sample.remote.count({ n: 100 }));
        assert.deepEqual(
          got.map(({ n }) => n),
          Array.from({ length: 100 }, (_, i) => i + 1),
        );
        assert.deepEqual(
          messages,
          Array.from({ length: 100 }, () => "sent"),
        );
      },
    },
    {
      property: "streams",
      name: "many requests are answered once",
      async run() {
        await using sample = await serveStreams(harness, handlers);
        assert.deepEqual(await sample.remote.total(upTo(10)), { n: 55 });
      },
    },
    {
      property: "streams",
      name: "both ways at once: an answer comes before the next request is written",
      async run() {
        await using sample = await serveStreams(harness, handlers);
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
      property: "streams",
      name: "ending early ends the handler, and nothing runs on",
      async run() {
        const ended = seen<number>();
        await using sample = await serveStreams(harness, {
          ...handlers,
          async *count() {
            let n = 0;
            try {
              for (;;) yield { n: n++ };
            } finally {
              ended.resolve(n);
            }
          },
        });
        let taken = 0;
        for await (const _message of sample.remote.count({ n: 0 })) if (++taken === 3) break;
        assert.ok((await ended.promise) < 1000);
      },
    },
    {
      property: "streams",
      name: "an error in the middle arrives after the messages before it",
      async run() {
        await using sample = await serveStreams(harness, {
          ...handlers,
          async *count() {
            yield { n: 1 };
            await Promise.resolve();
            throw new ServiceError("no more", { code: "out_of_range" });
          },
        });
        const got: number[] = [];
        await assert.rejects(
          async () => {
            for await (const { n } of sample.remote.count({ n: 0 })) got.push(n);
          },
          (error) => ServiceError.is(error) && error.code === "out_of_range",
        );
        assert.deepEqual(got, [1]);
      },
    },
    {
      property: "streams",
      name: "a stream that nobody reads does not run ahead without bound",
      async run() {
        let made = 0;
        await using sample = await serveStreams(harness, {
          ...handlers,
          async *count() {
            for (;;) yield { n: made++ };
          },
        });
        const messages = sample.remote.count({ n: 0 })[Symbol.asyncIterator]();
        await messages.next();
        for (let i = 0; i < 100; i++) await settled();
        assert.ok(made < 10_000, `${made} messages were made for one that was read`);
        await messages.return?.();
      },
    },
    {
      property: "streams",
      name: "the deadline ends a stream",
      async run() {
        await using sample = await serveStreams(harness, {
          ...handlers,
          async *count(_request, context) {
            yield { n: 1 };
            await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
          },
        });
        await assert.rejects(
          collected(sample.remote.count({ n: 0 }, { timeoutMs: 40 })),
          (error) => ServiceError.is(error) && error.code === "deadline_exceeded",
        );
      },
    },
  ];
}
