import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { client } from "servicekit/client";
import { serve, type Running } from "servicekit/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goProgram } from "../../tools/servers/go-program.ts";
import { natsTestServer } from "../../tools/servers/nats.ts";
import { basic, emptyString, strings } from "../stringsvc2/service.ts";
import { program, type Program } from "../test-program.ts";
import { goHttp, goNats, goNatsClient } from "./transport.ts";

const nats = natsTestServer();
const peer = goProgram(new URL("../stringsvc2/interop/", import.meta.url));
const path = "path" in peer ? peer.path : "";
const reason = nats.missing ?? ("reason" in peer ? peer.reason : undefined);

const quiet = { log: false, signals: false, timeoutMs: 20_000 } as const;

beforeAll(async () => {
  if (reason === undefined) await nats.start();
}, 180_000);

beforeEach(({ skip }) => {
  if (reason !== undefined) skip(reason);
});

afterAll(() => nats.stop());

describe("Go kit's publisher and our service", () => {
  let running: Running;
  beforeEach(async () => {
    running = await serve(strings.implement(basic), { on: [goNats(nats.url)], ...quiet });
  });
  afterEach(() => running.stop());

  async function goCall(method: string, text: string): Promise<string> {
    return (await promisify(execFile)(path, ["call", nats.url, method, text])).stdout;
  }

  it.each([
    ["uppercase", "hello, world", '{"v":"HELLO, WORLD"}\n'],
    ["uppercase", "", '{"v":"","err":"empty string"}\n'],
    ["count", "héllo", '{"v":6}\n'],
  ])("agree on %s of %j", async (method, text, answer) => {
    expect(await goCall(method, text)).toBe(answer);
  });
});

describe("our publisher and Go kit's service", () => {
  let go: Program | undefined;
  beforeAll(async () => {
    if (reason === undefined) go = await program([path, "nats", nats.url]);
  });
  afterAll(() => go?.kill());

  const remotely = () => client(strings, goNatsClient(), { from: nats.url, timeoutMs: 20_000 });

  it("agree on answers and errors", async () => {
    await using remote = remotely();
    expect(await remote.uppercase({ s: "hello" })).toEqual({ v: "HELLO" });
    expect(await remote.count({ s: "héllo" })).toEqual({ v: 6 });
    const empty = await remote.uppercase.try({ s: "" });
    expect(!empty.ok && emptyString.is(empty.error)).toBe(true);
  });

  it("is behind HTTP too, as a client is an implementation", async () => {
    await using remote = remotely();
    const front = await serve(strings.implement(remote), { on: [goHttp({ port: 0, host: "127.0.0.1" })], ...quiet });
    const ask = async (path: string, body: string): Promise<string> =>
      (await fetch(`${front.addresses[0]}${path}`, { method: "POST", body })).text();
    expect(await ask("/uppercase", '{"s":"hello"}')).toBe('{"v":"HELLO"}\n');
    expect(await ask("/uppercase", '{"s":""}')).toBe('{"v":"","err":"empty string"}\n');
    expect(await ask("/count", '{"s":"hi"}')).toBe('{"v":2}\n');
    await front.stop();
  });
});
