import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { client, explain, type From } from "servicekit/client";
import { serve } from "servicekit/server";
import { grpcServer } from "servicekit/transport/grpc";
import { local } from "servicekit/transport/local";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { consulTestServer } from "../../tools/servers/consul.ts";
import { freePort } from "../../tools/servers/fetched.ts";
import { add, basic as rules } from "../addsvc/service.ts";
import { instances } from "../consul.ts";
import { program, type Program } from "../test-program.ts";
import { basic, trim } from "./service.ts";
import { trimming, trims } from "./trimming.ts";

const PATIENT = { timeout: 30_000, interval: 10 };

// What `npm test` builds before it runs: node 20 reads no TypeScript.
const PROGRAM = fileURLToPath(new URL("../../build/examples/trimsvc/main.js", import.meta.url));

const consul = consulTestServer();
let agent = "";
beforeAll(async () => {
  await consul.start();
  agent = consul.url.replace("http://", "");
}, 180_000);
afterAll(() => consul.stop());
beforeEach(({ skip }) => {
  if (!existsSync(PROGRAM)) skip(`${PROGRAM} is not built: npm run build`);
});

let processes: Program[] = [];
afterEach(async () => {
  await Promise.all(processes.map((one) => one.kill()));
  processes = [];
});

/** An instance of the trim service, once it says that it runs; its address. */
async function trimsvc(...args: readonly string[]): Promise<string> {
  const at = `127.0.0.1:${await freePort()}`;
  processes.push(await program([process.execPath, PROGRAM, "-grpc-addr", at, ...args], "running,"));
  return at;
}

/** Concatenates while the first of two instances is killed; what came of the calls. */
async function throughTheEndOfOne(from: From): Promise<ReadonlyMap<string, number>> {
  await using remote = trims(from);
  await vi.waitUntil(() => explain(remote).length === 2, PATIENT);
  // What its own caller would try again is not to hide anything; and this process may be late.
  const policies = { retry: false, breaker: false, timeoutMs: 20_000 } as const;
  const there = client(add, local(add.implement(trimming(rules, remote))), policies);
  const outcomes = new Map<string, number>();
  const concat = async (): Promise<void> => {
    const outcome = await there.concat({ a: " f o o ", b: "b a r" }).then(
      ({ v }) => v,
      (error: Error) => error.message,
    );
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  for (let i = 0; i < 10; i++) await concat();
  // In turn: of two texts one each.
  expect(explain(remote).map(({ calls }) => calls)).toEqual([10, 10]);
  // Killed while calls are on their way to it.
  const during = Array.from({ length: 10 }, concat);
  await Promise.all([processes[0]!.kill(), ...during]);
  for (let i = 0; i < 50; i++) await concat();
  return outcomes;
}

describe("the add service before whose concat texts are trimmed", () => {
  it("fails no call when one of two listed instances is killed", async () => {
    const list = `${await trimsvc()},${await trimsvc()}`;
    const outcomes = await throughTheEndOfOne(instances("trimsvc", { list, agent: "" }));
    expect([...outcomes]).toEqual([["foobar", 70]]);
  });

  it("fails no call when one of two instances in Consul is killed", async ({ skip }) => {
    if (consul.missing !== undefined) skip(consul.missing);
    const known = ["-consul.addr", agent];
    await Promise.all([trimsvc(...known), trimsvc(...known)]);
    const outcomes = await throughTheEndOfOne(instances("trimsvc", { list: "consul", agent }));
    expect([...outcomes]).toEqual([["foobar", 70]]);
  });

  it("leaves sums alone, and concatenates nothing that could not be trimmed", async () => {
    const running = await serve(trim.implement(basic), {
      on: [grpcServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    await using remote = trims(running.addresses);
    const there = client(add, local(add.implement(trimming(rules, remote))), { timeoutMs: 20_000 });
    expect(await there.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    expect(await there.concat({ a: " 1 2 3 4 5 ", b: " 6 7 8 9 0 " })).toEqual({ v: "1234567890" });
    await running.stop();
    expect(await there.concat.try({ a: "a" }).catch((error: { code: string }) => error.code)).toBe("unavailable");
  });
});
