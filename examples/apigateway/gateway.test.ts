import { connect, createServer, type AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import type { From } from "servicekit/client";
import { serve, type Running } from "servicekit/server";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { consulTestServer } from "../../tools/servers/consul.ts";
import { add, basic as rules } from "../addsvc/service.ts";
import { goGrpcServer } from "../addsvc/transport.ts";
import { testServer, type TestServer } from "../addsvc/test-server.ts";
import { announced, instances } from "../consul.ts";
import { basic, strings } from "../stringsvc2/service.ts";
import { goHttp } from "../stringsvc2/transport.ts";
import { gateway } from "./gateway.ts";
import { gatewayHttp } from "./transport.ts";

const PATIENT = { timeout: 30_000, interval: 10 };

const anywhere = { port: 0, host: "127.0.0.1" };
const quiet = { log: false, signals: false, timeoutMs: 20_000 } as const;

interface Front extends AsyncDisposable {
  ask(path: string, body: string): Promise<{ status: number; body: string }>;
}

async function fronting(addsvc: From, stringsvc: From): Promise<Front> {
  const behind = gateway({ addsvc, stringsvc, tries: 3, timeoutMs: 20_000 });
  const running = await serve(behind.services, { on: [gatewayHttp(anywhere)], ...quiet });
  return {
    async ask(path, body) {
      const response = await fetch(running.addresses[0] + path, { method: "POST", body });
      return { status: response.status, body: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await behind[Symbol.asyncDispose]();
    },
  };
}

describe("the gateway", () => {
  let sums: TestServer;
  let texts: Running;
  let front: Front;
  beforeAll(async () => {
    sums = await testServer();
    texts = await serve(strings.implement(basic), { on: [goHttp(anywhere)], ...quiet });
    front = await fronting(instances("addsvc", { list: sums.grpc, agent: "" }), texts.addresses);
  });
  beforeEach(() => sums.clock.advance(60_000));
  afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await Promise.all([sums[Symbol.asyncDispose](), texts.stop()]);
  });

  it.each([
    ["/addsvc/sum", '{"a":1,"b":2}', 200, '{"v":3}\n'],
    ["/addsvc/sum", '{"A":5000000000,"B":null}', 200, '{"v":5000000000}\n'],
    ["/addsvc/concat", '{"a":"foo","b":"<bar>"}', 200, '{"v":"foo\\u003cbar\\u003e"}\n'],
    ["/stringsvc/uppercase", '{"s":"hello, world"}', 200, '{"v":"HELLO, WORLD"}\n'],
    ["/stringsvc/uppercase", '{"s":""}', 200, '{"v":"","err":"empty string"}\n'],
    ["/stringsvc/count", '{"s":"héllo"}', 200, '{"v":6}\n'],
    // Go kit's gateway answers these with 500.
    ["/addsvc/sum", '{"a":0,"b":0}', 400, `{"error":"can't sum two zeroes"}\n`],
    ["/addsvc/sum", '{"a":2147483647,"b":1}', 400, '{"error":"integer overflow"}\n'],
    ["/addsvc/concat", '{"a":"12345","b":"678901"}', 400, '{"error":"result exceeds maximum size"}\n'],
    ["/stringsvc/count", '{"s":7}', 500, '{"error":"the request does not fit the method"}\n'],
    ["/addsvc/sum", "", 500, '{"error":"EOF"}\n'],
    ["/sum", "{}", 404, "404 page not found\n"],
  ])("answers %s %s with %i %j", async (path, asked, status, body) => {
    expect(await front.ask(path, asked)).toEqual({ status, body });
  });

  it("passes on that the add service was called too fast", async () => {
    await front.ask("/addsvc/sum", '{"a":1,"b":2}');
    const answer = await front.ask("/addsvc/sum", '{"a":1,"b":2}');
    expect(answer).toEqual({ status: 500, body: '{"error":"rate limit exceeded"}\n' });
  });
});

describe("the gateway's connections", () => {
  it("are one per instance for all methods, where Go kit has one per method", async () => {
    const sums = await serve(add.implement(rules), { on: [goGrpcServer(anywhere)], ...quiet });
    let connections = 0;
    const way = createServer((socket) => {
      connections++;
      const behind = connect(Number(new URL(sums.addresses[0]!).port), "127.0.0.1");
      pipeline(socket, behind, socket, () => behind.destroy());
    });
    await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
    const { port } = way.address() as AddressInfo;
    await using front = await fronting(`http://127.0.0.1:${port}`, "http://127.0.0.1:1");
    for (let i = 0; i < 3; i++) {
      expect((await front.ask("/addsvc/sum", '{"a":1,"b":2}')).body).toBe('{"v":3}\n');
      expect((await front.ask("/addsvc/concat", '{"a":"x"}')).body).toBe('{"v":"x"}\n');
    }
    expect(connections).toBe(1);
    way.close();
    await sums.stop();
  });
});

describe("the gateway over Consul", () => {
  const consul = consulTestServer();
  beforeAll(() => consul.start(), 180_000);
  afterAll(() => consul.stop());

  it("asks the instances in turn, and those that are left when one goes", async ({ skip }) => {
    if (consul.missing !== undefined) skip(consul.missing);
    const agent = consul.url.replace("http://", "");
    const calls = new Map<string, number>();
    const instance = (name: string): Promise<Running> =>
      serve(add.implement(rules), {
        on: [goGrpcServer(anywhere)],
        tasks: announced({ service: "addsvc", agent }),
        observers: [
          () => ({
            start: () => void calls.set(name, (calls.get(name) ?? 0) + 1),
          }),
        ],
        ...quiet,
      });
    const running = [await instance("first"), await instance("second")];
    const from = instances("addsvc", { list: "consul", agent });
    await using front = await fronting(from, "http://127.0.0.1:1");
    await vi.waitUntil(
      () => typeof from === "object" && "listing" in from && from.listing.instances.length === 2,
      PATIENT,
    );
    for (let i = 0; i < 10; i++) expect((await front.ask("/addsvc/sum", '{"a":1,"b":2}')).body).toBe('{"v":3}\n');
    expect([...calls.values()]).toEqual([5, 5]);
    await running[0]!.stop();
    for (let i = 0; i < 10; i++) expect((await front.ask("/addsvc/sum", '{"a":1,"b":2}')).body).toBe('{"v":3}\n');
    expect(calls.get("first")).toBe(5);
    await running[1]!.stop();
  });
});
