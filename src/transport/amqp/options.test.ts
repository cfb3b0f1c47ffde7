import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { client, describe as described } from "../../client/index.ts";
import { logger } from "../../log/index.ts";
import { method, oneWay, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { json } from "../index.ts";
import { limitsOf } from "../limits.ts";
import { bufferOf } from "../text.ts";
import { bodyOf } from "./body.ts";
import { brokerOf, connectSettings } from "./connect.ts";
import { amqpClient, amqpServer } from "./index.ts";
import { waitOf } from "./redeliverer.ts";
import { countOf, Headers, isOwnHeader, UNREADABLE } from "./wire.ts";

const url = "amqp://127.0.0.1:1";
const text = z.object({ text: z.string() });
const box = service("box", { say: method({ request: text, response: text }), note: oneWay({ request: text }) });

describe("options of the server", () => {
  it.each([
    [undefined, "amqpServer should be given { url }, got undefined"],
    [{}, "url should be the URL of a broker, amqp://user:password@host:5672/virtual-host"],
    [{ url: "http://a:secret@b" }, "url should be the URL of a broker, amqp://user:password@host:5672/virtual-host"],
    [{ url, prefetch: 0 }, "prefetch should be an integer from 1 to 65535, got 0"],
    [{ url, prefech: 1 }, 'amqpServer has no option "prefech"'],
    [{ url, queues: {} }, "queues should be a list, got an object"],
    [{ url, queues: [{ name: "amq.x", service: "box" }] }, "queues: name should be up to 200 visible ASCII characters"],
    [{ url, queues: [{ name: "a", service: "box", durabel: true }] }, 'queues has no option "durabel"'],
    [
      { url, queues: [{ name: "a", service: "b", bindings: [{ exchange: "e", type: "x" }] }] },
      "bindings: type should be one of",
    ],
    [{ url, heartbeatMs: 10 }, "heartbeatMs should be a number from 1000 to 3600000, got 10"],
    [{ url, reconnect: { delay: 1 } }, 'reconnect has no option "delay"'],
    [{ url, socketOptions: { recovery: true } }, "socketOptions should hold no recovery"],
    [{ url, redelivery: { maxDeliveries: 0 } }, "redelivery.maxDeliveries should be an integer from 1 to 1000, got 0"],
    [{ url, codec: {} }, "codec should be a codec, got an object"],
    [{ url, before: [1] }, "before[0] should be a function, got 1"],
    [{ url, maxClockSkewMs: -1 }, "maxClockSkewMs should be a number from 0 to 86400000, got -1"],
  ])("are checked when it is made: %j", (options, message) => {
    expect(() => amqpServer(options as never)).toThrow(message);
  });

  it.each([
    [{ queues: [{ name: "a", service: "bax" }] }, 'queue "a" is for service "bax", which is not served here'],
    [{ queues: [{ name: "a", service: "box", method: "sey" }] }, 'queue "a" is for box.sey, which is not served here'],
    [
      { queues: ["a", "a"].map((name) => ({ name, service: "box" })) },
      'queue "a" should be consumed for one service, got two',
    ],
    [{}, "amqp://127.0.0.1:1: connect ECONNREFUSED"],
  ])("fail the start where they do not fit: %j", async (options, message) => {
    const quiet = { log: false, trace: false, metrics: false, signals: false } as const;
    const echo = box.implement({ say: (request) => request, note: () => undefined });
    const started = serve(echo, { ...quiet, on: [amqpServer({ url, ...options })] });
    await expect(started).rejects.toThrow(message);
  });
});

describe("options of the client", () => {
  it.each([
    [{ route: "box" }, 'route should be a function, got "box"'],
    [{ replies: "queue" }, 'replies should be one of "direct", "exclusive", got "queue"'],
    [{ whileDown: "buffer" }, 'whileDown should be one of "fail", "wait", got "buffer"'],
    [{ maxWaiting: -1 }, "maxWaiting should be an integer from 0 to 1000000, got -1"],
    [{ url }, 'amqpClient has no option "url"'],
    [{ headers: { "x-error-code": "1" } }, 'headers should hold no name of AMQP\'s own, got "x-error-code"'],
    [{ headers: { "a b": "1" } }, "a name in headers should be up to 255 visible ASCII characters"],
    [{ headers: { a: 1 } }, "headers: a should be a text, got 1"],
  ])("are checked when it is made: %j", (options, message) => {
    expect(() => amqpClient(options as never)).toThrow(message);
  });

  it("say nothing of a password, whichever way an address is wrong", () => {
    expect(() => client(box, amqpClient(), { from: "amqp:hunter2" })).toThrow(/^from should be the URL of a broker/);
    const place = brokerOf("url", "amqps://ada:hunter2@host/v", connectSettings({ heartbeatMs: 1500 }, "client"));
    expect(place).toEqual({ url: "amqps://ada:hunter2@host/v?heartbeat=2", shown: "amqps://host/v" });
    expect(brokerOf("url", "amqp://h?heartbeat=7", connectSettings({}, "x")).url).toContain("heartbeat=7");
  });

  it("let a call fail at once where there is no broker, and say where in the cause only", async () => {
    await using remote = client(box, amqpClient(), {
      from: "amqp://ada:hunter2@127.0.0.1:1",
      breaker: false,
      retry: false,
    });
    const failure = await remote.say({ text: "" }).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({
      code: "unavailable",
      reason: "unreachable",
      message: "the peer cannot be reached",
    });
    expect(String((failure as Error).cause)).toMatch(/amqp:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/);
    expect(String((failure as Error).cause)).not.toContain("hunter2");
    await expect(remote.note({ text: "" })).rejects.toMatchObject({ reason: "unreachable" });
  });
});

describe("a client", () => {
  it("says no password of its broker: not in its description, and not in its log", async () => {
    const lines: string[] = [];
    const log = logger({ write: (text) => void lines.push(text), format: "json" });
    await using remote = client(box, amqpClient(), {
      from: "amqp://ada:hunter2@127.0.0.1:1/v",
      log,
      breaker: { consecutive: 1 },
    });
    await remote.say({ text: "" }).catch(() => undefined);
    log.flush();
    expect(lines.join()).toContain("breaker open");
    expect(lines.join()).toContain("amqp://127.0.0.1:1/v");
    expect(described(remote)).toContain("amqp amqp://127.0.0.1:1/v");
    expect(lines.join() + described(remote)).not.toContain("hunter2");
  });

  it("ends a call whose request cannot be written as any other", async () => {
    const ended: unknown[] = [];
    const codec = {
      ...json,
      writer: () => () => {
        throw new TypeError("not this one");
      },
    };
    const finalizer = [({ error }: { readonly error?: unknown }) => void ended.push(error)];
    await using remote = client(box, amqpClient({ codec, finalizer }), {
      from: url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const failure = await remote.say({ text: "" }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "internal" });
    expect(ended.length).toBe(1);
  });
});

describe("waits", () => {
  it("are never shorter than asked, at most half longer from 64 ms on, and few in all", () => {
    fc.assert(
      fc.property(fc.double({ min: 64, max: 86_400_000, noNaN: true }), (ms) => {
        expect(waitOf(ms)).toBeGreaterThanOrEqual(ms);
        expect(waitOf(ms)).toBeLessThanOrEqual(ms * 1.5);
      }),
    );
    expect(new Set(Array.from({ length: 86_400 }, (_, i) => waitOf(i * 1000))).size).toBeLessThan(40);
    expect([waitOf(0), waitOf(1e12)]).toEqual([64, 86_400_000]);
  });
});

describe("headers", () => {
  const limits = limitsOf({ maxHeaders: 3, maxHeaderBytes: 1024 });

  it("are read in any case where they are text, numbers or truth values", () => {
    const read = new Headers({ "X-A": "a", b: 7, c: true }, limits);
    expect(["x-a", "B", "c", "d", "__proto__"].map((name) => read.get(name))).toEqual([
      "a",
      "7",
      "true",
      undefined,
      undefined,
    ]);
  });

  it("are all refused when they are too many, too large, too deep, or cannot be read", () => {
    let deep: object = {};
    for (let i = 0; i < 30; i++) deep = { a: deep };
    for (const table of [
      { a: 1, b: 1, c: 1, d: 1 },
      { a: "x".repeat(2000) },
      { a: new Uint8Array(2000) },
      { deep },
      UNREADABLE,
    ]) {
      const read = new Headers(table as never, limits);
      expect([read.isTooMuch, read.get("a")]).toEqual([true, undefined]);
    }
  });

  it("never throw, whatever a peer puts into them", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything({ maxDepth: 3, withBigInt: true, withTypedArray: true })),
        (table) => {
          expect(typeof new Headers(table, limits).isTooMuch).toBe("boolean");
          for (const name of Object.keys(table)) expect(countOf(table, name)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it("of our own and of the broker's diary cannot be set as metadata", () => {
    const own = ["x-error-code", "x-sent-ms", "x-deliveries", "x-delivery-count", "x-death", "x-first-death-queue"];
    expect(own.every(isOwnHeader)).toBe(true);
    expect(["x-tenant", "x-deli", "x-error"].some(isOwnHeader)).toBe(false);
  });
});

describe("bodies", () => {
  const limits = limitsOf({ maxBodyBytes: 10 });
  const read =
    (content: Buffer, properties: object = {}) =>
    () =>
      bodyOf({ content, properties }, json, limits);

  it("are text with any UTF-8 in it, the replacement character too, and nothing else", () => {
    expect(read(bufferOf("\uFFFDä"))()).toBe("\uFFFDä");
    expect(read(Buffer.from([0xc3, 0x28]))).toThrow("the body is not UTF-8");
  });

  it("may say their type with parameters, or none, and are not compressed", () => {
    for (const contentType of [undefined, "", "application/json", "Application/JSON; charset=utf-8", 7])
      expect(read(bufferOf("{}"), { contentType, contentEncoding: "UTF-8" })()).toBe("{}");
    for (const properties of [{ contentType: "text/plain" }, { contentEncoding: "gzip" }])
      expect(read(bufferOf("{}"), properties)).toThrow("the content type is not supported");
    expect(read(bufferOf("12345678901"))).toThrow("the message is larger than allowed");
  });

  it("of bytes are taken as they are, views too", () => {
    expect(bufferOf(new Uint8Array([1, 2, 3]).subarray(1))).toEqual(Buffer.from([2, 3]));
  });
});
