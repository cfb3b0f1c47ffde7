/**
 * Cases about how fast streams go, how long, and how large their messages may be.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Handlers } from "../contract/index.ts";
import { failureOf } from "./call-cases.ts";
import { TIMES } from "./context-cases.ts";
import { seen, serveStreams, type StreamMethods, type Text } from "./sample.ts";
import { callKind, collected, KINDS, plain, waiting } from "./stream-sample.ts";
import { settled } from "./virtual-clock.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

const LARGE: Text = { text: "x".repeat(65_536) };

/** More of the large messages than what sockets and windows hold: 64 MB. */
const TOO_MANY = 1000;

/** Cases about back-pressure, deadlines and limits of streams. */
export function streamFlowCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "streams/slow-reader",
      property: "streams",
      name: "a stream that nobody reads does not run ahead without bound",
      async run() {
        let made = 0;
        await using sample = await serveStreams(harness, {
          ...plain,
          async *chat() {
            for (;;) yield ((made++, LARGE));
          },
        });
        const silence = seen<void>();
        const messages = sample.remote.chat(silent(silence.promise))[Symbol.asyncIterator]();
        await messages.next();
        await standing(() => made, TOO_MANY);
        assert.ok(made < TOO_MANY, `${made} messages were made for one that was read`);
        await messages.return?.();
        silence.resolve();
      },
    },
    {
      id: "streams/slow-handler",
      property: "streams",
      name: "a slow handler makes the sender wait, and gets every message in the end",
      async run() {
        let made = 0;
        let read = 0;
        const go = seen<void>();
        await using sample = await serveStreams(harness, {
          ...plain,
          async *chat(messages) {
            for await (const _message of messages) {
              if (++read === 1) {
                yield { text: "one" };
                await go.promise;
              }
            }
            yield { text: `${read}` };
          },
        });
        let isEnough = false;
        async function* source(): AsyncGenerator<Text> {
          while (!isEnough && made < TOO_MANY) yield ((made++, LARGE));
        }
        const answers = sample.remote.chat(source())[Symbol.asyncIterator]();
        assert.deepEqual(await answers.next(), { done: false, value: { text: "one" } });
        await standing(() => made, TOO_MANY);
        assert.ok(made < TOO_MANY, `${made} messages were sent for one that was read`);
        isEnough = true;
        go.resolve();
        assert.deepEqual(await answers.next(), { done: false, value: { text: `${made}` } });
        assert.equal((await answers.next()).done, true);
      },
    },
    {
      id: "streams/deadline",
      property: "streams",
      name: "the deadline ends a stream of each kind, on both sides",
      async run() {
        for (const kind of KINDS) {
          const off = seen<string>();
          let isBegun = false;
          await using sample = await serveStreams(
            harness,
            waiting((context) => {
              isBegun = true;
              context.onCancel(({ reason }) => off.resolve(reason));
            }),
          );
          for (const timeoutMs of TIMES) {
            const error = await failureOf(callKind(sample.remote, kind, { timeoutMs }));
            assert.equal(error.code, "deadline_exceeded", kind);
            if (isBegun) break;
          }
          assert.match(await off.promise, /^(deadline_exceeded|canceled)$/, kind);
        }
      },
    },
    {
      id: "streams/late",
      property: "streams",
      name: "messages that came before the deadline are not lost by it",
      async run() {
        await using sample = await serveStreams(harness, {
          ...plain,
          async *count(_request, context) {
            yield { n: 1 };
            await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
          },
        });
        const got: number[] = [];
        for (const timeoutMs of TIMES) {
          const read = async (): Promise<void> => {
            for await (const { n } of sample.remote.count({ n: 0 }, { timeoutMs })) got.push(n);
          };
          assert.equal((await failureOf(read())).code, "deadline_exceeded");
          if (got.length > 0) break;
        }
        assert.deepEqual(got, [1]);
      },
    },
    {
      id: "streams/too-large",
      property: "streams",
      name: "a message over the limit ends its stream with what was wrong, and the next one is served",
      async run() {
        const heard = seen<unknown>();
        await using sample = await serveStreams(harness, hearing(heard.resolve), { limits: { maxBodyBytes: 1000 } });
        const error = await failureOf(collected(sample.remote.chat(talk({ text: "a" }, LARGE))));
        assert.equal(error.code, "resource_exhausted");
        assert.equal(error.reason, "too_large");
        await heard.promise;
        assert.deepEqual(await collected(sample.remote.chat(talk({ text: "b" }))), [{ text: "B" }]);
      },
    },
  ];
}

async function* silent(until: Promise<void>): AsyncGenerator<Text> {
  await until;
  yield* [];
}

/** These, and then the end of the stream only when nobody listens any more. */
async function* talk(...messages: readonly Text[]): AsyncGenerator<Text> {
  for (const one of messages) yield await Promise.resolve(one);
}

/** Handlers that tell how their requests ended. */
export function hearing(heard: (how: unknown) => void): Handlers<StreamMethods> {
  return {
    ...plain,
    async total(numbers) {
      let n = 0;
      try {
        for await (const one of numbers) n += one.n;
      } catch (error) {
        heard(error);
        throw error;
      }
      heard("end");
      return { n };
    },
    async *chat(messages, context) {
      try {
        yield* plain.chat(messages, context);
        heard("end");
      } catch (error) {
        heard(error);
        throw error;
      } finally {
        heard("left");
      }
    },
  };
}

/** Waits until a number stands still for some turns of the loop, or has reached `most`. */
async function standing(now: () => number, most: number): Promise<void> {
  let last = -1;
  let quiet = 0;
  while (quiet < 300 && now() < most) {
    await settled();
    quiet = now() === last ? quiet + 1 : 0;
    last = now();
  }
}
