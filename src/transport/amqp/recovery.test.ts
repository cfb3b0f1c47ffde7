// A broker that is killed, frozen and brought back, many times: nothing that it confirmed may be lost, and everything
// that stood on it must stand there again, once.
import { connect } from "amqplib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../../../test/until.ts";
import { rabbitmqForTests, type Broker } from "../../../tools/servers/rabbitmq.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service, ServiceError } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { sleep } from "../../time/index.ts";
import { amqpClient, amqpServer } from "./index.ts";

const { unkillable, start } = rabbitmqForTests();
const quiet = { log: false, trace: false, metrics: false, signals: false } as const;
const n = z.object({ n: z.int() });

/** Consumers by queue, as the broker itself tells. */
function consumersOf(broker: Broker): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of broker.ctl("list_consumers", "queue_name").split("\n").slice(1)) {
    if (line !== "") counts[line] = (counts[line] ?? 0) + 1;
  }
  return counts;
}

/** Resolves when somebody consumes a queue. Asked over the wire: the broker's own tools would hold up this process. */
async function consumed(broker: Broker, queue: string): Promise<void> {
  for (;;) {
    try {
      const model = await connect(broker.amqp, { timeout: 5000 });
      model.on("error", () => undefined);
      const channel = await model.createChannel();
      channel.on("error", () => undefined);
      const { consumerCount } = await channel.checkQueue(queue);
      await model.close();
      if (consumerCount > 0) return;
    } catch {
      // Not yet.
    }
    await sleep(20);
  }
}

/** What a broker that is away has a server report. */
const isLoss = (error: unknown): boolean =>
  ServiceError.is(error) && /^(unreachable|connection_lost)$/.test(error.reason);

describe.skipIf(unkillable !== undefined)(
  `a broker that fails${unkillable === undefined ? "" : `: ${unkillable}`}`,
  () => {
    let broker: Broker;

    beforeAll(async () => {
      broker = (await start()).own!;
    });
    afterAll(async () => {
      await broker?.[Symbol.asyncDispose]();
    });

    it(
      "over ten crashes loses none of 10 000 confirmed messages, repeats few, and has each consumer once",
      { timeout: 600_000 },
      async () => {
        const [messages, crashes, prefetch] = [10_000, 10, 50];
        const runs = new Map<number, number>();
        let done = 0;
        const jobs = service("jobs", { work: oneWay({ request: n }), ask: method({ request: n, response: n }) });
        const unexpected: unknown[] = [];
        const running = await serve(
          jobs.implement({
            async work({ n }) {
              await Promise.resolve();
              done++;
              runs.set(n, (runs.get(n) ?? 0) + 1);
            },
            ask: ({ n }) => ({ n: n + 1 }),
          }),
          {
            ...quiet,
            on: [
              amqpServer({ url: broker.amqp, prefetch, reconnect: { maxDelayMs: 300 }, redelivery: { delayMs: 100 } }),
            ],
            report: (error) => (isLoss(error) ? undefined : unexpected.push(error)),
          },
        );
        await using remote = client(jobs, amqpClient({ whileDown: "wait", reconnect: { maxDelayMs: 300 } }), {
          from: broker.amqp,
          timeoutMs: 60_000,
          breaker: false,
          retry: false,
        });
        const confirmed = new Set<number>();
        let next = 0;
        let unconfirmed = 0;
        async function send(): Promise<void> {
          while (confirmed.size < messages) {
            // A number is sent once: what runs twice was delivered twice.
            const n = next++;
            try {
              await remote.work({ n });
              confirmed.add(n);
            } catch (error) {
              if (!ServiceError.is(error) || error.code !== "unavailable") unexpected.push(error);
              unconfirmed++;
            }
          }
        }
        const senders = Array.from({ length: 100 }, send);
        for (let i = 1; i <= crashes; i++) {
          await until(() => confirmed.size >= (messages * (i - 0.5)) / crashes || unexpected.length > 0);
          await broker.restart();
        }
        await Promise.all(senders);
        await until(() => [...confirmed].every((n) => runs.has(n)));
        expect((await remote.ask({ n: 1 })).n).toBe(2);
        expect(unexpected).toEqual([]);
        const repeated = done - runs.size;
        process.stderr.write(`${confirmed.size} confirmed, ${unconfirmed} not, ${repeated} done twice\n`);
        expect(repeated).toBeLessThanOrEqual(prefetch * crashes);
        const consumers = consumersOf(broker);
        expect(consumers["jobs"]).toBe(1);
        // The other one is that of replies, which has no queue.
        expect(Object.keys(consumers).filter((name) => !name.startsWith("amq."))).toEqual(["jobs"]);
        await running.stop();
      },
    );

    it("fails calls at once while the broker is away, and the first call after it is back succeeds", async () => {
      const echo = service("echo", { say: method({ request: n, response: n, idempotent: true }) });
      const running = await serve(echo.implement({ say: (request) => request }), {
        ...quiet,
        on: [amqpServer({ url: broker.amqp, reconnect: { maxDelayMs: 200 } })],
      });
      await using remote = client(echo, amqpClient(), {
        from: broker.amqp,
        breaker: false,
        retry: false,
        timeoutMs: 60_000,
      });
      expect(await remote.say({ n: 1 })).toEqual({ n: 1 });
      await broker.kill();
      const failures = await Promise.all(
        Array.from({ length: 1000 }, () => remote.say({ n: 1 }).catch((error: unknown) => error)),
      );
      expect(new Set(failures.map((error) => (error as ServiceError).code))).toEqual(new Set(["unavailable"]));
      await broker.restart();
      await consumed(broker, "echo");
      expect(await remote.say({ n: 2 })).toEqual({ n: 2 });
      await running.stop();
    });

    it("lets so many calls wait for the broker as it is told, until their deadline", async () => {
      const echo = service("waiting", { say: method({ request: n, response: n }) });
      const running = await serve(echo.implement({ say: (request) => request }), {
        ...quiet,
        on: [amqpServer({ url: broker.amqp, reconnect: { maxDelayMs: 100 } })],
      });
      await using remote = client(
        echo,
        amqpClient({ whileDown: "wait", maxWaiting: 2, reconnect: { maxDelayMs: 100 } }),
        { from: broker.amqp, breaker: false, retry: false, timeoutMs: 60_000 },
      );
      await remote.say({ n: 1 });
      await broker.kill();
      await expect
        .poll(() => remote.say({ n: 1 }, { timeoutMs: 50 }).catch(({ code }) => code))
        .toBe("deadline_exceeded");
      const short = remote.say({ n: 1 }, { timeoutMs: 200 }).catch(({ code }) => code);
      const long = remote.say({ n: 2 }, { timeoutMs: 60_000 });
      expect(await remote.say({ n: 3 }).catch(({ reason }) => reason)).toBe("overloaded");
      expect(await short).toBe("deadline_exceeded");
      await broker.restart();
      // Whoever was first: the request may be there before the server's queue is.
      expect(await long.catch(({ reason }) => reason)).toSatisfy(
        (got) => got === "unreachable" || (got as { n: number }).n === 2,
      );
      await running.stop();
    });

    it("ends calls by their deadline while the broker is frozen, notices it, and goes on when it thaws", async () => {
      const echo = service("frozen", { say: method({ request: n, response: n }) });
      const lost: unknown[] = [];
      const running = await serve(echo.implement({ say: (request) => request }), {
        ...quiet,
        on: [
          amqpServer({ url: broker.amqp, heartbeatMs: 1000, connectTimeoutMs: 3000, reconnect: { maxDelayMs: 200 } }),
        ],
        report: (error) => lost.push(error),
      });
      const options = { heartbeatMs: 1000, connectTimeoutMs: 3000, reconnect: { maxDelayMs: 200 } };
      await using remote = client(echo, amqpClient(options), {
        from: broker.amqp,
        breaker: false,
        retry: false,
        timeoutMs: 60_000,
      });
      await remote.say({ n: 1 });
      broker.freeze();
      expect(await remote.say({ n: 1 }, { timeoutMs: 300 }).catch(({ code }) => code)).toBe("deadline_exceeded");
      await until(() => lost.length > 0);
      broker.thaw();
      await expect.poll(() => remote.say({ n: 3 }).catch(() => undefined)).toEqual({ n: 3 });
      await running.stop();
    });
  },
);
