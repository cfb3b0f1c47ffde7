// What becomes of calls, streams and subscriptions when the server of NATS goes away and comes back.
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { passing, until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import { method, service, ServiceError } from "../../index.ts";
import { serve, type Running } from "../../server/index.ts";
import { systemClock } from "../../time/index.ts";
import { natsClient, natsServer } from "./index.ts";

const nats = natsTestServer(["-m", "-1"]);
const reason = nats.missing ?? nats.foreign;

const n = z.object({ n: z.int() });
const things = service("things", {
  echo: method({ request: n, response: n, timeoutMs: 60_000 }),
  wait: method({ request: n, response: n, timeoutMs: 60_000 }),
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
});

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (thrown) {
    if (ServiceError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("the call should fail");
}

describe("when NATS goes away", () => {
  beforeEach((test) => void (reason === undefined || test.skip(reason)));
  let running: Running;
  const ended: string[] = [];
  const waited: string[] = [];
  beforeAll(async () => {
    if (reason !== undefined) return;
    await nats.start();
    running = await serve(
      things.implement({
        echo: (request) => request,
        wait: (_request, context) =>
          new Promise((_resolve, reject) => {
            context.onCancel((cause) => {
              waited.push(cause.reason);
              reject(cause);
            });
          }),
        async *count({ n }, context) {
          yield { n };
          await new Promise<void>((resolve) => void context.onCancel(({ reason }) => (ended.push(reason), resolve())));
        },
      }),
      { on: [natsServer({ servers: nats.url })], log: false, signals: false },
    );
  });
  afterAll(async () => {
    await running?.stop();
    await nats.stop();
  });

  it("calls in flight fail at once, new ones while it is away too, and one that waits is served later", async () => {
    await using remote = client(things, natsClient(), {
      from: nats.url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    await using patient = client(things, natsClient({ whileDown: "wait" }), {
      from: nats.url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    await remote.echo({ n: 1 });
    await patient.echo({ n: 1 });
    const inFlight = failure(remote.wait({ n: 1 }));
    const patientInFlight = failure(patient.wait({ n: 1 }));
    const stream = remote.count({ n: 7 })[Symbol.asyncIterator]();
    expect(await stream.next()).toEqual({ done: false, value: { n: 7 } });
    const next = failure(stream.next());
    await nats.process.kill();
    expect(await inFlight).toMatchObject({ reason: "connection_lost" });
    expect(await next).toMatchObject({ reason: "connection_lost" });
    // Only then it knows: a call before that would still go out, and be lost.
    expect(await patientInFlight).toMatchObject({ reason: "connection_lost" });
    expect(await failure(remote.echo({ n: 2 }))).toMatchObject({ reason: "unreachable" });
    const later = patient
      .echo({ n: 3 }, { timeoutMs: 60_000 })
      .catch((error: unknown) => (error as ServiceError).reason);
    await nats.process.restart();
    // Whoever asks before the server is back too hears that nobody listens.
    expect(await later).toSatisfy((value) => value === "unreachable" || (value as { n: number }).n === 3);
    // The stream because messages may be missing; the other call is taken back by its caller, once that can.
    await until(() => ended.length === 1 && waited.length === 2);
    expect(ended[0]).toMatch(/^(connection_lost|canceled)$/);
    expect(waited).toEqual(["canceled", "canceled"]);
  });

  it("no more calls wait than may, and one more is overloaded", async () => {
    const patient = natsClient({ whileDown: "wait", maxWaiting: 2 });
    await using remote = client(things, patient, { from: nats.url, breaker: false, retry: false, timeoutMs: 60_000 });
    const asked = (): Promise<unknown> => remote.echo({ n: 1 }, { timeoutMs: 60_000 }).catch(({ reason }) => reason);
    await expect.poll(asked, { timeout: 50_000 }).toEqual({ n: 1 });
    const down = failure(remote.wait({ n: 1 }));
    await nats.process.kill();
    expect((await down).reason).toBe("connection_lost");
    const waiting = [asked(), asked()];
    expect((await failure(remote.echo({ n: 4 }))).reason).toBe("overloaded");
    await nats.process.restart();
    // Whoever asks before the server is back too hears that nobody listens.
    for (const one of await Promise.all(waiting)) expect([{ n: 1 }, "unreachable"]).toContainEqual(one);
  });

  it("ten restarts later there is one subscription per method, and calls work within a second of each", async () => {
    await using remote = client(things, natsClient(), {
      from: nats.url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    await remote.echo({ n: 0 }).catch(() => undefined);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      await nats.process.restart();
      const back = systemClock.now();
      // What a busy machine takes away is not the connection's.
      let stolenMs = 0;
      for (let timeoutMs = 200; ; timeoutMs += 50) {
        const answer = await remote.echo({ n: i }, { timeoutMs }).catch(() => undefined);
        if (answer?.n === i) break;
        const napMs = systemClock.now();
        await passing(5);
        stolenMs += systemClock.now() - napMs - 5;
      }
      times.push(systemClock.now() - back - stolenMs);
    }
    // The tries of both ends are 250 to 750 ms apart.
    expect(Math.max(...times)).toBeLessThan(2000);
    const probe = await connect({ servers: nats.url });
    let answers = 0;
    probe.subscribe("_INBOX.probe", { callback: () => void answers++ });
    probe.publish("things.echo", '{"n":1}', { reply: "_INBOX.probe" });
    await probe.flush();
    await remote.echo({ n: 1 });
    await probe.flush();
    expect(answers).toBe(1);
    await probe.close();
  });

  it("an instance address that nobody is at fails as unreachable, and works once somebody is", async () => {
    const port = nats.process.port;
    await nats.process.kill();
    await using remote = client(things, natsClient(), {
      from: `nats://127.0.0.1:${port}`,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect(await failure(remote.echo({ n: 1 }))).toMatchObject({ reason: "unreachable" });
    await nats.process.restart();
    while ((await remote.echo({ n: 2 }).catch(() => undefined))?.n !== 2) await passing(5);
  });

  it("a server stops all the same while it is away, and a connection that its owner has closed is unreachable", async () => {
    const connection = await connect({ servers: nats.url });
    const given = client(things, natsClient({ connection, whileDown: "wait" }), {
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect(await given.echo({ n: 1 })).toEqual({ n: 1 });
    await connection.close();
    expect(await failure(given.echo({ n: 1 }))).toMatchObject({ reason: "unreachable" });
    await given[Symbol.asyncDispose]();
    const other = await serve(things.implement({ echo: (one) => one, wait: (one) => one, async *count() {} }), {
      on: [natsServer({ servers: nats.url, subjects: (_service, name) => `other.${name}` })],
      log: false,
      signals: false,
    });
    await using waiting = client(things, natsClient({ whileDown: "wait" }), {
      from: nats.url,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    await waiting.echo({ n: 1 });
    const inFlight = failure(waiting.wait({ n: 1 }));
    await nats.process.kill();
    // Only then it knows.
    expect(await inFlight).toMatchObject({ reason: "connection_lost" });
    expect(await failure(waiting.echo({ n: 1 }, { timeoutMs: 20 }))).toMatchObject({ code: "deadline_exceeded" });
    // Not 1: its time for that was not over.
    expect(await other.stop()).toBe(0);
    await nats.process.restart();
  });
});
