import { describe, expect, expectTypeOf, it } from "vitest";
import { ServiceError } from "../errors/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { health, type Health, type HealthEvent, type HealthReport, type PartOptions } from "./index.ts";

/** A check that counts its runs and settles when told. */
function manual() {
  const pending: { resolve: (value?: unknown) => void; reject: (error: unknown) => void; signal: AbortSignal }[] = [];
  let runs = 0;
  function check(signal: AbortSignal): Promise<unknown> {
    runs++;
    return new Promise((resolve, reject) => pending.push({ resolve, reject, signal }));
  }
  return { check, pending, runs: () => runs };
}

function started(parts: Record<string, PartOptions>) {
  const clock = virtualClock();
  const mine = health({ clock, parts });
  const events: HealthEvent[] = [];
  mine.onChange((event) => void events.push(event));
  mine.started();
  return { clock, mine, events };
}

const now = (answer: HealthReport | Promise<HealthReport>): HealthReport => {
  if (answer instanceof Promise) throw new Error("a plain report was expected, got a promise");
  return answer;
};

const states = (events: readonly HealthEvent[]): string[] =>
  events.filter((event) => event.kind === "state").map((event) => `${event.previous} -> ${event.state}`);

describe("the life of a service", () => {
  it("goes from starting to ready, back and forth, and ends draining", () => {
    const { mine, events } = started({ registry: {} });
    mine.set("registry", true);
    mine.set("registry", false);
    mine.set("registry", true);
    mine.drain();
    mine.set("registry", true);
    mine.started();
    expect(mine.state).toBe("draining");
    expect(states(events)).toEqual([
      "starting -> not_ready",
      "not_ready -> ready",
      "ready -> not_ready",
      "not_ready -> ready",
      "ready -> draining",
    ]);
  });

  it("is live but neither ready nor started before start-up is over", () => {
    const mine = health({ clock: virtualClock() });
    expect([now(mine.live()).ok, now(mine.ready()).ok, now(mine.startup()).ok]).toEqual([true, false, false]);
    mine.started();
    expect([now(mine.live()).ok, now(mine.ready()).ok, now(mine.startup()).ok]).toEqual([true, true, true]);
  });

  it("is live and started but not ready while it drains, and checks nothing any more", async () => {
    const live = manual();
    const { clock, mine } = started({ loop: { check: live.check, affects: "live" } });
    live.pending[0]!.reject(new Error("stuck"));
    await clock.advance(5000);
    mine.drain();
    expect([now(mine.live()).ok, now(mine.ready()).ok, now(mine.startup()).ok]).toEqual([true, false, true]);
    expect(live.runs()).toBe(1);
  });

  it("can drain before it has started", () => {
    const mine = health({ clock: virtualClock() });
    mine.drain();
    mine.started();
    expect([mine.state, now(mine.ready()).ok]).toEqual(["draining", false]);
  });

  it("stays starting until each part has been looked at once, without a probe", async () => {
    const db = manual();
    const { clock, mine, events } = started({ db: { check: db.check } });
    expect(mine.state).toBe("starting");
    db.pending[0]!.resolve();
    await settled();
    expect(mine.state).toBe("ready");
    expect(events).toEqual([
      { kind: "part", part: "db", ok: true, message: undefined, error: undefined, durationMs: 0 },
      { kind: "state", state: "ready", previous: "starting" },
    ]);
    expect(clock.pending).toBe(0);
  });

  it("answers not ready when the drain begins while a probe waits for a check", async () => {
    const db = manual();
    const { mine } = started({ db: { check: db.check } });
    const asked = mine.ready();
    mine.drain();
    db.pending[0]!.resolve();
    expect(await asked).toMatchObject({ ok: false, state: "draining", parts: { db: { ok: true } } });
  });
});

describe("a check", () => {
  it("that answers at once makes a plain report", () => {
    const { mine } = started({ memory: { check: () => true } });
    expect(now(mine.ready())).toEqual({
      ok: true,
      state: "ready",
      parts: { memory: { ok: true, message: undefined, durationMs: 0, checkedAgoMs: 0 } },
    });
  });

  it("runs once for a storm of probes, and again when its result has grown old", async () => {
    const db = manual();
    const { clock, mine } = started({ db: { check: db.check, cacheMs: 500 } });
    const asked = [mine.ready(), mine.ready(), mine.ready()];
    db.pending[0]!.resolve();
    for (const report of await Promise.all(asked.map(async (report) => report))) expect(report.ok).toBe(true);
    await clock.advance(499);
    expect(now(mine.ready()).parts["db"]).toMatchObject({ ok: true, checkedAgoMs: 499 });
    expect(db.runs()).toBe(1);
    await clock.advance(1);
    expect(mine.ready()).toBeInstanceOf(Promise);
    expect(db.runs()).toBe(2);
  });

  it("runs for each probe where nothing is cached", () => {
    let runs = 0;
    const { mine } = started({ db: { check: () => void runs++, cacheMs: 0 } });
    now(mine.ready());
    now(mine.ready());
    expect(runs).toBe(3);
  });

  it("runs only for the probes it matters to", () => {
    let runs = 0;
    const mine = health({ clock: virtualClock(), parts: { db: { check: () => void runs++ } } });
    expect(now(mine.live()).parts).toEqual({});
    expect(now(mine.startup()).parts).toEqual({});
    expect(runs).toBe(0);
    now(mine.ready());
    expect(runs).toBe(1);
  });

  it("is cut off at its time-out, and its signal aborts", async () => {
    const db = manual();
    const { clock, mine, events } = started({ db: { check: db.check, timeoutMs: 300 } });
    const asked = mine.ready();
    await clock.advance(300);
    expect((await asked).parts["db"]).toEqual({ ok: false, message: "timed out", durationMs: 300, checkedAgoMs: 0 });
    expect(db.pending[0]!.signal.aborted).toBe(true);
    expect(events[0]).toMatchObject({ kind: "part", part: "db", error: { reason: "deadline_exceeded" } });
    expect(clock.pending).toBe(0);
  });

  it("never runs beside itself: while a late one goes on, its time-out is the answer", async () => {
    const db = manual();
    const { clock, mine } = started({ db: { check: db.check, timeoutMs: 300, cacheMs: 0 } });
    await clock.advance(2999);
    expect(now(mine.ready()).parts["db"]).toMatchObject({ ok: false, message: "timed out", checkedAgoMs: 2699 });
    expect(db.runs()).toBe(1);
  });

  it("runs anew after a late answer, which changes nothing itself", async () => {
    const db = manual();
    const { clock, mine } = started({ db: { check: db.check, timeoutMs: 300, cacheMs: 60_000 } });
    await clock.advance(400);
    db.pending[0]!.resolve();
    await settled();
    expect(mine.state).toBe("not_ready");
    const asked = mine.ready();
    expect(db.runs()).toBe(2);
    db.pending[1]!.resolve();
    expect((await asked).ok).toBe(true);
  });

  it("that never settles is given up after ten time-outs, so that the part can recover", async () => {
    const db = manual();
    const { clock, mine } = started({ db: { check: db.check, timeoutMs: 300 } });
    await clock.advance(3000);
    const asked = mine.ready();
    expect(db.runs()).toBe(2);
    db.pending[0]!.resolve();
    await settled();
    expect(mine.state).toBe("not_ready");
    now(mine.live());
    void mine.ready();
    expect(db.runs()).toBe(2);
    db.pending[1]!.resolve();
    expect((await asked).ok).toBe(true);
    await settled();
    expect([mine.state, clock.pending]).toEqual(["ready", 0]);
  });

  it("fails by giving false, at once or later", async () => {
    const { mine } = started({ a: { check: () => false }, b: { check: () => Promise.resolve(false) } });
    expect((await mine.ready()).parts).toMatchObject({ a: { ok: false, message: "failed" }, b: { ok: false } });
  });

  it("may answer with anything that has a then", async () => {
    // Query builders run their query when they are waited for.
    // oxlint-disable-next-line unicorn/no-thenable -- it is what the test is about
    const query = { then: (ok: (value: unknown) => void) => void ok([{ one: 1 }]) } as unknown as PromiseLike<unknown>;
    const { mine } = started({ db: { check: () => query } });
    expect((await mine.ready()).ok).toBe(true);
  });

  it("shows nothing of an error in public, and all of it to the listener", async () => {
    const secret = new Error("connect db.internal:5432 as admin:hunter2");
    const { mine, events } = started({
      a: { check: () => Promise.reject(secret) },
      b: {
        check: () => {
          throw secret;
        },
      },
    });
    expect(JSON.stringify(await mine.ready())).not.toContain("hunter2");
    expect((await mine.ready()).parts).toMatchObject({ a: { message: "failed" }, b: { message: "failed" } });
    expect(events.filter((event) => event.kind === "part").map((event) => event.error)).toEqual([secret, secret]);
  });

  it("shows a ServiceError's message, which is public, and not its cause", async () => {
    const error = new ServiceError("replica too far behind", { code: "unavailable", cause: new Error("hunter2") });
    const { mine } = started({ db: { check: () => Promise.reject(error) } });
    const report = await mine.ready();
    expect(report.parts["db"]!.message).toBe("replica too far behind");
    expect(JSON.stringify(report)).not.toContain("hunter2");
  });
});

describe("a part", () => {
  it("that is not critical is shown and decides nothing", () => {
    const { mine } = started({ cache: { check: () => false, critical: false } });
    expect(now(mine.ready())).toMatchObject({ ok: true, state: "ready", parts: { cache: { ok: false } } });
  });

  it("that affects live takes readiness as well; one that affects ready leaves live alone", () => {
    const { mine } = started({ loop: { affects: "live" }, registry: {} });
    mine.set("registry", true);
    expect([now(mine.live()).ok, now(mine.ready()).ok]).toEqual([true, true]);
    mine.set("loop", false, "stuck for 30 s");
    expect([now(mine.live()).ok, now(mine.ready()).ok]).toEqual([false, false]);
    expect(Object.keys(now(mine.live()).parts)).toEqual(["loop"]);
    mine.set("loop", true);
    mine.set("registry", false);
    expect([now(mine.live()).ok, now(mine.ready()).ok]).toEqual([true, false]);
  });

  it("without a check is not ok until told; unless it affects live, where silence is no reason to restart", () => {
    const { mine } = started({ registry: {}, loop: { affects: "live" } });
    expect(now(mine.ready()).parts).toEqual({
      registry: { ok: false, message: "not known yet", durationMs: 0, checkedAgoMs: undefined },
      loop: { ok: true, message: undefined, durationMs: 0, checkedAgoMs: undefined },
    });
  });

  it("keeps what it was told, with its age", async () => {
    const { clock, mine } = started({ registry: {} });
    mine.set("registry", true, "leader is b");
    await clock.advance(60_000);
    expect(now(mine.ready()).parts["registry"]).toEqual({
      ok: true,
      message: "leader is b",
      durationMs: 0,
      checkedAgoMs: 60_000,
    });
  });

  it("can be added later: until it is first found it does not count", async () => {
    const db = manual();
    const { mine, events } = started({});
    mine.add("db", { check: db.check });
    expect(mine.state).toBe("ready");
    db.pending[0]!.reject(new Error("down"));
    await settled();
    expect(mine.state).toBe("not_ready");
    expect(states(events)).toEqual(["starting -> ready", "ready -> not_ready"]);
  });

  it("is told apart by its name, whatever that is", () => {
    const { mine } = started({ constructor: {}, toString: {} });
    mine.set("toString", true);
    expect(Object.keys(now(mine.ready()).parts)).toEqual(["constructor", "toString"]);
    expect(() => health({ parts: { ["__proto__"]: {} } })).toThrow(RangeError);
    expect(() => mine.set("hasOwnProperty", true)).toThrow(
      'part should be one of constructor, toString, got "hasOwnProperty"',
    );
  });
});

describe("listeners", () => {
  it("hear of changes only, not of every result", async () => {
    let works = true;
    const { clock, mine, events } = started({ db: { check: () => works } });
    for (const next of [true, true, false, false, true]) {
      await clock.advance(1000);
      works = next;
      now(mine.ready());
    }
    expect(events.map((event) => (event.kind === "part" ? event.ok : event.state))).toEqual([
      true,
      "ready",
      false,
      "not_ready",
      true,
      "ready",
    ]);
  });

  it("cannot break a probe by throwing, nor keep others from hearing", () => {
    const mine = health({ clock: virtualClock() });
    let heard = 0;
    mine.onChange(() => {
      throw new Error("log is full");
    });
    const second = mine.onChange(() => heard++);
    mine.started();
    second.cancel();
    mine.drain();
    expect([mine.state, heard]).toEqual(["draining", 1]);
  });
});

describe("wrong use", () => {
  it.each<[string, () => unknown, string]>([
    ["an unknown option", () => health({ part: {} } as never), 'health has no option "part", it has parts, clock'],
    [
      "a part's unknown option",
      () => health({ parts: { db: { everyMs: 5 } as never } }),
      'part db has no option "everyMs"',
    ],
    [
      "a bare function",
      () => health({ parts: { db: (() => undefined) as never } }),
      "part db should be options, got function db",
    ],
    ["a bad name", () => health({ parts: { "a b": {} } }), "part should be a name of at most 64"],
    [
      "a time-out of 0",
      () => health({ parts: { db: { timeoutMs: 0 } } }),
      "db.timeoutMs should be a number from 1 to 3600000, got 0",
    ],
    [
      "a negative cache",
      () => health({ parts: { db: { cacheMs: -1 } } }),
      "db.cacheMs should be a number from 0 to 3600000, got -1",
    ],
    [
      "an unknown effect",
      () => health({ parts: { db: { affects: "startup" as never } } }),
      'db.affects should be one of "ready", "live"',
    ],
    [
      "a check that is none",
      () => health({ parts: { db: { check: 5 as never } } }),
      "db.check should be a function, got 5",
    ],
    [
      "a name twice",
      () => health({ parts: { db: {} } }).add("db", {}),
      'part should have a name of its own, got "db" again',
    ],
    ["setting what nobody added", () => health().set("db", true), 'part should be one of no parts, got "db"'],
    [
      "setting a part with a check",
      () => health({ parts: { db: { check: () => true } } }).set("db", true),
      "part db should have no check to be set",
    ],
    ["a listener that is none", () => health().onChange(5 as never), "listener should be a function, got 5"],
  ])("throws for %s", (_, wrong, message) => {
    expect(wrong).toThrow(message);
  });

  it("takes an explicit undefined for a default", () => {
    const mine = health({
      clock: undefined,
      parts: {
        db: { check: () => true, timeoutMs: undefined, cacheMs: undefined, affects: undefined, critical: undefined },
      },
    });
    mine.started();
    expect(now(mine.ready()).ok).toBe(true);
  });

  it("does not compile where it cannot work", () => {
    expectTypeOf<ReturnType<Health["ready"]>>().toEqualTypeOf<HealthReport | Promise<HealthReport>>();
    // @ts-expect-error a check gives nothing, a boolean, or a promise: a count says neither yes nor no
    const count: PartOptions = { check: () => 3 };
    // @ts-expect-error the options of a part, not its check alone
    const bare: PartOptions = () => undefined;
    const query: PartOptions = { check: (signal) => Promise.resolve({ rows: [signal.aborted] }) };
    expect([count, bare, query]).toHaveLength(3);
  });
});
