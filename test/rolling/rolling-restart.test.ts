// Five real instances, restarted one after the other under load, again and again: no call of a client as it comes fails.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { client } from "../../src/client/index.ts";
import { method, service, type ServiceError } from "../../src/index.ts";
import { systemClock } from "../../src/time/index.ts";
import { httpClient } from "../../src/transport/http/index.ts";
import { freePort } from "../../tools/servers/fetched.ts";
import { passing } from "../until.ts";

const n = z.object({ n: z.int() });
const jobs = service("jobs", { look: method({ request: n, response: n, idempotent: true, timeoutMs: 20_000 }) });

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

async function begun(port: number, drains: boolean): Promise<ChildProcess> {
  const child = fork(new URL("backend.mjs", import.meta.url), [String(port), drains ? "yes" : "no"]);
  running.add(child);
  child.once("exit", () => running.delete(child));
  await Promise.race([once(child, "message"), once(child, "exit").then(() => Promise.reject(new Error("it ended")))]);
  return child;
}

/** Until then it goes on, however long a process takes to begin on a machine that is busy. */
const RESTARTS = 5;

interface Outcome {
  readonly calls: number;
  readonly failures: readonly string[];
}

/** Calls at a steady pace while each instance is ended and begun again, until there were enough of both. */
async function restarted(calls: number, isBare: boolean): Promise<Outcome> {
  const drains = !isBare;
  const ports: number[] = [];
  for (let i = 0; i < 5; i++) ports.push(await freePort());
  const children = await Promise.all(ports.map((port) => begun(port, drains)));
  const policies = isBare ? { retry: false as const } : {};
  await using remote = client(jobs, httpClient(), { from: ports.map((port) => `127.0.0.1:${port}`), ...policies });
  const failures: string[] = [];
  let restarts = 0;
  let isOver = false;
  async function roll(): Promise<void> {
    for (let i = 0; !isOver; i = (i + 1) % ports.length) {
      const old = children[i]!;
      old.kill("SIGTERM");
      if (running.has(old)) await once(old, "exit");
      children[i] = await begun(ports[i]!, drains);
      restarts++;
      // Faster than orchestrators do: the next one goes as soon as this one has served a little.
      await passing(700);
    }
  }
  const rolling = roll();
  rolling.catch(() => (isOver = true));
  const beganMs = systemClock.now();
  const pending = new Set<Promise<void>>();
  let made = 0;
  while (!isOver && (made < calls || restarts < RESTARTS)) {
    // As many as are due by now at 2,000 a second, but no flood after a pause of this process.
    const due = Math.floor((systemClock.now() - beganMs) * 2);
    for (; made < due && pending.size < 200; made++) {
      const asked = made;
      const call = remote.look({ n: asked }).then(
        ({ n }) => void (n === asked ? undefined : failures.push("wrong answer")),
        (error: ServiceError) => void failures.push(`${error.code} ${error.reason}`),
      );
      pending.add(call);
      void call.finally(() => pending.delete(call));
    }
    await passing(1);
  }
  await Promise.all(pending);
  isOver = true;
  await rolling;
  for (const child of children) child.kill("SIGKILL");
  return { calls: made, failures };
}

describe("a rolling restart", () => {
  it("fails none of 50,000 calls", { timeout: 480_000 }, async () => {
    const { calls, failures } = await restarted(50_000, false);
    expect(calls).toBeGreaterThanOrEqual(50_000);
    expect(failures).toEqual([]);
  });

  it("does fail some without drain and retries: the control", { timeout: 240_000 }, async () => {
    const { failures } = await restarted(5000, true);
    expect(failures.length).toBeGreaterThan(0);
  });
});
