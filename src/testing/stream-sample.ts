/**
 * What cases about streams have in common: handlers, sources, and each kind called the same way.
 *
 * @module
 */
import type { CallOptions, Client, Handlers } from "../contract/index.ts";
import type { Context, Kind } from "../endpoint/index.ts";
import type { Count, StreamMethods, Text } from "./sample.ts";

/** The kinds that stream. */
export const KINDS: readonly Exclude<Kind, "unary">[] = ["server", "client", "bidi"];

/** Numbers from 1. */
export async function* upTo(n: number): AsyncGenerator<Count> {
  for (let i = 1; i <= n; i++) yield { n: await Promise.resolve(i) };
}

/** Texts of numbers from 1. */
export async function* textsTo(n: number): AsyncGenerator<Text> {
  for (let i = 1; i <= n; i++) yield { text: await Promise.resolve(`${i}`) };
}

/** Counts, adds up, and says it louder. */
export const plain: Handlers<StreamMethods> = {
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

/** All messages of a stream. */
export async function collected<T>(messages: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** Calls the method of one kind with three messages where many go; resolves with all answers. */
export function callKind(
  remote: Client<StreamMethods>,
  kind: Exclude<Kind, "unary">,
  options: CallOptions = {},
): Promise<readonly unknown[]> {
  if (kind === "server") return collected(remote.count({ n: 3 }, options));
  if (kind === "client") return remote.total(upTo(3), options).then((answer) => [answer]);
  return collected(remote.chat(textsTo(3), options));
}

/** Handlers that all do the same with their context first. */
export function watching(look: (context: Context, kind: Kind) => void): Handlers<StreamMethods> {
  return {
    count: (request, context) => (look(context, "server"), plain.count(request, context)),
    total: (requests, context) => (look(context, "client"), plain.total(requests, context)),
    chat: (requests, context) => (look(context, "bidi"), plain.chat(requests, context)),
  };
}

/** Handlers that answer nothing until they are called off. */
export function waiting(begun: (context: Context) => void): Handlers<StreamMethods> {
  const off = (context: Context): Promise<void> => new Promise((resolve) => void context.onCancel(() => resolve()));
  async function* silent(context: Context): AsyncGenerator<never> {
    begun(context);
    await off(context);
    yield* [];
  }
  return {
    count: (_request, context) => silent(context),
    async total(_requests, context) {
      begun(context);
      await off(context);
      return { n: 0 };
    },
    chat: (_requests, context) => silent(context),
  };
}

/** Messages that go on until somebody stops them: one, and then silence. */
export async function* endless<T>(first: T, stop: Promise<unknown>): AsyncGenerator<T> {
  yield first;
  await stop;
}
