/**
 * What our own client sees of the service of the interop tests.
 *
 * @module
 */
import { close, client } from "../../../client/index.ts";
import type { Carrier } from "../../../endpoint/index.ts";
import { ServiceError } from "../../../errors/index.ts";
import { systemClock } from "../../../time/index.ts";
import { proto } from "../../protobuf/index.ts";
import { Add } from "../../protobuf/testdata/gen/add_pb.ts";
import { Orders } from "../../protobuf/testdata/gen/order_pb.ts";
import { grpcClient } from "../index.ts";
import { statusBytes, type Failure, type Said } from "./interop.ts";

/** What our client makes of an error. */
export interface OurFailure extends Failure {
  readonly error: ServiceError;
}

/** What it saw; its failures with the errors themselves. */
export interface OurSaid extends Said {
  readonly error: OurFailure;
  readonly unknown: OurFailure;
}

const ECHOED = ["x-echo", "x-echo-bin"];
const TRAILING = ["x-trailing", "x-trailing-bin"];

const nameOf = (code: string): string => (code === "canceled" ? "CANCELLED" : code.toUpperCase());

async function drained(stream: AsyncIterable<{ readonly v: bigint }>): Promise<number[]> {
  const got: number[] = [];
  for await (const { v } of stream) got.push(Number(v));
  return got;
}

async function* numbers(from: number, to: number): AsyncGenerator<{ readonly a: bigint }> {
  for (let a = from; a <= to; a++) yield { a: BigInt(a) };
}

/** Calls what is served at a port of this machine. */
export async function ourCalls(port: number): Promise<OurSaid> {
  let [initial, trailing]: [Record<string, string>, Record<string, string>] = [{}, {}];
  const read = (carrier: Carrier, names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, carrier.get(name) ?? ""]));
  const transport = grpcClient({
    limits: { maxBodyBytes: 1_048_576 },
    after: [
      (_, { headers, trailers }) => {
        [initial, trailing] = [read(headers, ECHOED), read(trailers, TRAILING)];
      },
    ],
  });
  const options = { from: `127.0.0.1:${port}`, timeoutMs: 60_000, breaker: false, retry: false } as const;
  const remote = client(proto(Add), transport, options);
  const packing = client(proto(Add), grpcClient({ compress: true }), options);
  const orders = client(proto(Orders), transport, options);
  async function failure(call: Promise<unknown>): Promise<OurFailure> {
    try {
      await call;
    } catch (error) {
      if (ServiceError.is(error)) return { code: nameOf(error.code), message: error.message, trailing, error };
      throw error;
    }
    throw new Error("it should have failed");
  }
  const waiting = { "x-wait-ms": "30000" };
  try {
    const echoed = await remote.sum({ a: 1n, b: 2n }, { metadata: { "x-echo": "hello", "X-Echo-Bin": "AAH+" } });
    const metadata = { v: Number(echoed.v), initial, trailing };
    const details = Buffer.from(statusBytes(9)).toString("base64");
    const begin = systemClock.now();
    const deadline = await failure(remote.sum({ a: 1n }, { timeoutMs: 1000, metadata: waiting }));
    const deadlineMs = systemClock.now() - begin;
    const control = new AbortController();
    systemClock.after(1000, () => control.abort());
    const cancel = await failure(remote.sum({ a: 1n }, { signal: control.signal, metadata: waiting }));
    const text = "x".repeat(300_000);
    let first = 0;
    for await (const { v } of remote.count({ a: 1_000_000n })) {
      first = Number(v);
      break;
    }
    return {
      sum: String((await remote.sum({ a: 2n ** 62n, b: -1n })).v),
      metadata,
      error: await failure(remote.sum({ a: 1n }, { metadata: { "x-fail": "9", "x-details-bin": details } })),
      unknown: await failure(orders.ping({})),
      deadline,
      deadlineMs,
      cancel: cancel.code,
      remaining: Number((await remote.concat({ a: "remaining?" })).v),
      gzip: (await packing.concat({ a: text, b: text })).v.length,
      tooLarge: (await failure(remote.concat({ a: "y".repeat(2 << 20) }))).code,
      count: await drained(remote.count({ a: 5n })),
      many: (await drained(remote.count({ a: 2000n }))).length,
      first,
      total: Number((await remote.total(numbers(1, 100))).v),
      running: await drained(remote.running(numbers(1, 3))),
      streamError: await failure(drained(remote.count({ a: 3n }, { metadata: { "x-fail": "5" } }))),
      canceled: Number((await remote.concat({ a: "canceled?" })).v),
    };
  } finally {
    for (const one of [remote, packing, orders]) await close(one);
  }
}
