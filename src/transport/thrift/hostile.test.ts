import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { closed, passing } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { method, service } from "../../contract/index.ts";
import { ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { limitsOf } from "../limits.ts";
import { contractWire } from "./contract-wire.ts";
import { thriftClient, thriftServer, type ThriftServerOptions } from "./index.ts";
import { readerOf } from "./protocol.ts";
import { scannerOf } from "./scanners.ts";
import { Splitter, type Incoming } from "./splitter.ts";

const tree: z.ZodType<{ kids: unknown[] }> = z.lazy(() => z.object({ kids: z.array(tree) }));
const sample = service("sample", {
  grow: method({ request: tree as never, response: z.object({ n: z.int() }) }),
  echo: method({ request: z.object({ text: z.string() }), response: z.object({ text: z.string() }) }),
});
const impl = sample.implement({ grow: () => ({ n: 1 }), echo: (request: { text: string }) => request } as never);

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

/** A call of `echo`, head and argument, up to where its text would begin. */
const BINARY = "80010001 00000004 6563686f 00000001 0c0001";
const COMPACT = "8221 01 04 6563686f 1c";

const repeated = (text: string, times: number): string => text.repeat(times);

const BAD: readonly (readonly [string, string])[] = [
  ["a string beyond the end", `${BINARY} 0b0001 000fffff 41`],
  ["a string of negative size", `${BINARY} 0b0001 ffffffff`],
  ["a string of 2^31-1", `${BINARY} 0b0001 7fffffff`],
  ["a list of 2^31-1 structs", `${BINARY} 0f0001 0c 7fffffff`],
  ["a list of negative size", `${BINARY} 0f0001 0c ffffffff`],
  ["a list of 10^9 voids", `${BINARY} 0f0009 01 3b9aca00 0000`],
  ["a list of 10^9 stops", `${BINARY} 0f0009 00 3b9aca00 0000`],
  ["a map of 10^9 voids", `${BINARY} 0d0009 0101 3b9aca00 0000`],
  ["a set of 10^9 bools", `${BINARY} 0e0009 02 3b9aca00 0000`],
  ["a type that does not exist", `${BINARY} 630001 0000`],
  ["deep nesting of what is not known", `${BINARY} ${repeated("0c0009", 100_000)}`],
  ["deep nesting of lists", `${BINARY} 0f0009 ${repeated("0f00000001", 100_000)}`],
  ["a name of 2^31-1", "80010001 7fffffff 41"],
  ["a version that does not exist", "80ff0001 00000004 6563686f 00000001"],
  ["compact: a varint without end", `${COMPACT} 18 ${repeated("ff", 20)}`],
  ["compact: a string beyond the end", `${COMPACT} 18 ff7f 41`],
  ["compact: a string of 2^32-1", `${COMPACT} 18 ffffffff0f`],
  ["compact: a list of 2^31-1", `${COMPACT} 99 fc ffffffff07`],
  ["compact: a map of 10^9", `${COMPACT} 9b 8094ebdc03 cc`],
  ["compact: 10^9 bools", `${COMPACT} 9a f1 8094ebdc03`],
  ["compact: deep nesting", `${COMPACT} ${repeated("9c", 100_000)}`],
  ["compact: a type that does not exist", `${COMPACT} 9f 00`],
  ["compact: an i64 of eleven bytes", `${COMPACT} 96 ${repeated("80", 10)}01 00`],
  [
    "json: deep nesting",
    Buffer.from(`[1,"echo",1,1,{"1":{"rec":{"9":{"lst":${'["lst",1,'.repeat(50_000)}`).toString("hex"),
  ],
  [
    "json: a list of 10^9",
    Buffer.from('[1,"grow",1,1,{"1":{"rec":{"1":{"lst":["rec",1000000000]}}}}]').toString("hex"),
  ],
  ["json: no JSON", Buffer.from('[1,"echo",1,1,}').toString("hex")],
  [
    "json: not UTF-8",
    `${Buffer.from('[1,"echo",1,1,{"1":{"rec":{"1":{"str":"').toString("hex")}ff${Buffer.from('"}}}}]').toString("hex")}`,
  ],
];

/** What became of bytes: read as far as a server reads them. */
function readAll(bytes: Buffer): readonly (ServiceError | undefined)[] {
  const limits = limitsOf();
  const wires = contractWire(sample, { foreign: [], codec: undefined, limits });
  const said: (ServiceError | undefined)[] = [];
  const guarded = (run: () => void): void => {
    try {
      run();
      said.push(undefined);
    } catch (thrown) {
      // Anything else is a fault of ours, and fails the test.
      if (!ServiceError.is(thrown)) throw thrown;
      said.push(thrown);
    }
  };
  const take = (incoming: Incoming): void =>
    guarded(() => {
      if (incoming.error !== undefined) throw incoming.error;
      const reader = readerOf(incoming.protocol, incoming.body, limits.maxDepth);
      const { fname } = reader.readMessageBegin();
      wires.get(fname)?.readRequest(reader);
    });
  guarded(() => {
    const splitter = new Splitter(limits, { framings: ["headers", "framed", "unframed"], protocol: undefined }, take);
    splitter.push(bytes);
    if (splitter.isPartial) said.push(undefined);
  });
  return said;
}

/** The least time of the processor's that something takes, in milliseconds: others may be at work here. */
function leastMs(run: () => void): number {
  const tries = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...tries);
}

describe("hostile messages", () => {
  it.each(BAD)("is refused at once, framed: %s", (_name, text) => {
    const body = hex(text);
    const frame = Buffer.concat([Buffer.alloc(4), body]);
    frame.writeInt32BE(body.length);
    const heap = process.memoryUsage().heapUsed;
    let said: ReturnType<typeof readAll> = [];
    expect(leastMs(() => (said = readAll(frame)))).toBeLessThan(100);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(20 * 1024 * 1024);
    expect(said.some((error) => error !== undefined && /^(malformed_message|too_large)$/.test(error.reason))).toBe(
      true,
    );
  });

  it.each(BAD)("is refused or waited for within bounds, unframed: %s", (_name, text) => {
    const heap = process.memoryUsage().heapUsed;
    const bytes = hex(text);
    expect(leastMs(() => readAll(bytes))).toBeLessThan(100);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(20 * 1024 * 1024);
  });

  it("finds the end of a message that comes byte by byte, in time that grows as it does", () => {
    const text = Buffer.concat([
      hex(`${BINARY} 0b0001 00000002 6869`),
      hex(repeated("020009 01", 100_000)),
      hex("00 00"),
    ]);
    const bounded = scannerOf("binary", { maxBytes: 1_000_000, maxDepth: 64 });
    const began = process.cpuUsage();
    let early = 0;
    for (let end = 1; end < text.length; end++) if (bounded.scan(text, end) !== undefined) early++;
    expect(early).toBe(0);
    expect(bounded.scan(text, text.length)).toBe(text.length);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(2000);
  });
});

async function served(options: Partial<ThriftServerOptions>) {
  const running = await serve(impl, {
    on: [thriftServer({ port: 0, host: "127.0.0.1", ...options })],
    log: false,
    signals: false,
  });
  const from = running.addresses[0]!;
  return { running, from, open: (): Socket => connect(Number(from.split(":")[1]), "127.0.0.1") };
}

describe("hostile peers", () => {
  it.each([
    ["an unframed message that does not end", `${BINARY} 0b0001 00000010 41`],
    ["a frame that does not end", "00001000 80010001"],
    ["half the length of a frame", "0000"],
  ])("are closed when a message takes too long: %s", async (_name, text) => {
    const { running, from, open } = await served({ requestTimeoutMs: 50 });
    const socket = open();
    socket.resume();
    socket.write(hex(text));
    await closed(socket);
    await using remote = client(sample, thriftClient({ connectTimeoutMs: 60_000 }), { from });
    expect(await remote.echo({ text: "x" } as never)).toEqual({ text: "x" });
    await running.stop();
  });

  it.each(["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "ÿÿÿÿÿÿÿÿ"])(
    "are closed when they speak something else: %j",
    async (text) => {
      const { running, open } = await served({});
      const socket = open();
      socket.resume();
      socket.write(Buffer.from(text, "latin1"));
      await closed(socket);
      await running.stop();
    },
  );

  it("are told that a message is too large, by its number, and the bytes are not waited for", async () => {
    const { running, open } = await served({ limits: { maxBodyBytes: 1000 } });
    const socket = open();
    socket.write(Buffer.concat([hex("10000000"), hex(BINARY), Buffer.alloc(20_000)]));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.subarray(4, 20).toString("hex")).toBe(hex("80010003 00000004 6563686f 00000001").toString("hex"));
    expect(answer.toString("latin1")).toContain("too_large");
    socket.resume();
    await closed(socket);
    await running.stop();
  });

  it("may not have more calls at once on a connection than there may be", async () => {
    let running = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const slow = sample.implement({
      grow: () => ({ n: 1 }),
      async echo(request: { text: string }) {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => finish.push(resolve));
        running--;
        return request;
      },
    } as never);
    const server = await serve(slow, {
      on: [thriftServer({ port: 0, host: "127.0.0.1", maxCalls: 4 })],
      log: false,
      signals: false,
    });
    await using remote = client(sample, thriftClient({ connectTimeoutMs: 60_000 }), {
      from: server.addresses,
      timeoutMs: 60_000,
    });
    const text = "x".repeat(60_000);
    const calls = Array.from({ length: 20 }, () => remote.echo({ text } as never));
    let answered = 0;
    for (const call of calls) void call.then(() => answered++);
    while (answered < 20) {
      for (const one of finish.splice(0)) one();
      await passing(5);
    }
    // What came with the last chunk is taken too.
    expect(most).toBeLessThanOrEqual(8);
    await server.stop();
  });

  it("that do not read are cut off", async () => {
    const { running, open } = await served({ writeTimeoutMs: 100 });
    const socket = open();
    socket.pause();
    const one = Buffer.concat([hex(`${BINARY} 0b0001 00010000`), Buffer.alloc(65_536, 0x41), hex("00 00")]);
    socket.on("error", () => undefined);
    for (let i = 0; i < 200; i++) socket.write(one);
    await closed(socket);
    await running.stop();
  });
});
