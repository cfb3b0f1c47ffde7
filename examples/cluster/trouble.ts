/**
 * Three instances, a client at steady load, and trouble: one instance is killed, another becomes slow. Counts what the callers saw.
 *
 * @module
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { roundRobin } from "servicekit/balance";
import { client, explain, type ClientOptions, type ClosableClient } from "servicekit/client";
import { httpClient } from "servicekit/transport/http";
import { add } from "../addsvc/service.ts";
import { registered } from "./registry.ts";

const PER_SECOND = 200;
const SECONDS = 4;
const SLOW_MS = 800;

/** What fails, fails by its instance: not because this machine is busy. */
const TIMEOUT_MS = 10_000;

/** What callers saw, and what was decided. */
export interface Outcome {
  readonly calls: number;
  readonly failures: ReadonlyMap<string, number>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The part of the calls to the slow instance, while it was. */
  readonly slowShare: number;
  /** What the client made of each instance after each trouble. */
  readonly told: readonly string[];
}

type Policies = Pick<ClientOptions<typeof add.methods>, "retry" | "breaker" | "balance">;

/** Everything that a client does by itself, turned off: round robin and nothing else. */
export const OFF: Policies = {
  retry: false,
  breaker: false,
  balance: { strategy: roundRobin(), ejection: false, panicRatio: 0 },
};

/** Runs it once. */
export async function trouble(registry: string, policies: Policies = {}): Promise<Outcome> {
  const instances = [1, 2, 3].map(() => fork(new URL("./instance.js", import.meta.url), [registry]));
  try {
    const from = registered("add", registry);
    await using remote = client(add, httpClient(), { ...policies, from });
    while (from.listing.instances.length < 3) await pause(50);
    return await underLoad(remote, instances);
  } finally {
    await Promise.all(instances.map(ended));
  }
}

type Remote = ClosableClient<typeof add.methods>;

async function underLoad(remote: Remote, [first, second]: readonly ChildProcess[]): Promise<Outcome> {
  const failures = new Map<string, number>();
  const tookMs: number[] = [];
  let slow = 0;
  let whileSlow = 0;
  const told: string[] = [];
  const call = async (): Promise<void> => {
    const startMs = performance.now();
    try {
      await remote.sum({ a: 1, b: 2 }, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      const { reason } = error as { reason: string };
      failures.set(reason, (failures.get(reason) ?? 0) + 1);
    }
    const ms = performance.now() - startMs;
    tookMs.push(ms);
    if (ms >= SLOW_MS) slow++;
  };
  const calls: Promise<void>[] = [];
  for (let i = 0; i < SECONDS * PER_SECOND; i++) {
    if (i === PER_SECOND) first!.kill("SIGKILL");
    if (i === 2 * PER_SECOND) second!.send(SLOW_MS);
    if (i >= 2 * PER_SECOND) whileSlow++;
    if (i === 1.5 * PER_SECOND) told.push("Half a second after one was killed:", ...judged(remote));
    if (i === 3 * PER_SECOND) told.push("A second after another became slow:", ...judged(remote));
    calls.push(call());
    await pause(1000 / PER_SECOND);
  }
  await Promise.all(calls);
  tookMs.sort((a, b) => a - b);
  const at = (ratio: number): number => tookMs[Math.floor(ratio * (tookMs.length - 1))]!;
  return { calls: calls.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), slowShare: slow / whileSlow, told };
}

function judged(remote: Remote): string[] {
  return explain(remote).map(({ instance, because, calls, failures, cost = 0 }) => {
    const costs = `${cost.toFixed(cost < 100 ? 1 : 0)} ms`.padStart(8);
    return `  ${instance.address}  calls ${String(calls).padEnd(4)} failed ${String(failures).padEnd(3)} next ${costs}  ${because}`;
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGINT");
  await once(child, "exit");
}
