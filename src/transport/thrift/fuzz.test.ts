import { describe, expect, it } from "vitest";
import { z } from "zod";
import { method, service } from "../../contract/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { limitsOf } from "../limits.ts";
import { contractWire } from "./contract-wire.ts";
import { Outbox } from "./outbox.ts";
import { PROTOCOLS, readerOf, type ThriftProtocol } from "./protocol.ts";
import { Splitter, type Framing, type Incoming } from "./splitter.ts";
import { MESSAGE } from "./types.ts";
import type { WireMethod } from "./wire-method.ts";

const ROUNDS = Number(process.env["FUZZ"] ?? 100_000);
const limits = limitsOf({ maxBodyBytes: 65_536 });
const gone = error("gone", { code: "not_found" });
const message = z.object({
  text: z.string(),
  flag: z.boolean(),
  n: z.int(),
  d: z.number(),
  list: z.array(z.object({ n: z.int(), text: z.string().optional() })),
  map: z.record(z.string(), z.int()),
  any: z.unknown(),
});
const fuzzed = service("fuzzed", { go: method({ request: message, response: message, errors: [gone] }) });
const wire = contractWire(fuzzed, { foreign: [], codec: undefined, limits }).get("go")!;

const value = {
  text: 'hello "ä漢😀\n',
  flag: true,
  n: -123_456_789_012,
  d: 3.25,
  list: [{ n: 1, text: "a" }, { n: 300 }, { n: -1, text: "" }],
  map: { a: 1, b: -200, c: 2 ** 50 },
  any: { x: [1, null, "y"] },
};

/** A small generator with a seed: chance that can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return function next(below) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
}

function written(framing: Framing, protocol: ThriftProtocol, method: WireMethod = wire): readonly Buffer[] {
  const outbox = new Outbox({ send: () => undefined });
  const all: Buffer[] = [];
  for (const side of ["request", "response", "error"] as const) {
    const type = side === "request" ? MESSAGE.CALL : MESSAGE.REPLY;
    const headers = ["x-a", "1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"];
    const writer = outbox.begin({ framing, protocol, name: "go", type, seqid: 5, headers });
    if (side === "request") method.writeRequest(writer, value);
    else if (side === "response") method.writeResponse(writer, value);
    else method.writeError(writer, gone());
    outbox.end();
    all.push(outbox.take());
  }
  return all;
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0x0c, 0x0f, 0x0d, 0x5b, 0x7b, 0x22, 0x5c];

function mutated(bytes: Buffer, next: (below: number) => number): Buffer {
  let made = Buffer.from(bytes);
  for (let i = next(4) + 1; i > 0; i--) {
    const at = next(made.length);
    switch (next(6)) {
      case 0:
        made[at] = made[at]! ^ (1 << next(8));
        break;
      case 1:
        made[at] = INTERESTING[next(INTERESTING.length)]!;
        break;
      case 2:
        made = made.subarray(0, Math.max(1, at));
        break;
      case 3:
        made = Buffer.concat([made.subarray(0, at), made.subarray(at + next(8))]);
        break;
      case 4:
        made = Buffer.concat([made.subarray(0, at), Buffer.from([next(256), next(256)]), made.subarray(at)]);
        break;
      default:
        if (at + 4 <= made.length) made.writeInt32BE([-1, 0x7fff_ffff, 0x1000, 0][next(4)]!, at);
    }
    if (made.length === 0) made = Buffer.from([next(256)]);
  }
  return made;
}

/** Reads what came on a connection, in two parts; throws only what is a fault of ours. */
function read(bytes: Buffer, cut: number): void {
  const take = ({ protocol, body, error: refused }: Incoming): void => {
    if (refused !== undefined) return;
    try {
      const reader = readerOf(protocol, body, limits.maxDepth);
      const { mtype } = reader.readMessageBegin();
      if (mtype === MESSAGE.CALL) wire.readRequest(reader);
      else wire.readResponse(reader);
      reader.readMessageEnd();
    } catch (thrown) {
      if (!ServiceError.is(thrown)) throw thrown;
    }
  };
  const splitter = new Splitter(limits, { framings: ["headers", "framed", "unframed"], protocol: undefined }, take);
  try {
    splitter.push(bytes.subarray(0, cut));
    splitter.push(bytes.subarray(cut));
  } catch (thrown) {
    if (!ServiceError.is(thrown)) throw thrown;
  }
}

describe.each(PROTOCOLS)("%s", (protocol) => {
  it(`refuses or reads ${ROUNDS} mutated messages, and never breaks`, { timeout: 600_000 }, () => {
    const originals = (["headers", "framed", "unframed"] as const).flatMap((framing) => written(framing, protocol));
    const next = random(20_261_121);
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = mutated(originals[i % originals.length]!, next);
      read(bytes, next(bytes.length));
    }
    expect(originals.length).toBe(9);
  });

  it("reads what it wrote", () => {
    for (const framing of ["headers", "framed", "unframed"] as const) {
      const [request, response] = written(framing, protocol);
      const got: unknown[] = [];
      const take = (incoming: Incoming): void => {
        const reader = readerOf(incoming.protocol, incoming.body, limits.maxDepth);
        const { fname, rseqid, mtype } = reader.readMessageBegin();
        expect([fname, rseqid]).toEqual(["go", 5]);
        got.push(mtype === MESSAGE.CALL ? wire.readRequest(reader) : wire.readResponse(reader));
        reader.readMessageEnd();
        expect(reader.isAtEnd).toBe(true);
      };
      const splitter = new Splitter(limits, { framings: [framing], protocol }, take);
      // Byte by byte, and both in one stream.
      for (const byte of Buffer.concat([request!, response!])) splitter.push(Buffer.from([byte]));
      expect(got).toEqual([value, value]);
    }
  });
});
