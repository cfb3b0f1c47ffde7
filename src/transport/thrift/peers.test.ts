import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { bytesOf } from "../../../test/as-every-transport.ts";
import {
  missingThriftPeer,
  thriftPeer,
  type ThriftPeer,
  type ThriftSpeech,
} from "../../../tools/servers/thrift-peer.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service } from "../../contract/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { thriftClient, thriftServer, thriftText, type ThriftClientOptions } from "./index.ts";

const twoZeroes = error("two_zeroes", {
  code: "invalid_argument",
  message: "two zeroes",
  details: z.object({ n: z.int() }),
});
const everything = z.object({
  text: z.string(),
  yes: z.boolean(),
  no: z.boolean(),
  number: z.number(),
  bools: z.array(z.boolean()),
  counts: z.record(z.string(), z.int()),
  inner: z.object({ n: z.int() }),
  any: z.unknown(),
  many: z.array(z.int()),
  absent: z.string().optional(),
});
const peer = service("peer", {
  sum: method({
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    errors: [twoZeroes],
  }),
  echo: method({ request: everything, response: everything }),
  note: oneWay({ request: z.object({ text: z.string() }) }),
  noted: method({ request: z.object({}), response: z.object({ texts: z.array(z.string()) }) }),
});

const value: z.infer<typeof everything> = {
  text: 'ä漢😀\n\u0000"',
  yes: true,
  no: false,
  number: -0.5,
  bools: [true, false, true],
  counts: { a: 1, b: -2 },
  inner: { n: 300 },
  any: { x: [1, null] },
  many: Array.from({ length: 40 }, (_, i) => i - 20),
};

const missing = missingThriftPeer();
const ways: readonly (readonly [string, ThriftSpeech, ThriftClientOptions])[] = [
  ...(["binary", "compact", "json"] as const).flatMap((protocol) => [
    [`${protocol} framed`, { protocol, transport: "framed" }, { protocol, headers: false }] as const,
    [`${protocol} buffered`, { protocol, transport: "buffered" }, { protocol, framed: false }] as const,
  ]),
  ["header", { protocol: "header", transport: "header" }, {}],
];

describe("Apache's library for Python", bytesOf("thrift header", "thrift binary", "thrift compact"), () => {
  let python: ThriftPeer;
  beforeAll(() => {
    if (missing === undefined) python = thriftPeer(thriftText(peer));
  });
  afterAll(() => python?.[Symbol.dispose]());

  it.for(ways)("calls our server: %s", async ([, speech], test) => {
    if (missing !== undefined) test.skip(missing);
    const notes: string[] = [];
    const impl = peer.implement({
      sum({ a, b }) {
        if (a === -1) throw new Error("hunter2");
        return a === 0 && b === 0 ? twoZeroes({ n: 7 }) : { v: a + b };
      },
      echo: (request) => request,
      note: ({ text }) => void notes.push(text),
      noted: () => ({ texts: notes }),
    });
    const running = await serve(impl, {
      on: [thriftServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const said = await python.call(speech, running.addresses[0]!);
    await running.stop();
    const { absent: _absent, any, inner, ...plain } = { absent: null, ...value };
    expect(said).toEqual([
      2 ** 53 - 1,
      -3,
      ["invalid_argument", "two_zeroes", "two zeroes", '{"n":7}'],
      [6, "internal error"],
      { ...plain, absent: null, any: JSON.stringify(any), inner: inner.n },
      ["told"],
      [1, "there is no such method"],
    ]);
  });

  it.for(ways)("is called by our client: %s", async ([, speech, options], test) => {
    if (missing !== undefined) test.skip(missing);
    using server = await python.serve(speech);
    await using remote = client(peer, thriftClient({ connectTimeoutMs: 60_000, ...options }), {
      from: server.address,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect(await remote.sum({ a: 2 ** 53 - 2, b: 1 })).toEqual({ v: 2 ** 53 - 1 });
    expect(await remote.sum({ a: -5, b: 2 })).toEqual({ v: -3 });
    const zeroes = await remote.sum.try({ a: 0, b: 0 });
    expect(zeroes.ok ? undefined : [zeroes.error.reason, zeroes.error.details]).toEqual(["two_zeroes", { n: 7 }]);
    const failure = await remote.sum({ a: -1, b: 0 }).catch((thrown: unknown) => thrown);
    expect(ServiceError.is(failure) && [failure.code, failure.origin]).toEqual(["internal", "peer"]);
    expect(await remote.echo(value)).toEqual(value);
    const texts = await Promise.all(Array.from({ length: 50 }, (_, i) => remote.sum({ a: i, b: 1 })));
    expect(texts.map(({ v }) => v)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    await remote.note({ text: "told" });
    let notes: readonly string[] = [];
    // Another connection may be asked before the one that told.
    while (notes.length === 0) notes = (await remote.noted({})).texts;
    expect(notes).toEqual(["told"]);
  });
});
