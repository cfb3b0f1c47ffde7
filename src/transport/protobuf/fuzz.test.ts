// Mutated messages against both kinds of wires. A million of them: FUZZ=1000000 npx vitest run src/transport/protobuf/fuzz
import process from "node:process";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ServiceError } from "../../errors/index.ts";
import { messageTypesOf } from "../message-types.ts";
import { proto, rpcsOf, type MessageWire } from "./index.ts";
import { Orders, OrderSchema } from "./testdata/gen/order_pb.ts";
import { messageArbitrary, rich } from "./testdata/rich.ts";

const RUNS = Number(process.env["FUZZ"] ?? 100_000);
const SEED = 20_240_607;

/** A small generator of chance (xorshift): the same messages in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return function below(limit) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function mutate(seeds: readonly Uint8Array[], below: (limit: number) => number): Uint8Array {
  let bytes = Uint8Array.from(seeds[below(seeds.length)]!);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(6)) {
      case 0:
        if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << below(8);
        break;
      case 1:
        bytes = bytes.slice(0, at);
        break;
      case 2: {
        const other = seeds[below(seeds.length)]!;
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(below(other.length + 1))]);
        break;
      }
      case 3:
        // Mostly a length or a tag, now a number of another size.
        bytes = Uint8Array.from([...bytes.subarray(0, at), 0x80 | below(128), below(256), ...bytes.subarray(at + 1)]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + below(4))]);
        break;
      default:
        if (bytes.length > 0) bytes[at % bytes.length] = [0, 0x7f, 0x80, 0xff][below(4)]!;
    }
  }
  return bytes;
}

/** Reads mutated messages; how many were refused. */
function refused(wire: MessageWire, seeds: readonly Uint8Array[], check?: (value: unknown) => void): number {
  const below = chance(SEED);
  let count = 0;
  for (let i = 0; i < RUNS / 2; i++) {
    const bytes = mutate(seeds, below);
    let value: unknown;
    try {
      value = wire.read(bytes, 64);
    } catch (error) {
      if (!ServiceError.is(error) || error.reason !== "malformed_message")
        throw new Error(`run ${i}, bytes ${Buffer.from(bytes).toString("hex")}`, { cause: error });
      count++;
      continue;
    }
    check?.(value);
  }
  return count;
}

const { request: all } = messageTypesOf(rich).get("all")!;

it(`reads or refuses ${RUNS / 2} mutated messages of a contract made in TypeScript`, { timeout: 600_000 }, () => {
  const { request } = rpcsOf(rich).rpcs.get("all")!;
  const seeds = fc.sample(messageArbitrary(all), { numRuns: 200, seed: SEED }).map((value) => request.write(value));
  const names = new Set(all.fields.map(({ name }) => name));
  const count = refused(request, seeds, (value) => {
    for (const name of Object.keys(value as object)) if (!names.has(name)) throw new Error(`it has a field ${name}`);
  });
  expect(count / (RUNS / 2)).toBeGreaterThan(0.2);
  expect(count / (RUNS / 2)).toBeLessThan(0.95);
});

it(`reads or refuses ${RUNS / 2} mutated messages of a contract by proto()`, { timeout: 600_000 }, () => {
  const { request } = rpcsOf(proto(Orders)).rpcs.get("echo")!;
  const init = {
    id: "order",
    status: 1,
    note: "é",
    numbers: [1, 2, 300],
    seal: new Uint8Array([0, 255]),
    byShelf: { 3: { name: "n" } },
  };
  const seeds = [
    {},
    init,
    { ...init, payment: { case: "points" as const, value: 2n ** 60n }, items: [{ name: "x", parts: [{}] }] },
  ].map((one) => toBinary(OrderSchema, create(OrderSchema, one as never)));
  const count = refused(request, seeds);
  expect(count / (RUNS / 2)).toBeGreaterThan(0.1);
  expect(count / (RUNS / 2)).toBeLessThan(0.95);
});
