// A client whose instances come from a source: it follows every change, and loses no call to one.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { source, type InstanceInput, type Source, type WatchSession } from "../discovery/index.ts";
import { method, service, type ServiceError } from "../index.ts";
import { settled, virtualClock, type VirtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { client, close, describe as stack, explain } from "./index.ts";

const n = z.object({ n: z.int() });
const jobs = service("jobs", { look: method({ request: n, response: n, idempotent: true }) });

/** A source that says what the test says. */
function told(
  clock: VirtualClock,
): Source & { say(...list: (string | InstanceInput)[]): void; readonly isWatched: boolean } {
  let session: WatchSession | undefined;
  const made = source({
    name: "told",
    clock,
    random: seededRandom(1),
    allowEmpty: true,
    guard: false,
    silenceMs: Infinity,
    watch: (one) => {
      session = one;
      return new Promise((resolve) => one.signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  });
  return Object.defineProperties(made, {
    say: { value: (...list: (string | InstanceInput)[]) => session!.list(list) },
    isWatched: { get: () => session !== undefined && !session.signal.aborted },
  }) as Source & { say(...list: (string | InstanceInput)[]): void; readonly isWatched: boolean };
}

interface Held {
  readonly instance: string;
  answer(): void;
}

/** Each call stays open until the test answers it. */
function network(): ClientTransport & { readonly held: Held[]; readonly opened: string[]; readonly closed: string[] } {
  const held: Held[] = [];
  const opened: string[] = [];
  const closed: string[] = [];
  return {
    name: "network",
    "~client": true,
    held,
    opened,
    closed,
    open: (_service, instance) => {
      opened.push(instance);
      return {
        unary: () => (_request, call) =>
          new Promise((resolve, reject) => {
            call.onCancel(reject);
            held.push({ instance, answer: () => resolve({ n: 1 }) });
          }),
        stream: () => {
          throw new Error("no streams here");
        },
        close: () => {
          closed.push(instance);
          return Promise.resolve();
        },
      };
    },
  };
}

function following() {
  const clock = virtualClock();
  const from = told(clock);
  const transport = network();
  const remote = client(jobs, transport, { from, clock, random: seededRandom(3) });
  const answered = async (): Promise<string> => {
    const call = remote.look({ n: 1 });
    await settled();
    const one = transport.held.pop()!;
    one.answer();
    await call;
    return one.instance;
  };
  return { clock, from, transport, remote, answered };
}

describe("a client of a source", () => {
  it("lets the first calls wait until something is known, no longer than their deadline", async () => {
    const { clock, from, transport, remote } = following();
    const hasty = remote.look({ n: 1 }, { timeoutMs: 50 }).catch((error: unknown) => error as ServiceError);
    const call = remote.look({ n: 1 });
    await clock.advance(60);
    expect(await hasty).toMatchObject({
      reason: "no_instances",
      message: "nothing is known of the instances yet",
    });
    from.say("a:1");
    await settled();
    transport.held[0]!.answer();
    expect(await call).toEqual({ n: 1 });
    await close(remote);
    expect(clock.pending).toBe(0);
  });

  it("does not take the wait for the source for the time that an instance takes", async () => {
    const { clock, from, transport, remote } = following();
    const calls = [1, 2, 3].map((n) => remote.look({ n }));
    await clock.advance(2000);
    from.say("a:1");
    await settled();
    for (const one of transport.held) one.answer();
    await Promise.all(calls);
    expect(explain(remote)[0]!.calls).toBe(3);
    expect(explain(remote)[0]!.cost).toBeLessThan(1);
  });

  it("fails calls as no_instances when there is none, and serves them again when there is", async () => {
    const { from, remote, answered } = following();
    await settled();
    from.say();
    await expect(remote.look({ n: 1 })).rejects.toMatchObject({ code: "unavailable", reason: "no_instances" });
    from.say("a:1");
    expect(await answered()).toBe("a:1");
  });

  it("calls those that are listed now, over one channel each", async () => {
    const { from, transport, answered } = following();
    await settled();
    from.say("a:1", "b:1");
    const first = new Set(await inTurn(answered, 20));
    expect([...first].sort()).toEqual(["a:1", "b:1"]);
    from.say("b:1", "c:1");
    expect([...new Set(await inTurn(answered, 20))].sort()).toEqual(["b:1", "c:1"]);
    expect(transport.opened.sort()).toEqual(["a:1", "b:1", "c:1"]);
  });

  it("lets the calls of an instance that is gone finish, and then closes the way to it", async () => {
    const { from, transport, remote } = following();
    await settled();
    from.say("a:1");
    const call = remote.look({ n: 1 });
    await settled();
    from.say("b:1");
    await settled();
    expect(transport.closed).toEqual([]);
    transport.held[0]!.answer();
    expect(await call).toEqual({ n: 1 });
    await settled();
    expect(transport.closed).toEqual(["a:1"]);
  });

  it("goes on by what was last known while the source fails, and says so in its stack", async () => {
    const { from, remote, answered } = following();
    await settled();
    from.say("a:1");
    expect(await answered()).toBe("a:1");
    expect(stack(remote)).toContain("transport   network told, at most 3000 ms");
    expect(stack(remote)).toContain("balancer    p2c over 1 instance, ");
  });

  it("refuses calls that wait for the source when it is closed", async () => {
    const { clock, from, remote } = following();
    const waiting = remote.look({ n: 1 });
    await settled();
    await close(remote);
    await expect(waiting).rejects.toMatchObject({ reason: "no_instances", message: "the client is closed" });
    expect(from.isWatched).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("leaves the source when an option of a method is wrong", async () => {
    const clock = virtualClock();
    const from = told(clock);
    const broken = { methods: { look: { timeoutMs: -1 } } };
    expect(() => client(jobs, network(), { from, clock, ...broken })).toThrow("methods.look.timeoutMs");
    await settled();
    expect(from.isWatched).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("leaves the source when it is closed, also before anything was known", async () => {
    for (const list of [["a:1"], undefined]) {
      const { from, remote, clock } = following();
      await settled();
      expect(from.isWatched).toBe(true);
      if (list !== undefined) from.say(...list);
      await close(remote);
      expect(from.isWatched).toBe(false);
      await expect(remote.look({ n: 1 })).rejects.toMatchObject({ message: "the client is closed" });
      expect(clock.pending).toBe(0);
    }
  });
});

async function inTurn<T>(run: () => Promise<T>, times: number): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await run());
  return results;
}
