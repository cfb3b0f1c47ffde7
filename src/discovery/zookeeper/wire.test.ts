// The wire without a server: what is written is read again, and what is not ZooKeeper's is an error and nothing worse.
import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { until } from "../../../test/until.ts";
import { ServiceError } from "../../errors/index.ts";
import { virtualClock } from "../../testing/index.ts";
import { seededRandom } from "../../time/index.ts";
import type { SourceEvent } from "../index.ts";
import { Frames } from "./frames.ts";
import { zookeeper, type ZookeeperOptions } from "./index.ts";
import { JuteReader, JuteWriter } from "./jute.ts";

describe("jute", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.string({ unit: "grapheme" }),
        fc.uint8Array({ maxLength: 2000 }),
        fc.boolean(),
        (long, int, text, bytes, bool) => {
          const frame = new JuteWriter().long(BigInt(long)).int(int).string(text).buffer(bytes).bool(bool).frame();
          const reader = new JuteReader(frame.subarray(4));
          expect(frame.readInt32BE(0)).toBe(frame.length - 4);
          expect([reader.long(), reader.int(), reader.string()]).toEqual([BigInt(long), int, text]);
          expect([...reader.buffer()]).toEqual([...bytes]);
          expect([reader.bool(), reader.left]).toEqual([bool, 0]);
        },
      ),
    );
  });

  it("never reads behind the end, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom("long", "buffer", "string", "strings", "bool"),
        (bytes, what) => {
          const reader = new JuteReader(Buffer.from(bytes));
          try {
            for (let i = 0; i < 20; i++) reader[what]();
            expect.unreachable("there is an end");
          } catch (error) {
            expect(ServiceError.is(error) && error.reason).toBe("malformed_message");
          }
        },
      ),
    );
    const many = new JuteReader(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    expect(() => many.strings()).toThrow("a list of 2147483647");
    expect(new JuteReader(Buffer.from([255, 255, 255, 255])).buffer()).toHaveLength(0);
  });

  it("cuts frames however the bytes come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (contents, sizes) => {
          const bytes = Buffer.concat(contents.map((content) => new JuteWriter().buffer(content).frame().subarray(4)));
          const found: number[][] = [];
          const frames = new Frames(50, (content) => void found.push([...content]));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const end = at + sizes[i % sizes.length]!;
            frames.push(bytes.subarray(at, end));
            at = end;
          }
          expect(found).toEqual(contents.map((content) => [...content]));
        },
      ),
    );
  });

  it("refuses a frame that is larger than allowed before it has come", () => {
    const frames = new Frames(1000, () => expect.unreachable());
    expect(() => frames.push(Buffer.from([0, 0, 3, 233]))).toThrow(
      "a message of 1001 bytes is larger than maxMessageBytes (1000)",
    );
    expect(() => new Frames(1000, () => {}).push(Buffer.from([255, 0, 0, 0]))).toThrow("a message of -16777216 bytes");
  });
});

/** A server that does as it likes with each socket. */
async function strangeServer(work: (socket: Socket) => void) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    work(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    servers: `127.0.0.1:${(server.address() as { port: number }).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const greeting = (timeoutMs = 3000): Buffer =>
  new JuteWriter().int(0).int(timeoutMs).long(77n).buffer(Buffer.alloc(16)).bool(false).frame();

/** The error that a source tells of such a server. */
async function told(servers: string, options: ZookeeperOptions = {}): Promise<string> {
  const events: SourceEvent[] = [];
  const source = zookeeper("add", {
    servers,
    // A machine that stalls is no server that does not answer.
    connectTimeoutMs: 60_000,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const joined = source.subscribe(() => {});
  await until(() => events.some(({ kind }) => kind === "lost"));
  joined.cancel();
  return (events.find(({ kind }) => kind === "lost") as { error: Error }).error.message;
}

describe("a server that is none", () => {
  it.each<[string, Buffer | string, string]>([
    ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "is larger than maxMessageBytes"],
    ["a negative length", Buffer.from([255, 255, 255, 0]), "a message of -256 bytes"],
    ["a greeting cut short", Buffer.from([0, 0, 0, 2, 0, 0]), "ends too early"],
    ["two greetings", Buffer.concat([greeting(), greeting()]), "nobody waits for"],
    ["a session of a month", greeting(2 ** 31 - 1), "a session of 2147483647 ms"],
    ["no session", greeting(0), "gives no session"],
    [
      "an answer to nothing",
      Buffer.concat([greeting(), new JuteWriter().int(99).long(0n).int(0).frame()]),
      "nobody waits for",
    ],
  ])("is an error of the connection: %s", async (_, bytes, message) => {
    await using server = await strangeServer((socket) => socket.write(bytes));
    expect(await told(server.servers)).toContain(message);
  });

  it("is an error when it accepts and says nothing, and when nobody is there", async () => {
    await using silent = await strangeServer(() => {});
    expect(await told(silent.servers, { connectTimeoutMs: 300 })).toContain("no answer within 300 ms");
    await using closing = await strangeServer((socket) => socket.destroy());
    expect(await told(closing.servers)).toContain("accepted the connection and closed it");
    expect(await told("127.0.0.1:1")).toContain("ECONNREFUSED");
    expect(await told("127.0.0.1:1,127.0.0.1:2")).toMatch(
      /no server of zookeeper can be reached: .*127.0.0.1:[12] .*; .*127.0.0.1:[12]$/,
    );
  });

  it("is left when it takes a session and then says nothing, within two thirds of its time", async () => {
    await using server = await strangeServer((socket) => void socket.once("data", () => socket.write(greeting(900))));
    expect(await told(server.servers)).toContain("said nothing for 300 ms");
  });

  it("is not asked in a circle when it takes sessions and drops them", async () => {
    await using server = await strangeServer((socket) => void socket.once("data", () => socket.end(greeting())));
    const events: SourceEvent[] = [];
    const clock = virtualClock();
    const options = { servers: server.servers, clock, random: seededRandom(1) };
    const source = zookeeper("add", { ...options, onEvent: (event) => void events.push(event) });
    const joined = source.subscribe(() => {});
    while (events.filter(({ kind }) => kind === "retry").length < 4) await clock.advance(2);
    joined.cancel();
    expect(server.connections).toBeLessThan(12);
  });

  it("survives any bytes at all", async () => {
    let bytes: Uint8Array = new Uint8Array();
    await using server = await strangeServer(
      (socket) => void socket.once("data", () => socket.end(Buffer.concat([greeting(), bytes]))),
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (some) => {
        bytes = some;
        expect(await told(server.servers)).not.toBe("");
      }),
      { numRuns: 30 },
    );
  });
});

/** Greets each client, notes what it has seen before, and says of every node that there is none, as of change 99. */
function emptyServer(seen: bigint[], timeoutMs: number): (socket: Socket) => void {
  return (socket) => {
    let isGreeted = false;
    const frames = new Frames(1000, (content) => {
      const from = new JuteReader(content);
      const first = from.int();
      if (isGreeted) return void socket.write(new JuteWriter().int(first).long(99n).int(-101).frame());
      isGreeted = true;
      seen.push(from.long());
      socket.write(greeting(timeoutMs));
    });
    socket.on("data", (chunk: Buffer) => frames.push(chunk));
  };
}

describe("a connection", () => {
  // What it had seen was kept, and an ensemble made anew meanwhile turned it away.
  it("that was let go of begins anew, as if nothing had been seen", async () => {
    const seen: bigint[] = [];
    await using server = await strangeServer(emptyServer(seen, 3000));
    const source = zookeeper("add", { servers: server.servers, connectTimeoutMs: 60_000, allowEmpty: true });
    for (let round = 0; round < 2; round++) {
      const joined = source.subscribe(() => {});
      await until(() => source.listing.state === "fresh");
      joined.cancel();
    }
    expect(seen).toEqual([0n, 0n]);
  });

  // It was broken off every 60 s, and the list called stale.
  it("whose heart-beats are minutes apart is not silent meanwhile", async () => {
    await using server = await strangeServer(emptyServer([], 600_000));
    const clock = virtualClock();
    const events: string[] = [];
    const source = zookeeper("add", {
      servers: server.servers,
      sessionTimeoutMs: 600_000,
      clock,
      allowEmpty: true,
      onEvent: ({ kind }) => void events.push(kind),
    });
    const joined = source.subscribe(() => {});
    await until(() => source.listing.state === "fresh");
    await clock.advance(150_000);
    expect([source.listing.state, events.includes("lost")]).toEqual(["fresh", false]);
    joined.cancel();
  });
});
