/**
 * Cases about how streams end: early, half way, by an error, by being called off, by a server that stops.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ServiceError } from "../errors/index.ts";
import { failureOf } from "./call-cases.ts";
import { seen, serveStreams, type Count } from "./sample.ts";
import { hearing } from "./stream-flow-cases.ts";
import { collected, endless, KINDS, plain, upTo, waiting } from "./stream-sample.ts";
import { settled } from "./virtual-clock.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about the ends of streams. */
export function streamEndCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "streams/left",
      property: "streams",
      name: "ending early ends the handler, and nothing runs on",
      async run() {
        const ended = seen<number>();
        await using sample = await serveStreams(harness, {
          ...plain,
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
        assert.ok((await ended.promise) < 1_000_000);
      },
    },
    {
      id: "streams/error-middle",
      property: "streams",
      name: "an error in the middle arrives after the messages before it",
      async run() {
        await using sample = await serveStreams(harness, {
          ...plain,
          async *count() {
            yield { n: 1 };
            await Promise.resolve();
            throw new ServiceError("no more", { code: "out_of_range" });
          },
        });
        const got: number[] = [];
        const read = async (): Promise<void> => {
          for await (const { n } of sample.remote.count({ n: 0 })) got.push(n);
        };
        assert.equal((await failureOf(read())).code, "out_of_range");
        assert.deepEqual(got, [1]);
      },
    },
    {
      id: "streams/error-first",
      property: "streams",
      name: "an error before the first message arrives whole, in each kind, and one nobody declared without its text",
      async run() {
        const failure = new ServiceError("the disk is full", {
          code: "unavailable",
          reason: "disk_full",
          details: { free: 0 },
          retryAfterMs: 2000,
        });
        let thrown: unknown = failure;
        // oxlint-disable-next-line require-yield -- it fails before it has anything to say
        async function* fail(): AsyncGenerator<never> {
          await Promise.resolve();
          throw thrown;
        }
        await using sample = await serveStreams(harness, {
          count: fail,
          async total() {
            await Promise.resolve();
            throw thrown;
          },
          chat: fail,
        });
        const calls = [
          () => collected(sample.remote.count({ n: 1 })),
          () => sample.remote.total(upTo(1)),
          () => collected(sample.remote.chat(endless({ text: "a" }, Promise.resolve()))),
        ];
        for (const call of calls) {
          const { code, reason, message, details, retryAfterMs, origin } = await failureOf(call());
          assert.deepEqual(
            { code, reason, message, details, retryAfterMs, origin },
            {
              code: "unavailable",
              reason: "disk_full",
              message: "the disk is full",
              details: { free: 0 },
              retryAfterMs: 2000,
              origin: "peer",
            },
          );
        }
        thrown = new Error("hunter2");
        for (const call of calls) {
          const error = await failureOf(call());
          assert.equal(error.code, "internal");
          assert.ok(!error.message.includes("hunter2"));
        }
      },
    },
    {
      id: "streams/caller-fails",
      property: "streams",
      name: "a source that fails half way fails the call with that, and the handler hears that there is no end",
      async run() {
        const heard = seen<unknown>();
        const begun = seen<void>();
        await using sample = await serveStreams(harness, {
          ...plain,
          async total(numbers) {
            try {
              for await (const _number of numbers) begun.resolve();
              heard.resolve("end");
            } catch (error) {
              heard.resolve(error);
            }
            return { n: 0 };
          },
        });
        const broken = new Error("the file is gone");
        async function* half(): AsyncGenerator<Count> {
          yield { n: 1 };
          await begun.promise;
          throw broken;
        }
        const error = await failureOf(sample.remote.total(half()));
        assert.ok(error.cause === broken, "its cause is what the source threw");
        assert.ok(ServiceError.is(await heard.promise), "the handler should not take it for the end");
      },
    },
    {
      id: "streams/answered-early",
      property: "streams",
      name: "an answer before the last request ends the call, and the source is let go",
      async run() {
        const left = seen<void>();
        const silence = seen<void>();
        await using sample = await serveStreams(harness, {
          ...plain,
          async total(numbers) {
            for await (const { n } of numbers) return { n: n * 2 };
            return { n: 0 };
          },
        });
        async function* source(): AsyncGenerator<Count> {
          try {
            yield { n: 21 };
            await Promise.race([silence.promise, settled()]);
            for (let n = 0; ; n++) yield await settled().then(() => ({ n }));
          } finally {
            left.resolve();
          }
        }
        assert.deepEqual(await sample.remote.total(source()), { n: 42 });
        await left.promise;
      },
    },
    {
      id: "streams/invalid",
      property: "streams",
      name: "a message that does not fit, in the middle, is invalid_request, and the handler is told",
      async run() {
        const heard = seen<unknown>();
        await using sample = await serveStreams(harness, hearing(heard.resolve));
        async function* wrong(): AsyncGenerator<Count> {
          yield { n: 1 };
          yield { n: -1 };
          yield { n: 2 };
        }
        const error = await failureOf(sample.remote.total(wrong()));
        assert.equal(error.code, "invalid_argument");
        assert.equal(error.reason, "invalid_request");
        assert.ok(ServiceError.is(await heard.promise));
        assert.deepEqual(await sample.remote.total(upTo(2)), { n: 3 });
      },
    },
    ...KINDS.map((kind): Case => ({
      id: `streams/cancel-${kind}`,
      property: "streams",
      name: `the caller's signal ends a stream in the middle on both sides: ${kind}`,
      async run() {
        const begun = seen<void>();
        const off = seen<string>();
        const stop = seen<void>();
        await using sample = await serveStreams(
          harness,
          waiting((context) => {
            context.onCancel(({ reason }) => off.resolve(reason));
            begun.resolve();
          }),
        );
        const controller = new AbortController();
        const options = { signal: controller.signal };
        const { remote } = sample;
        const call = failureOf(
          kind === "server"
            ? collected(remote.count({ n: 1 }, options))
            : kind === "client"
              ? remote.total(endless({ n: 1 }, stop.promise), options)
              : collected(remote.chat(endless({ text: "a" }, stop.promise), options)),
        );
        await begun.promise;
        controller.abort();
        assert.equal((await call).code, "canceled");
        assert.equal(await off.promise, "canceled");
        stop.resolve();
      },
    })),
    {
      id: "streams/drain",
      property: "streams",
      name: "a drain lets an open stream finish, or tells it to end; then it ends itself",
      async run() {
        const told = seen<"told">();
        const finish = seen<"finish">();
        await using sample = await serveStreams(harness, {
          ...plain,
          async *count(_request, context) {
            context.onCancel(() => told.resolve("told"));
            yield { n: 1 };
            await Promise.race([told.promise, finish.promise]);
            yield { n: 2 };
          },
        });
        const messages = sample.remote.count({ n: 0 })[Symbol.asyncIterator]();
        assert.deepEqual(await messages.next(), { done: false, value: { n: 1 } });
        const drained = sample.connected.drain();
        for (let i = 0; i < 20; i++) await settled();
        finish.resolve("finish");
        const rest = await messages.next().then(
          ({ value }) => value as Count | undefined,
          (error: unknown) => (ServiceError.is(error) ? error.code : error),
        );
        assert.ok(rest === "unavailable" || (rest as Count | undefined)?.n === 2, `ended with ${JSON.stringify(rest)}`);
        if (rest !== "unavailable") assert.equal((await messages.next()).done, true);
        await drained;
      },
    },
  ];
}
