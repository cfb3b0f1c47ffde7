// A tool that knows nothing of our services asks the server itself, by reflection, and calls them.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { grpcurl } from "../../../tools/servers/grpcurl.ts";
import { policyError } from "../../errors/index.ts";
import { error, method, service } from "../../index.ts";
import { serve, type Running } from "../../server/index.ts";
import { peerIdentity } from "../http/index.ts";
import { proto } from "../protobuf/index.ts";
import { Orders } from "../protobuf/testdata/gen/order_pb.ts";
import { grpcServer } from "./index.ts";
import { ourAdd } from "./testdata/interop.ts";
import { Things } from "./testdata/gen/extended_pb.ts";

const empty = error("empty", { code: "failed_precondition", details: z.object({ least: z.int() }) });
const text = service("shop.text", {
  upper: method({
    request: z.object({ text: z.string(), times: z.int().optional() }),
    response: z.object({ text: z.string(), tags: z.array(z.string()) }),
    errors: [empty],
  }),
  letters: method({
    request: z.object({ text: z.string() }),
    response: z.object({ letter: z.string() }),
    stream: "server",
  }),
});
const services = [
  ourAdd(),
  proto(Orders).implement({ echo: (order) => order, find: () => ({}), ping: () => ({}) }),
  proto(Things).implement({ get: (thing) => thing }),
  text.implement({
    upper: ({ text, times = 1 }) =>
      text === "" ? empty({ least: 1 }) : { text: text.toUpperCase().repeat(times), tags: ["a", "b"] },
    async *letters({ text }) {
      for (const letter of text) yield { letter };
    },
  }),
];

const tool = grpcurl();
const ends: string[] = [];
let running: Running;
let address: string;

beforeAll(async () => {
  running = await serve(services, {
    on: [grpcServer({ port: 0, host: "127.0.0.1" })],
    log: false,
    signals: false,
    observers: [({ service, name }) => ({ end: () => void ends.push(`${service}.${name}`) })],
  });
  address = new URL(running.addresses[0]!).host;
});
afterAll(() => running.stop());

vi.setConfig({ testTimeout: 20_000 });

interface Ran {
  readonly code: number;
  readonly out: string;
}

/** Runs grpcurl; resolves with all it printed. */
function grpcurlWith(...args: readonly string[]): Promise<Ran> {
  const path = "path" in tool ? tool.path : "";
  return new Promise((resolve) => {
    execFile(path, ["-max-time", "10", "-connect-timeout", "2", ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), out: stdout + stderr }),
    );
  });
}

/** The same with options, and what it is to do at our server. */
function run(options: readonly string[], ...what: readonly string[]): Promise<Ran> {
  return grpcurlWith("-plaintext", ...options, address, ...what);
}

/** The answers to a call, read. */
async function call(symbol: string, request: unknown, options: readonly string[] = []): Promise<unknown[]> {
  const { code, out } = await run(["-d", JSON.stringify(request), ...options], symbol);
  if (code !== 0) throw new Error(out);
  return out
    .trim()
    .split(/\n(?=\{)/)
    .map((one) => JSON.parse(one) as unknown);
}

describe("grpcurl", () => {
  beforeEach((test) => void ("reason" in tool && test.skip(tool.reason)));

  it("lists the services and their methods", async () => {
    expect((await run([], "list")).out.trim().split("\n")).toEqual([
      "extended.Things",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "pb.Add",
      "shop.text",
      "shop.v1.Orders",
    ]);
    expect((await run([], "list", "pb.Add")).out.trim().split("\n")).toEqual(
      ["Concat", "Count", "Running", "Sum", "Total"].map((name) => `pb.Add.${name}`),
    );
  });

  it("describes what came from a .proto file", async () => {
    const { out } = await run([], "describe", "pb.Add.Count");
    expect(out).toContain("rpc Count ( .pb.SumRequest ) returns ( stream .pb.SumReply );");
    const order = (await run([], "describe", "shop.v1.Order")).out;
    expect(order).toContain("map<string, int64> stock = 4;");
    expect(order).toContain(".google.protobuf.Timestamp made = 20;");
    expect((await run([], "describe", "extended.More")).out).toContain("enum Size");
    expect((await run([], "describe", "base.Thing")).out).toContain("message Thing");
  });

  it("describes what was written in TypeScript", async () => {
    const { out } = await run([], "describe", "shop.text");
    expect(out).toMatch(/service text \{[^]*rpc letters \( \S+ \) returns \( stream \S+ \);[^]*rpc upper/);
    const message = /rpc upper \( \.(\S+) \)/.exec(out)?.[1] ?? "";
    expect((await run([], "describe", message)).out).toMatch(/string text = 1;[^]*times = 2;/);
  });

  it("calls methods of both, of each kind", async () => {
    expect(await call("pb.Add/Sum", { a: "4611686018427387904", b: -1 })).toEqual([{ v: "4611686018427387903" }]);
    expect(await call("pb.Add/Count", { a: 3 })).toEqual([{ v: "1" }, { v: "2" }, { v: "3" }]);
    expect(await call("shop.text/upper", { text: "ab", times: 2 })).toEqual([{ text: "ABAB", tags: ["a", "b"] }]);
    expect(await call("shop.text/letters", { text: "xyz" })).toEqual([
      { letter: "x" },
      { letter: "y" },
      { letter: "z" },
    ]);
    const order = {
      id: "7",
      stock: { tea: "3" },
      voucher: "v",
      made: "2026-01-02T03:04:05Z",
      labels: { a: [1, null] },
    };
    expect(await call("shop.v1.Orders/Echo", order)).toEqual([order]);
  });

  it("sends metadata, and shows what comes back before and after the answer", async () => {
    const { out } = await run(["-v", "-H", "x-echo: hello", "-d", '{"a":1}'], "pb.Add/Sum");
    expect(out).toMatch(/Response headers received:[^]*x-echo: hello/);
  });

  it("sees an error with its message and details", async () => {
    const { code, out } = await run(["-d", '{"text":""}'], "shop.text/upper");
    expect(code).toBe(64 + 9);
    expect(out).toMatch(/Code: FailedPrecondition/);
    expect(out).toMatch(/"reason": "empty"/);
    expect(out).toMatch(/"least": 1/);
    const invalid = await run(["-d", '{"a":"x"}'], "pb.Add/Sum");
    expect(invalid.code).not.toBe(0);
  });

  it("asks for the health of the server and of one service", async () => {
    for (const request of [{}, { service: "pb.Add" }, { service: "shop.text" }])
      expect(await call("grpc.health.v1.Health/Check", request)).toEqual([{ status: "SERVING" }]);
    const { code, out } = await run(["-d", '{"service":"nobody"}'], "grpc.health.v1.Health/Check");
    expect([code, /Code: NotFound/.test(out)]).toEqual([64 + 5, true]);
  });

  it("leaves nothing of the reflection and health in the user's observers", () => {
    expect(ends.filter((name) => name.startsWith("grpc."))).toEqual([]);
    expect(ends).toContain("shop.text.upper");
  });

  it("shows its certificate where the server asks for one, and is refused without", async (test) => {
    if (!hasOpenssl()) return test.skip("openssl is not installed");
    using made = authority();
    const [mine, theirs] = [made.issue("words", ["DNS:localhost"]), made.issue("tool", ["URI:spiffe://shop/tool"])];
    writeFileSync(`${made.folder}/tool.pem`, theirs.cert);
    writeFileSync(`${made.folder}/tool.key`, theirs.key);
    const tls = { ...mine, clients: "required", ca: made.ca } as const;
    await using secure = await serve(services[3]!, {
      on: [grpcServer({ port: 0, host: "127.0.0.1", tls })],
      gates: [
        (context) => (context.get(peerIdentity)?.spiffeId === "spiffe://shop/tool" ? context : policyError("canceled")),
      ],
      log: false,
      signals: false,
    });
    const to = [
      "-d",
      '{"text":"ab"}',
      secure.addresses[0]!.replace("https://127.0.0.1", "localhost"),
      "shop.text/upper",
    ];
    const known = ["-cacert", `${made.folder}/ca.pem`];
    const own = ["-cert", `${made.folder}/tool.pem`, "-key", `${made.folder}/tool.key`];
    const answer = await grpcurlWith(...known, ...own, ...to);
    expect([answer.code, JSON.parse(answer.out)]).toEqual([0, { text: "AB", tags: ["a", "b"] }]);
    expect((await grpcurlWith(...known, ...to)).code).not.toBe(0);
    expect((await grpcurlWith(...own, ...to)).out).toMatch(/certificate/);
  });

  it("is refused where reflection is off, and then health too where that is", async () => {
    const on = [grpcServer({ port: 0, host: "127.0.0.1", reflection: false, health: false })];
    await using quiet = await serve(services[0]!, { on, log: false, signals: false });
    const before = address;
    address = new URL(quiet.addresses[0]!).host;
    const { code, out } = await run([], "list");
    address = before;
    expect(code).not.toBe(0);
    expect(out).toMatch(/does not support the reflection API/);
  });
});
