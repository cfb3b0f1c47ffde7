// A server of NATS that is killed, frozen and brought back: nothing that a stream has stored may be lost, what comes twice
// must be little, and one consumer must be there at the end.
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../../test/until.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { client } from "../../client/index.ts";
import type { Middleware } from "../../endpoint/index.ts";
import { oneWay, service, ServiceError } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { sleep, systemClock } from "../../time/index.ts";
import { jetstreamClient, jetstreamServer } from "./index.ts";

const nats = natsTestServer();
const reason = nats.missing ?? nats.foreign;
const quick = { reconnectTimeWait: 50, reconnectJitter: 50, pingInterval: 500, maxPingOut: 2 };

const n = z.object({ n: z.int() });
const methods = { work: oneWay({ request: n, idempotent: true, timeoutMs: 60_000 }) };
const jobs = service("jobs", methods);

/** Sends a call again until it is acknowledged: always the same call, so with the same id. */
const persistent: Middleware = (next) => async (request, context) => {
  for (;;) {
    try {
      return await next(request, context);
    } catch (error) {
      if (!ServiceError.is(error) || error.code !== "unavailable") throw error;
      await sleep(20);
    }
  }
};

describe.skipIf(reason !== undefined)(`a NATS that fails${reason === undefined ? "" : `: ${reason}`}`, () => {
  let foreign: NatsConnection;
  let jsm: JetStreamManager;
  beforeAll(async () => {
    await nats.start();
    foreign = await connect({ servers: nats.url, maxReconnectAttempts: -1, ...quick });
    jsm = await jetstreamManager(foreign, { timeout: 5000 });
  });
  afterAll(async () => {
    await foreign?.close();
    await nats.stop();
  });

  // Not by the messages of the stream: a server of 2.9 that is killed may keep some that were acknowledged, until they are
  // too old, and delivers them to nobody.
  async function left(name: string): Promise<number> {
    const { num_pending, num_ack_pending } = await jsm.consumers.info(name, name);
    return num_pending + num_ack_pending;
  }

  it(
    "over ten crashes loses none of 10 000 acknowledged messages, repeats few, and has its consumer once",
    { timeout: 300_000 },
    async () => {
      const [messages, crashes, maxInFlight] = [10_000, 10, 50];
      const runs = new Map<number, number>();
      let done = 0;
      const reports: unknown[] = [];
      await using _running = await serve(
        jobs.implement({
          async work({ n }) {
            await Promise.resolve();
            done++;
            runs.set(n, (runs.get(n) ?? 0) + 1);
          },
        }),
        {
          on: [jetstreamServer({ servers: nats.url, connect: quick, maxInFlight, ackWaitMs: 1000 })],
          log: false,
          signals: false,
          report: (error) => reports.push(error),
        },
      );
      await using remote = client(jobs, jetstreamClient({ connect: quick, whileDown: "wait" }), {
        from: nats.url,
        timeoutMs: 60_000,
        breaker: false,
        retry: false,
        methods: { work: { use: [persistent] } },
      });
      const acknowledged = new Set<number>();
      let next = 0;
      async function send(): Promise<void> {
        while (next < messages) {
          const n = next++;
          await remote.work({ n });
          acknowledged.add(n);
        }
      }
      const senders = Array.from({ length: 50 }, send);
      for (let i = 1; i <= crashes; i++) {
        await until(() => acknowledged.size >= (messages * (i - 0.5)) / crashes);
        await nats.process.restart();
      }
      await Promise.all(senders);
      expect(acknowledged.size).toBe(messages);
      await until(() => runs.size === messages);
      await expect.poll(() => left("jobs")).toBe(0);
      const repeated = done - runs.size;
      process.stderr.write(
        `${acknowledged.size} acknowledged, ${repeated} done twice, ${(await jsm.streams.info("jobs")).state.messages} kept\n`,
      );
      expect(repeated).toBeLessThanOrEqual(maxInFlight * crashes);
      const consumers = await jsm.consumers.list("jobs").next();
      expect(consumers.map(({ name, num_ack_pending, num_pending }) => [name, num_ack_pending, num_pending])).toEqual([
        ["jobs", 0, 0],
      ]);
      expect((await jsm.streams.info("jobs-dead")).state.messages).toBe(0);
    },
  );

  it(
    "goes on when a frozen server thaws, and ends calls by their deadline meanwhile",
    { timeout: 200_000 },
    async () => {
      const frozen = service("frozen", methods);
      const seen = new Map<number, number>();
      await using _running = await serve(
        frozen.implement({ work: ({ n }) => void seen.set(n, (seen.get(n) ?? 0) + 1) }),
        {
          on: [jetstreamServer({ servers: nats.url, connect: quick, ackWaitMs: 1000 })],
          log: false,
          signals: false,
          report: () => undefined,
        },
      );
      await using remote = client(frozen, jetstreamClient({ connect: quick }), {
        from: nats.url,
        breaker: false,
        retry: false,
      });
      await remote.work({ n: 1 });
      await until(() => seen.has(1));
      // Acknowledged too: else it would be delivered again.
      await expect.poll(() => left("frozen")).toBe(0);
      nats.process.freeze();
      try {
        const start = systemClock.now();
        const code = (n: number): Promise<string> =>
          remote.work({ n }, { timeoutMs: 200 }).then(
            () => "ok",
            (error: ServiceError) => error.code,
          );
        // It may answer once more before it stops.
        await expect.poll(() => code(2)).toBe("deadline_exceeded");
        // Longer than it takes to notice.
        await until(() => systemClock.now() - start > 2500);
      } finally {
        nats.process.thaw();
      }
      await expect
        .poll(() =>
          remote.work({ n: 3 }, { timeoutMs: 2000 }).then(
            () => "ok",
            ({ code }: ServiceError) => code,
          ),
        )
        .toBe("ok");
      await until(() => seen.has(3));
      await expect.poll(() => left("frozen")).toBe(0);
      expect(seen.get(1)).toBe(1);
    },
  );

  it(
    "acknowledges what was done while the connection was lost, and does not do it again",
    { timeout: 200_000 },
    async () => {
      const lost = service("lost", methods);
      const runs: number[] = [];
      let finish: (() => void) | undefined;
      await using _running = await serve(
        lost.implement({
          work({ n }) {
            runs.push(n);
            return new Promise<void>((resolve) => (finish = resolve));
          },
        }),
        {
          on: [jetstreamServer({ servers: nats.url, connect: quick, ackWaitMs: 40_000 })],
          log: false,
          signals: false,
          report: () => undefined,
        },
      );
      await using remote = client(lost, jetstreamClient({ connect: quick }), {
        from: nats.url,
        breaker: false,
        retry: false,
      });
      await remote.work({ n: 1 });
      await until(() => finish !== undefined);
      await nats.process.kill();
      finish!();
      await nats.process.restart();
      await expect.poll(() => left("lost")).toBe(0);
      expect(runs).toEqual([1]);
    },
  );
});
