// A server of NATS that asks who is there, and lets everybody do only so much.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import { method, service } from "../../index.ts";
import { serve, type Running } from "../../server/index.ts";
import { natsClient, natsServer, type ConnectOptions } from "./index.ts";

const folder = mkdtempSync(`${tmpdir()}/servicekit-nats-`);
writeFileSync(
  `${folder}/nats.conf`,
  `authorization { users: [
    { user: server, password: s, permissions: { subscribe: ["add.>", "_SERVER.>"], publish: ["_CALLER.>"] } }
    { user: caller, password: c, permissions: { subscribe: ["_CALLER.>"], publish: ["add.>", "_SERVER.>"] } }
  ] }`,
);
const nats = natsTestServer(["-c", `${folder}/nats.conf`]);
const reason = nats.missing ?? nats.foreign;

const n = z.object({ n: z.int() });
const add = service("add", {
  one: method({ request: n, response: n }),
  count: method({ request: n, response: n, stream: "server" }),
});
const handlers = add.implement({
  one: ({ n }) => ({ n: n + 1 }),
  async *count({ n }) {
    for (let i = 1; i <= n; i++) yield { n: i };
  },
});

function serving(connect: ConnectOptions, reported: unknown[] = []): Promise<Running> {
  const on = [natsServer({ servers: nats.url, connect, inboxPrefix: "_SERVER" })];
  return serve(handlers, { on, log: false, signals: false, report: (error) => void reported.push(error) });
}

describe("with permissions", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));
  beforeAll(async () => {
    if (reason === undefined) await nats.start();
  });
  afterAll(async () => {
    await nats.stop();
    rmSync(folder, { recursive: true });
  });

  it("calls and streams need no more than the subjects of the methods and the two inboxes", async () => {
    const reported: unknown[] = [];
    const running = await serving({ user: "server", pass: "s" }, reported);
    expect(reported.map(String)).toEqual([expect.stringMatching(/add is not seen in NATS' services protocol/)]);
    const connect: ConnectOptions = { user: "caller", pass: "c", inboxPrefix: "_CALLER" };
    const remote = client(add, natsClient({ connect }), { from: nats.url, timeoutMs: 60_000 });
    expect(await remote.one({ n: 1 })).toEqual({ n: 2 });
    const got: number[] = [];
    for await (const { n } of remote.count({ n: 100 })) got.push(n);
    expect(got.length).toBe(100);
    await remote[Symbol.asyncDispose]();
    await running.stop();
  });

  it("a server that may not listen, or is not let in, does not start and says why", async () => {
    await expect(serving({ user: "caller", pass: "c" })).rejects.toThrow(/NATS refuses the subscription of add\./);
    await expect(serving({ user: "server", pass: "x" })).rejects.toThrow(
      /NATS cannot be reached at nats:.*: .*uthorization/,
    );
  });

  it("a server tries on that is not let in for a while, as when passwords change on one side first", async () => {
    const path = `${folder}/changing.conf`;
    const allow = (password: string): void =>
      writeFileSync(path, `authorization { users: [{ user: server, password: ${password} }] }`);
    allow("old");
    const changing = natsTestServer(["-c", path]);
    await changing.start();
    let running: Running | undefined;
    try {
      const reported: unknown[] = [];
      const pass = { now: "old" };
      let tries = 0;
      const authenticator = (): { user: string; pass: string } => (tries++, { user: "server", pass: pass.now });
      const connect: ConnectOptions = { authenticator, reconnectTimeWait: 20, reconnectJitter: 0 };
      running = await serve(handlers, {
        on: [natsServer({ servers: changing.url, connect })],
        ...{ log: false, signals: false },
        report: (error) => void reported.push(error),
      });
      allow("new");
      await changing.process.restart();
      await until(() => tries > 5);
      pass.now = "new";
      const remote = client(add, natsClient({ connect: { user: "server", pass: "new" } }), {
        from: changing.url,
        breaker: false,
        retry: false,
      });
      const answered = (): Promise<unknown> =>
        remote.one({ n: 1 }).catch(({ reason }: Error & { reason: unknown }) => reason);
      await expect.poll(answered, { timeout: 50_000 }).toEqual({ n: 2 });
      expect(reported).toEqual([]);
      await remote[Symbol.asyncDispose]();
    } finally {
      await running?.stop();
      await changing.stop();
    }
  });

  it("a client that may not listen to its inbox fails at once", async () => {
    const remote = client(add, natsClient({ connect: { user: "caller", pass: "c" } }), {
      from: nats.url,
      timeoutMs: 60_000,
    });
    await expect(remote.one({ n: 1 })).rejects.toMatchObject({ code: "unavailable" });
    await remote[Symbol.asyncDispose]();
  });
});
