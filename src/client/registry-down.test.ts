// The registry is away for ten minutes, and one of the instances it told of dies meanwhile.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { random } from "../balance/index.ts";
import { source } from "../discovery/index.ts";
import { policyError } from "../errors/index.ts";
import { method, service } from "../index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { client, close, explain, type ClientOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const jobs = service("jobs", { look: method({ request: n, response: n, idempotent: true }) });

type Policies = Partial<ClientOptions<typeof jobs.methods>>;

async function tenMinutes(seed: number, policies: Policies = {}) {
  const clock = virtualClock();
  let isDown = false;
  let isDead = false;
  const from = source({
    name: "told once",
    clock,
    random: seededRandom(seed),
    watch: ({ list }) => {
      if (isDown) return Promise.reject(new Error("the registry does not answer"));
      list(["a:1", "b:1", "c:1"]);
      return Promise.resolve();
    },
  });
  const transport: ClientTransport = {
    name: "network",
    "~client": true,
    open: (_service, instance) => ({
      unary: () => (request) =>
        isDead && instance === "b:1" ? Promise.reject(policyError("unreachable")) : Promise.resolve(request),
      stream: () => {
        throw new Error("no streams here");
      },
      close: () => Promise.resolve(),
    }),
  };
  const remote = client(jobs, transport, { from, clock, random: seededRandom(seed), ...policies });
  let failed = 0;
  const call = (i: number): Promise<unknown> => remote.look({ n: i }).catch(() => failed++);
  await call(0);
  isDown = true;
  const beforeMs = clock.now();
  for (let i = 1; clock.now() - beforeMs < 600_000; i++) {
    if (clock.now() - beforeMs > 60_000) isDead = true;
    const calls = [call(i), call(i), call(i), call(i)];
    await clock.advance(1000);
    await Promise.all(calls);
  }
  const { state, error } = from.listing;
  const seen = explain(remote);
  await close(remote);
  return { failed, state, error, seen, pending: clock.pending };
}

describe("with the registry away for ten minutes, a client", () => {
  it.each([1, 2, 3, 4, 5])("loses no call, and puts out whoever died meanwhile: seed %i", async (seed) => {
    const { failed, state, error, seen, pending } = await tenMinutes(seed);
    expect(failed).toBe(0);
    expect(state).toBe("stale");
    expect(error?.message).toContain("the registry does not answer");
    const dead = seen.find(({ instance }) => instance.address === "b:1")!;
    const others = seen.filter((one) => one !== dead);
    expect(dead.failures).toBeGreaterThan(0);
    for (const one of others) expect(dead.calls).toBeLessThan(one.calls! / 10);
    expect(pending).toBe(0);
  });

  it("loses a third of them with its policies off: the control", async () => {
    const { failed } = await tenMinutes(1, {
      retry: false,
      breaker: false,
      balance: { ejection: false, strategy: random() },
    });
    expect(failed).toBeGreaterThan(600);
  });
});
