import { describe, expect, expectTypeOf, it } from "vitest";
import { health } from "../health/index.ts";
import { registry } from "../metrics/index.ts";
import { run, type Runnable } from "../run/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import {
  LostRegistration,
  registrar,
  type Announcer,
  type Instance,
  type Registrar,
  type RegistrarEvent,
  type RegistrarOptions,
} from "./index.ts";

const TTL_MS = 10_000;

/** A registry in virtual time, with leases, and a registrar over it. */
function playground(options: Partial<RegistrarOptions> = {}, seed = 1) {
  const clock = virtualClock();
  const events: RegistrarEvent[] = [];
  const known = new Map<string, { instance: Instance; untilMs: number }>();
  const calls: string[] = [];
  const state = { down: undefined as Error | undefined, frozen: false, closed: 0, busy: 0, most: 0 };
  async function call(what: string, signal: AbortSignal, work: () => void): Promise<void> {
    calls.push(what);
    state.most = Math.max(state.most, ++state.busy);
    try {
      await Promise.resolve();
      if (state.frozen)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      if (state.down !== undefined) throw state.down;
      for (const [id, { untilMs }] of known) if (untilMs < clock.now()) known.delete(id);
      work();
    } finally {
      state.busy--;
    }
  }
  const announcer: Announcer = {
    name: "test add",
    renewMs: TTL_MS / 3,
    register: (one, signal) =>
      call("register", signal, () => known.set(one.id, { instance: one, untilMs: clock.now() + TTL_MS })),
    renew: (one, signal) =>
      call("renew", signal, () => {
        const entry = known.get(one.id);
        if (entry === undefined) throw new LostRegistration("unknown");
        entry.untilMs = clock.now() + TTL_MS;
      }),
    deregister: (one, signal) => call("deregister", signal, () => known.delete(one.id)),
    close: () => void state.closed++,
  };
  const mine = registrar({
    announcer,
    instance: "a:1",
    clock,
    random: seededRandom(seed),
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const isKnown = (): boolean => (known.get("a:1")?.untilMs ?? -1) >= clock.now();
  return { clock, events, known, calls, state, mine, isKnown, kinds: () => events.map(({ kind }) => kind) };
}

async function started(options: Partial<RegistrarOptions> = {}, seed = 1) {
  const g = playground(options, seed);
  await g.mine.start();
  return g;
}

const down = new Error("connection refused");

describe("a registrar", () => {
  it("registers, renews with jitter, and takes out, once", async () => {
    const g = await started();
    expect(g.mine.registration).toEqual({ state: "registered", sinceMs: 0, error: undefined });
    expect(g.mine.instance?.address).toBe("a:1");
    await g.clock.advance(100_000);
    expect(g.isKnown()).toBe(true);
    const renewals = g.calls.filter((call) => call === "renew").length;
    expect(renewals).toBeGreaterThanOrEqual(27);
    expect(renewals).toBeLessThanOrEqual(33);
    await Promise.all([g.mine.close(), g.mine.close()]);
    await g.mine.close();
    expect(g.calls.filter((call) => call !== "renew")).toEqual(["register", "deregister"]);
    expect([g.known.size, g.state.closed, g.clock.pending, g.mine.registration.state]).toEqual([0, 1, 0, "gone"]);
    expect(g.kinds()).toEqual(["registered", "gone"]);
    await g.clock.advance(100_000);
    expect(g.known.size).toBe(0);
  });

  it("calls a function for its instance at start, with the addresses of the servers before it", async () => {
    const g = playground({
      instance: (url) => Promise.resolve({ address: new URL(url!).host, id: "a:1", version: "1" }),
    });
    expect(g.mine.instance).toBeUndefined();
    const server: Runnable = {
      name: "http",
      start: () => undefined,
      close: () => undefined,
      addresses: ["http://10.0.0.1:41234"],
    };
    const group = run([server, g.mine], { signals: false, exit: false, clock: g.clock });
    await group.started;
    expect(g.known.get("a:1")?.instance.address).toBe("10.0.0.1:41234");
    expect(await group.stop()).toBe(0);
    expect([g.known.size, g.state.closed]).toEqual([0, 1]);
  });

  it("fails to start, closed, where its instance cannot be made", async () => {
    const g = playground({ instance: () => "" });
    await expect(g.mine.start()).rejects.toThrow("address should be a non-empty string");
    expect([g.state.closed, g.calls, g.clock.pending]).toEqual([1, [], 0]);
  });

  it("that was never started is closed without a call", async () => {
    const g = playground();
    await g.mine.close();
    await g.mine.start();
    expect([g.calls, g.state.closed, g.clock.pending]).toEqual([[], 1, 0]);
  });

  it("started twice registers once", async () => {
    const g = await started();
    await g.mine.start();
    await g.clock.advance(1000);
    expect(g.calls).toEqual(["register"]);
  });

  it("is a member of a run group by its shape", () => {
    expectTypeOf<Registrar>().toExtend<Runnable>();
    // @ts-expect-error an announcer without renew cannot keep anything
    const half: Announcer = { name: "x", renewMs: 10, register: async () => {}, deregister: async () => {} };
    expect(half.name).toBe("x");
  });
});

describe("a registry that is down at start", () => {
  it("holds up the start for startMs and no longer, and is asked until it is up", async () => {
    const g = playground({ startMs: 1000 });
    g.state.down = down;
    let isStarted = false;
    const starting = g.mine.start().then(() => (isStarted = true));
    await g.clock.advance(999);
    expect(isStarted).toBe(false);
    await g.clock.advance(1);
    await starting;
    expect(g.mine.registration).toEqual({ state: "registering", sinceMs: 0, error: down });
    await g.clock.advance(600_000);
    g.state.down = undefined;
    await g.clock.advance(2000);
    expect(g.mine.registration).toEqual({
      state: "registered",
      sinceMs: expect.any(Number) as number,
      error: undefined,
    });
    expect(g.isKnown()).toBe(true);
    const waits = g.events.flatMap((event) => (event.kind === "retry" ? [event.delayMs] : []));
    expect(Math.max(...waits)).toBeLessThanOrEqual(2000);
    expect(waits.length).toBeLessThan(900);
  });

  it("makes a required registration fail, with the cause, and leaves nothing", async () => {
    const g = playground({ startMs: 1000, required: true });
    g.state.down = down;
    const starting = g.mine.start();
    starting.catch(() => undefined);
    await g.clock.advance(60_000);
    await expect(starting).rejects.toMatchObject({
      message: "register test add did not succeed within 1000 ms",
      cause: down,
    });
    expect([g.clock.pending, g.state.closed]).toEqual([0, 1]);
  });

  it("may be left while it is asked", async () => {
    const g = playground();
    g.state.frozen = true;
    const starting = g.mine.start();
    await settled();
    const closing = g.mine.close();
    await g.clock.advance(20_000);
    await Promise.all([starting, closing]);
    expect(g.mine.registration).toMatchObject({ state: "gone", error: expect.any(Error) as Error });
    expect([g.clock.pending, g.state.busy]).toEqual([0, 0]);
  });
});

describe("a registration that is lost", () => {
  // faults.md §2, row 1: within TTL + 5 s after the registry returns, 20 of 20 times.
  it.each(["down", "frozen", "forgotten"] as const)(
    "because the registry was %s comes again, 20 of 20 times",
    async (trouble) => {
      for (let seed = 1; seed <= 20; seed++) {
        const g = await started({}, seed);
        await g.clock.advance(seed * 777);
        if (trouble === "down") g.state.down = down;
        if (trouble === "frozen") g.state.frozen = true;
        if (trouble === "forgotten") g.known.clear();
        else {
          await g.clock.advance(TTL_MS * 2 + seed * 321);
          expect(g.mine.registration.state).toBe("lost");
          expect(g.mine.registration.error).toBeInstanceOf(Error);
        }
        g.state.down = undefined;
        g.state.frozen = false;
        await g.clock.advance(TTL_MS + 5000);
        expect([g.isKnown(), g.mine.registration.state, g.mine.registration.error]).toEqual([
          true,
          "registered",
          undefined,
        ]);
        const again = g.events.filter((event) => event.kind === "registered" && event.isAgain);
        expect(again).toHaveLength(1);
        expect(g.kinds().filter((kind) => kind === "lost")).toHaveLength(1);
        // In time, too: it stays.
        await g.clock.advance(TTL_MS * 3);
        expect(g.isKnown()).toBe(true);
        expect(g.state.most).toBe(1);
        await g.mine.close();
        expect(g.clock.pending).toBe(0);
      }
    },
  );

  it("is not registered by all at the same moment", async () => {
    const times: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const g = await started({ random: { ...seededRandom(seed), fraction: () => seed / 21 } }, seed);
      g.known.clear();
      const before = g.calls.length;
      while (g.calls.slice(before).every((call) => call !== "register")) await g.clock.advance(10);
      times.push(g.clock.now());
      await g.mine.close();
    }
    expect(new Set(times).size).toBeGreaterThan(15);
  });

  it("would stay lost with one that renews and never registers again", async () => {
    const g = playground();
    const naive: Announcer = {
      name: "naive",
      renewMs: TTL_MS / 3,
      register: (one) => Promise.resolve(void g.known.set(one.id, { instance: one, untilMs: g.clock.now() + TTL_MS })),
      renew: () => Promise.resolve(),
      deregister: () => Promise.resolve(),
    };
    const control = registrar({ announcer: naive, instance: "a:1", clock: g.clock });
    await control.start();
    g.known.clear();
    await g.clock.advance(TTL_MS + 5000);
    expect(g.isKnown()).toBe(false);
    await control.close();
  });
});

describe("an update", () => {
  it("is told in place, at once, and resolves when the registry has it", async () => {
    const g = await started({ instance: { address: "a:1", version: "1", tags: ["x"] } });
    await g.mine.update({ metadata: { build: "2" }, weight: 3 });
    expect(g.known.get("a:1")?.instance).toMatchObject({
      version: "1",
      tags: ["x"],
      metadata: { build: "2" },
      weight: 3,
    });
    expect(g.calls).toEqual(["register", "register"]);
    expect(g.kinds()).toEqual(["registered", "updated"]);
    await g.clock.advance(TTL_MS);
    expect(g.calls).toContain("renew");
  });

  it("is told later while the registry is down, the last one only", async () => {
    const g = await started();
    g.state.down = down;
    const updates = [g.mine.update({ weight: 2 }), g.mine.update({ weight: 3 })];
    await g.clock.advance(60_000);
    expect(g.known.get("a:1")?.instance.weight).toBe(1);
    g.state.down = undefined;
    await g.clock.advance(2000);
    await Promise.all(updates);
    expect(g.known.get("a:1")?.instance.weight).toBe(3);
    expect(g.mine.registration.state).toBe("registered");
  });

  it("before the start is part of it, after the end nothing, and none waits for ever", async () => {
    const g = playground();
    await g.mine.update({ weight: 5 });
    await g.mine.start();
    expect(g.known.get("a:1")?.instance.weight).toBe(5);
    g.state.down = down;
    const waiting = g.mine.update({ weight: 6 });
    const closing = g.mine.close();
    await g.clock.advance(10_000);
    await Promise.all([waiting, closing]);
    await g.mine.update({ weight: 7 });
    expect(g.clock.pending).toBe(0);
  });

  it("that makes no sense is refused, and changes nothing", async () => {
    const g = playground();
    expect(() => void g.mine.update({ weight: -1 })).toThrow("weight should be a number");
    await g.mine.start();
    expect(() => void g.mine.update({ weight: -1 })).toThrow("weight should be a number");
    expect(g.mine.instance?.weight).toBe(1);
  });
});

describe("the end", () => {
  it("takes the instance out before the servers drain", async () => {
    const g = playground();
    const steps: string[] = [];
    const server: Runnable = {
      name: "http",
      start: () => undefined,
      drain: () => void steps.push(`drain, ${g.known.size} known`),
      close: () => undefined,
    };
    const group = run([server, g.mine], { signals: false, exit: false, clock: g.clock });
    await group.started;
    expect(g.known.size).toBe(1);
    expect(await group.stop()).toBe(0);
    expect(steps).toEqual(["drain, 0 known"]);
    expect(g.calls).toEqual(["register", "deregister"]);
  });

  it("marks first where that is asked for, renews on, and takes out when it is closed", async () => {
    const g = await started({ onDrain: "mark" });
    await g.mine.drain();
    await g.mine.leave();
    expect(g.known.get("a:1")?.instance.health).toBe("draining");
    expect(g.mine.registration.state).toBe("draining");
    await g.clock.advance(TTL_MS * 2);
    expect(g.isKnown()).toBe(true);
    await g.mine.close();
    expect([g.known.size, g.clock.pending]).toEqual([0, 0]);
    expect(g.kinds()).toEqual(["registered", "draining", "updated", "gone"]);
  });

  it("tries a few times, is bounded by closeMs, and says that it failed", async () => {
    const g = await started({ closeMs: 5000 });
    g.state.down = down;
    const closing = g.mine.close();
    await g.clock.advance(5000);
    await closing;
    expect(g.calls.filter((call) => call === "deregister")).toHaveLength(3);
    expect(g.mine.registration).toMatchObject({ state: "gone", error: down });
    expect(g.events.at(-1)).toMatchObject({ kind: "gone", error: down });
    const frozen = await started({ closeMs: 5000 });
    frozen.state.frozen = true;
    const slow = frozen.mine.close();
    await frozen.clock.advance(5000);
    await slow;
    expect([frozen.clock.pending, frozen.state.busy]).toEqual([0, 0]);
  });

  it("that has no time asks once, does not wait, and says that the instance may still be there", async () => {
    const g = await started({ closeMs: 0 });
    g.state.frozen = true;
    const closing = g.mine.close();
    await g.clock.advance(0);
    await closing;
    expect(g.calls).toEqual(["register", "deregister"]);
    expect(g.mine.registration.error?.message).toBe("test add: deregistering took more than 0 ms");
    const cut = await started();
    await cut.mine.leave(AbortSignal.abort(new Error("too late")));
    expect(cut.mine.registration).toMatchObject({ state: "gone", error: { message: "too late" } });
    expect([g.clock.pending, cut.clock.pending]).toEqual([0, 0]);
  });

  it("does not wait after its last try", async () => {
    const g = await started({ random: { ...seededRandom(1), fraction: () => 0.5 } });
    g.state.down = down;
    const closing = g.mine.close();
    // The waits after the first and the second try: half of 100 ms and of 200.
    await g.clock.advance(150);
    await closing;
    expect(g.calls.filter((call) => call === "deregister")).toHaveLength(3);
    expect(g.clock.now()).toBe(150);
  });

  it("is cut by its deadline", async () => {
    const g = await started();
    g.state.frozen = true;
    const deadline = new AbortController();
    const leaving = g.mine.leave(deadline.signal);
    await settled();
    deadline.abort(new Error("too late"));
    await settled();
    await leaving;
    expect(g.mine.registration.state).toBe("gone");
    await g.mine.close();
    expect(g.clock.pending).toBe(0);
  });

  // The answer is in and the loop has not gone on yet: it then slept until the next renewal, and the stop with it.
  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    "comes at once, %s turns after the registry has answered",
    async (turns) => {
      const clock = virtualClock();
      let isClosed = false;
      const mine = registrar({
        announcer: {
          name: "test add",
          renewMs: TTL_MS,
          async register() {
            void (async () => {
              for (let turn = 0; turn < turns; turn++) await Promise.resolve();
              await mine.close();
              isClosed = true;
            })();
          },
          renew: async () => {},
          deregister: async () => {},
        },
        instance: "a:1",
        clock,
      });
      await mine.start();
      await settled();
      expect([isClosed, mine.registration.state, clock.pending]).toEqual([true, "gone", 0]);
    },
  );

  it("comes with the block that holds it", async () => {
    const g = playground();
    {
      await using mine = g.mine;
      await mine.start();
    }
    expect(g.known.size).toBe(0);
  });
});

describe("what is told", () => {
  it("is shown by health and metrics", async () => {
    const mineHealth = health({ parts: { registration: {} } });
    const metrics = registry();
    mineHealth.started();
    const g = playground({ health: mineHealth, metrics });
    expect((await mineHealth.ready()).parts["registration"]).toMatchObject({
      ok: false,
      message: "not registered yet",
    });
    await g.mine.start();
    expect((await mineHealth.ready()).ok).toBe(true);
    expect(metrics.text()).toContain('discovery_registered{registrar="register test add"} 1');
    g.state.down = down;
    await g.clock.advance(TTL_MS);
    expect((await mineHealth.ready()).parts["registration"]).toMatchObject({ ok: false, message: "not registered" });
    expect(metrics.text()).toMatch(/discovery_registration_failures_total\{registrar="register test add"\} [1-9]/);
  });

  it("is written, and a broken listener breaks nothing", async () => {
    const lines: string[] = [];
    const write = (message: string): void => void lines.push(message);
    const g = playground({
      log: { debug: write, info: write, warn: write },
      onDrain: "mark",
      onEvent: () => {
        throw new Error("broken");
      },
    });
    await g.mine.start();
    g.known.clear();
    await g.clock.advance(TTL_MS);
    await g.mine.drain();
    await g.mine.close();
    expect(lines).toEqual([
      "registered",
      "registration lost",
      "registry will be asked again",
      "registered again",
      "registration is draining",
      "registration updated",
      "deregistered",
    ]);
  });

  it("has a part of health that is there, or is refused at construction", () => {
    expect(() => playground({ health: health() })).toThrow("part should be one of no parts");
  });
});

describe("wrong use", () => {
  const fine: Announcer = {
    name: "x",
    renewMs: 100,
    register: () => Promise.resolve(),
    renew: () => Promise.resolve(),
    deregister: () => Promise.resolve(),
  };
  it.each<[string, object, string]>([
    ["no announcer", { announcer: undefined }, "announcer should be the way to a registry, got undefined"],
    ["half an announcer", { announcer: { ...fine, renew: 1 } }, "announcer.renew should be a function, got 1"],
    ["no instance", { instance: undefined }, "instance should be an address, have one, or give one, got undefined"],
    ["a misspelt option", { startMS: 1 }, 'registrar has no option "startMS"'],
    ["an unknown end", { onDrain: "leave" }, 'onDrain should be one of "deregister", "mark", got "leave"'],
    ["an endless time", { closeMs: Infinity }, "closeMs should be a number from 0 to 3600000, got Infinity"],
  ])("throws for %s", (_, changes, message) => {
    expect(() => registrar({ announcer: fine, instance: "a:1", ...changes } as RegistrarOptions)).toThrow(message);
  });
});
