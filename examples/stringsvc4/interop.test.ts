import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { client } from "servicekit/client";
import { serve, type Running } from "servicekit/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goProgram } from "../../tools/servers/go-program.ts";
import { natsTestServer } from "../../tools/servers/nats.ts";
import { basic, emptyString, strings } from "../stringsvc2/service.ts";
import { goHttp, goNats, goNatsClient } from "./transport.ts";

const nats = natsTestServer();
let program = "";
let reason = nats.missing;

// The first time modules are fetched and compiled.
beforeAll(async () => {
  const peer = goProgram(new URL("./interop/", import.meta.url));
  if ("reason" in peer) reason ??= peer.reason;
  else program = peer.path;
  if (reason === undefined) await nats.start();
}, 180_000);

beforeEach(({ skip }) => {
  if (reason !== undefined) skip(reason);
});

afterAll(() => nats.stop());

describe("Go kit's publisher and our service", () => {
  let running: Running;
  beforeEach(async () => {
    running = await serve(strings.implement(basic), { on: [goNats(nats.url)], log: false, signals: false });
  });
  afterEach(() => running.stop());

  async function goCall(method: string, text: string): Promise<string> {
    return (await promisify(execFile)(program, ["call", nats.url, method, text])).stdout;
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
  let stop: () => void = () => undefined;
  beforeAll(async () => {
    if (reason !== undefined) return;
    const child = spawn(program, ["serve", nats.url], { stdio: ["pipe", "pipe", "inherit"] });
    stop = () => void child.kill();
    await new Promise((resolve) => child.stdout.once("data", resolve));
  }, 20_000);
  afterAll(() => stop());

  it("agree on answers and errors", async () => {
    await using remote = client(strings, goNatsClient(), { from: nats.url });
    expect(await remote.uppercase({ s: "hello" })).toEqual({ v: "HELLO" });
    expect(await remote.count({ s: "héllo" })).toEqual({ v: 6 });
    const empty = await remote.uppercase.try({ s: "" });
    expect(!empty.ok && emptyString.is(empty.error)).toBe(true);
  });

  it("is behind HTTP too, as a client is an implementation", async () => {
    await using remote = client(strings, goNatsClient(), { from: nats.url });
    const on = [goHttp({ port: 0, host: "127.0.0.1" })];
    const front = await serve(strings.implement(remote), { on, log: false, signals: false });
    const ask = async (path: string, body: string): Promise<string> =>
      (await fetch(`${front.addresses[0]}${path}`, { method: "POST", body })).text();
    expect(await ask("/uppercase", '{"s":"hello"}')).toBe('{"v":"HELLO"}\n');
    expect(await ask("/uppercase", '{"s":""}')).toBe('{"v":"","err":"empty string"}\n');
    expect(await ask("/count", '{"s":"hi"}')).toBe('{"v":2}\n');
    await front.stop();
  });
});
