import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { health } from "../health/index.ts";
import { settled, virtualClock } from "../testing/index.ts";
import { run, runEventLine, task, type RunEvent, type RunOptions, type Runnable, type StopSignal } from "./index.ts";

/** A source of signals that also says who listens. */
function fakeSignals() {
  const listeners: (readonly [StopSignal, () => void])[] = [];
  return {
    on: (signal: StopSignal, run: () => void) => void listeners.push([signal, run]),
    off: (signal: StopSignal, run: () => void) => {
      const at = listeners.findIndex(([name, one]) => name === signal && one === run);
      if (at >= 0) listeners.splice(at, 1);
    },
    send(signal: StopSignal): void {
      for (const [name, run] of listeners.slice()) if (name === signal) run();
    },
    count: () => listeners.length,
  };
}

type Steps = Partial<Pick<Runnable, "start" | "drain" | "close" | "done" | "addresses">>;

/** Runs members in virtual time and writes down everything that happens, with the time. */
function playground(options: RunOptions = {}) {
  const clock = virtualClock();
  const signals = fakeSignals();
  const log: string[] = [];
  const events: RunEvent[] = [];
  const exits: [number, boolean][] = [];
  const note = (text: string): void => void log.push(`${clock.now()} ${text}`);
  const later = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  function member(name: string, steps: Steps = {}): Runnable {
    return {
      name,
      start: (signal, addresses) => (note(`${name}.start`), steps.start?.(signal, addresses)),
      drain: (deadline, isAwaited) => {
        note(`${name}.drain`);
        deadline.addEventListener("abort", () => note(`${name} is cut`));
        return steps.drain?.(deadline, isAwaited);
      },
      close: () => (note(`${name}.close`), steps.close?.()),
      done: steps.done,
      addresses: steps.addresses,
    };
  }
  function group(members: readonly Runnable[]) {
    const all: RunOptions = {
      clock,
      signals,
      exit: (code, isForced) => {
        exits.push([code, isForced]);
        note(`exit ${code}`);
      },
      onEvent: (event) => {
        events.push(event);
        note(runEventLine(event));
      },
      ...options,
    };
    return run(members, all);
  }
  return { clock, signals, log, events, exits, later, member, group };
}

const never = new Promise<void>(() => undefined);
const kinds = (events: readonly RunEvent[]): string[] => events.map((event) => event.kind);

describe("a group that is asked to stop", () => {
  it("goes through its phases in this order and at these times", async () => {
    const mine = health({ clock: virtualClock() });
    const { clock, signals, log, exits, later, member, group } = playground({ health: mine, graceMs: 3000 });
    const running = group([
      member("db", { start: () => later(20), close: () => later(5) }),
      member("http", { addresses: ["http://127.0.0.1:8081"], drain: () => later(700) }),
      member("grpc", { drain: () => later(400) }),
    ]);
    expect(mine.state).toBe("starting");
    await clock.advance(1000);
    await running.started;
    expect(mine.state).toBe("ready");
    signals.send("SIGTERM");
    await settled();
    expect(mine.state).toBe("draining");
    await clock.advance(10_000);
    expect(await running.done).toBe(0);
    expect(log).toEqual([
      "0 starting db",
      "0 db.start",
      "20 db started in 20 ms",
      "20 starting http",
      "20 http.start",
      "20 http started at http://127.0.0.1:8081 in 0 ms",
      "20 starting grpc",
      "20 grpc.start",
      "20 grpc started in 0 ms",
      "20 running, started in 20 ms",
      "1000 received SIGTERM",
      "1000 stopping because SIGTERM was received, not ready, waiting 3000 ms",
      "4000 draining for at most 10000 ms",
      "4000 db.drain",
      "4000 http.drain",
      "4000 grpc.drain",
      "4000 db drained in 0 ms",
      "4400 grpc drained in 400 ms",
      "4700 http drained in 700 ms",
      "4700 grpc.close",
      "4700 grpc closed in 0 ms",
      "4700 http.close",
      "4700 http closed in 0 ms",
      "4700 db.close",
      "4705 db closed in 5 ms",
      "4705 stopped with exit code 0 in 3705 ms",
      "4705 exit 0",
    ]);
    expect([exits, signals.count(), clock.pending]).toEqual([[[0, false]], 0, 0]);
  });

  it("stops once, however often it is asked", async () => {
    const { clock, log, exits, later, member, group } = playground();
    const running = group([member("http", { drain: () => later(50) })]);
    await running.started;
    const [first, second] = [running.stop(), running.stop()];
    await clock.advance(100);
    await running[Symbol.asyncDispose]();
    expect([await first, await second, await running.stop()]).toEqual([0, 0, 0]);
    expect(log.filter((line) => line.endsWith("http.close"))).toHaveLength(1);
    expect(exits).toEqual([[0, false]]);
    expect(clock.pending).toBe(0);
  });

  it("is stopped at the end of the block that holds it", async () => {
    const { log, member, group } = playground();
    {
      await using running = group([member("http")]);
      await running.started;
    }
    expect(log).toContain("0 http.close");
  });

  it.each<[string, RunOptions, (g: ReturnType<typeof playground>, stop: () => Promise<number>) => unknown, number]>([
    ["waits for load balancers after SIGTERM", { health: health() }, (g) => g.signals.send("SIGTERM"), 5000],
    ["does not make a person at a terminal wait", { health: health() }, (g) => g.signals.send("SIGINT"), 0],
    ["does not make a caller of stop wait", { health: health() }, (_, stop) => stop(), 0],
    ["waits for nobody where there is no health to see", {}, (g) => g.signals.send("SIGTERM"), 0],
    ["waits as long as it is told", { graceMs: 70 }, (g) => g.signals.send("SIGTERM"), 70],
  ])("%s", async (...[, options, ask, expectedMs]) => {
    const g = playground(options);
    const running = g.group([g.member("http")]);
    await running.started;
    ask(g, () => running.stop());
    await g.clock.advance(60_000);
    expect(g.log.find((line) => line.endsWith("http.drain"))).toBe(`${expectedMs} http.drain`);
  });

  it("hears its listeners' errors from nobody: a broken log does not keep it from draining", async () => {
    const { log, member, group } = playground({
      onEvent: () => {
        throw new Error("disk full");
      },
    });
    const running = group([member("http")]);
    await running.started;
    expect(await running.stop()).toBe(0);
    expect(log).toEqual(["0 http.start", "0 http.drain", "0 http.close", "0 exit 0"]);
  });
});

describe("time that runs out", () => {
  it("cuts a member that never drains, closes it all the same, and says so by code 1", async () => {
    const { clock, log, events, exits, later, member, group } = playground({ drainMs: 2000 });
    const running = group([member("http", { drain: () => later(10) }), member("queue", { drain: () => never })]);
    await running.started;
    const stopped = running.stop();
    await clock.advance(1999);
    expect(log).not.toContain("1999 queue.close");
    await clock.advance(1);
    expect(await stopped).toBe(1);
    expect(log.slice(log.indexOf("10 http drained in 10 ms"))).toEqual([
      "10 http drained in 10 ms",
      "2000 queue did not drain within 2000 ms",
      "2000 http is cut",
      "2000 queue is cut",
      "2000 queue.close",
      "2000 queue closed in 0 ms",
      "2000 http.close",
      "2000 http closed in 0 ms",
      "2000 stopped with exit code 1 in 2000 ms",
      "2000 exit 1",
    ]);
    expect(events).toContainEqual({ kind: "late", member: "queue", phase: "drain", afterMs: 2000 });
    expect([exits, clock.pending]).toEqual([[[1, false]], 0]);
  });

  it("does not tell members that have drained in time of a deadline", async () => {
    const { clock, log, later, member, group } = playground();
    const running = group([member("http", { drain: () => later(10) })]);
    await running.started;
    const stopped = running.stop();
    await clock.advance(60_000);
    expect(await stopped).toBe(0);
    expect(log.filter((line) => line.endsWith("is cut"))).toEqual([]);
  });

  it("goes past a member that never closes, and closes the rest without waiting for it", async () => {
    const { clock, log, member, group } = playground({ closeMs: 100 });
    const running = group([member("a"), member("b", { close: () => never }), member("c", { close: () => never })]);
    await running.started;
    const stopped = running.stop();
    await clock.advance(100);
    expect(await stopped).toBe(1);
    expect(log.filter((line) => /close/.test(line))).toEqual([
      "0 c.close",
      "100 c did not close within 100 ms",
      "100 b.close",
      "100 b did not close within 0 ms",
      "100 a.close",
      "100 a closed in 0 ms",
    ]);
    expect(clock.pending).toBe(0);
  });

  it("fails a member that does not start, and closes it since it may have begun", async () => {
    const { clock, log, member, group } = playground({ startMs: 500 });
    const running = group([member("a"), member("b", { start: () => never }), member("c")]);
    await clock.advance(500);
    await expect(running.started).rejects.toThrow("b did not start within 500 ms");
    expect(await running.done).toBe(1);
    expect(log.filter((line) => /\.(start|close|drain)/.test(line))).toEqual([
      "0 a.start",
      "0 b.start",
      "500 b.close",
      "500 a.close",
    ]);
    expect(clock.pending).toBe(0);
  });
});

describe("a start that fails", () => {
  it("closes those that have started, in reverse, and is code 1", async () => {
    const mine = health({ clock: virtualClock() });
    const { clock, signals, log, events, exits, member, group } = playground({ health: mine });
    const taken = new Error("port 8081 is taken");
    const running = group([
      member("db"),
      member("log"),
      member("http", { start: () => Promise.reject(taken) }),
      member("grpc"),
    ]);
    await expect(running.started).rejects.toBe(taken);
    expect(await running.done).toBe(1);
    expect(log).toEqual([
      "0 starting db",
      "0 db.start",
      "0 db started in 0 ms",
      "0 starting log",
      "0 log.start",
      "0 log started in 0 ms",
      "0 starting http",
      "0 http.start",
      "0 http failed to start: port 8081 is taken",
      "0 stopping because http failed, not ready",
      "0 log.close",
      "0 log closed in 0 ms",
      "0 db.close",
      "0 db closed in 0 ms",
      "0 stopped with exit code 1 in 0 ms",
      "0 exit 1",
    ]);
    expect(events.at(-1)).toMatchObject({ code: 1, cause: { kind: "failed", member: "http", error: taken } });
    expect([exits, mine.state, signals.count(), clock.pending]).toEqual([[[1, false]], "draining", 0, 0]);
  });

  it("is told when everything is closed again, so that nothing is left behind the error", async () => {
    const { clock, later, member, group } = playground();
    const running = group([
      member("db", { close: () => later(50) }),
      member("http", { start: () => Promise.reject(new Error("x")) }),
    ]);
    let toldMs = -1;
    running.started.catch(() => (toldMs = clock.now()));
    await clock.advance(100);
    expect(toldMs).toBe(50);
  });

  it("may throw at once", async () => {
    const { member, group } = playground();
    const running = group([
      member("http", {
        start: () => {
          throw new Error("no certificate");
        },
      }),
    ]);
    await expect(running.started).rejects.toThrow("no certificate");
    expect(await running.done).toBe(1);
  });

  it("that nobody looks at takes nothing down but its group", async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on("unhandledRejection", unhandled);
    const { member, group } = playground();
    expect(await group([member("http", { start: () => Promise.reject(new Error("x")) })]).done).toBe(1);
    await settled();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("is called off by a signal, which is no failure", async () => {
    const { clock, signals, log, member, group } = playground();
    const running = group([
      member("db"),
      member("http", {
        start: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      }),
      member("grpc"),
    ]);
    await clock.advance(10);
    signals.send("SIGTERM");
    await expect(running.started).rejects.toMatchObject({ code: "canceled" });
    expect(await running.done).toBe(0);
    expect(log.filter((line) => /\.(start|close|drain)/.test(line))).toEqual([
      "0 db.start",
      "0 http.start",
      "10 http.close",
      "10 db.close",
    ]);
    expect(clock.pending).toBe(0);
  });
});

it("tells a member where those before it serve", async () => {
  const { member, group } = playground();
  const seen: (readonly string[])[] = [];
  const look = (_: AbortSignal, addresses: readonly string[]): void => void seen.push(addresses);
  const running = group([
    { ...member("http", { addresses: ["http://127.0.0.1:8081"] }), start: look },
    member("db"),
    { ...member("grpc", { addresses: ["grpc://127.0.0.1:8082"] }), start: look },
    { ...member("consul"), start: look },
  ]);
  await running.started;
  await running.stop();
  expect(seen).toEqual([[], ["http://127.0.0.1:8081"], ["http://127.0.0.1:8081", "grpc://127.0.0.1:8082"]]);
});

describe("members that leave", () => {
  it("do so side by side, when readiness is off and before the wait for load balancers", async () => {
    const { clock, signals, log, later, member, group } = playground({ graceMs: 1000 });
    const running = group([
      member("http"),
      { ...member("consul"), leave: () => later(300) },
      { ...member("etcd"), leave: () => later(200) },
    ]);
    await running.started;
    signals.send("SIGTERM");
    await clock.advance(5000);
    expect(await running.done).toBe(0);
    expect(log.slice(log.findIndex((line) => line.includes("stopping")))).toEqual([
      "0 stopping because SIGTERM was received, not ready, waiting 1000 ms",
      "200 etcd left in 200 ms",
      "300 consul left in 300 ms",
      "1300 draining for at most 10000 ms",
      "1300 http.drain",
      "1300 consul.drain",
      "1300 etcd.drain",
      "1300 http drained in 0 ms",
      "1300 consul drained in 0 ms",
      "1300 etcd drained in 0 ms",
      "1300 etcd.close",
      "1300 etcd closed in 0 ms",
      "1300 consul.close",
      "1300 consul closed in 0 ms",
      "1300 http.close",
      "1300 http closed in 0 ms",
      "1300 stopped with exit code 0 in 1300 ms",
      "1300 exit 0",
    ]);
    expect(clock.pending).toBe(0);
  });

  it("have as long as closing may take, are told when that is over, and the others go on", async () => {
    const { clock, log, member, group } = playground({ closeMs: 400 });
    let isCut = false;
    const running = group([
      member("http"),
      {
        ...member("consul"),
        leave: (deadline: AbortSignal) => (deadline.addEventListener("abort", () => (isCut = true)), never),
      },
      { ...member("etcd"), leave: () => Promise.reject(new Error("no lease")) },
    ]);
    await running.started;
    const stopped = running.stop();
    await clock.advance(400);
    expect(await stopped).toBe(1);
    expect(log).toContain("400 consul did not leave within 400 ms");
    expect(log).toContain("0 etcd failed to leave: no lease");
    expect(log).toContain("400 http drained in 0 ms");
    expect([isCut, clock.pending]).toEqual([true, 0]);
  });

  it("do not when start-up was not over, nor after a second signal", async () => {
    const { signals, log, member, group } = playground();
    const leave = vi.fn<() => void>();
    const failing = group([
      { ...member("consul"), leave },
      member("http", { start: () => Promise.reject(new Error("x")) }),
    ]);
    expect(await failing.done).toBe(1);
    expect(leave).not.toHaveBeenCalled();
    const hanging = group([{ ...member("consul"), leave: () => never }]);
    await hanging.started;
    signals.send("SIGTERM");
    await settled();
    signals.send("SIGINT");
    expect(await hanging.done).toBe(130);
    expect(log.at(-1)).toBe("0 exit 130");
  });
});

describe("a second signal", () => {
  async function draining() {
    const g = playground({ graceMs: 1000 });
    const running = g.group([
      g.member("http", { drain: () => never, close: () => never }),
      g.member("grpc", { drain: () => never }),
    ]);
    await running.started;
    g.signals.send("SIGTERM");
    return { ...g, running };
  }

  it.each<[StopSignal, number]>([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])("%s closes at once and exits with %d", async (signal, code) => {
    const { clock, signals, log, exits, running } = await draining();
    await clock.advance(1500);
    signals.send(signal);
    expect(await running.done).toBe(code);
    expect(log.slice(log.indexOf("1000 grpc.drain") + 1)).toEqual([
      `1500 received ${signal} again, ending at once`,
      "1500 http is cut",
      "1500 grpc is cut",
      "1500 grpc.close",
      "1500 http.close",
      `1500 stopped with exit code ${code} in 1500 ms`,
      `1500 exit ${code}`,
    ]);
    expect([exits, signals.count(), clock.pending]).toEqual([[[code, true]], 0, 0]);
  });

  it("cuts the wait for load balancers as well, and nothing is drained", async () => {
    const { clock, signals, log, running } = await draining();
    await clock.advance(600);
    signals.send("SIGTERM");
    expect(await running.done).toBe(143);
    expect(log.filter((line) => /\.(drain|close)/.test(line))).toEqual(["600 grpc.close", "600 http.close"]);
    expect(clock.pending).toBe(0);
  });

  it("cuts a close that hangs", async () => {
    const { clock, signals, member, group } = playground();
    const running = group([member("http", { close: () => never })]);
    await running.started;
    signals.send("SIGINT");
    await clock.advance(800);
    signals.send("SIGINT");
    expect([await running.done, clock.pending]).toEqual([130, 0]);
  });

  it("is an echo when it is the same within half a second: npm passes on what the terminal has already sent", async () => {
    const { clock, signals, events, running } = await draining();
    signals.send("SIGTERM");
    await clock.advance(499);
    signals.send("SIGTERM");
    expect(kinds(events).filter((kind) => kind === "signal")).toEqual(["signal"]);
    await clock.advance(1);
    signals.send("SIGTERM");
    expect(await running.done).toBe(143);
  });

  it("counts at once when it is the other one", async () => {
    const { signals, running } = await draining();
    signals.send("SIGINT");
    expect(await running.done).toBe(130);
  });

  it("is the last that counts", async () => {
    const { signals, events, exits, running } = await draining();
    signals.send("SIGINT");
    signals.send("SIGTERM");
    signals.send("SIGINT");
    expect(await running.done).toBe(130);
    expect(kinds(events).filter((kind) => kind === "signal")).toHaveLength(2);
    expect(exits).toEqual([[130, true]]);
  });

  it("is needed: one signal after stop() forces nothing", async () => {
    const { clock, signals, later, member, group } = playground();
    const running = group([member("http", { drain: () => later(100) })]);
    await running.started;
    const stopped = running.stop();
    signals.send("SIGTERM");
    await clock.advance(100);
    expect(await stopped).toBe(0);
  });
});

describe("a member that ends by itself", () => {
  it("stops the group: a failure is code 1, with the wait for load balancers, and is not drained", async () => {
    const { clock, log, events, member, group } = playground({ graceMs: 200 });
    let fail!: (error: Error) => void;
    const done = new Promise<void>((_, reject) => (fail = reject));
    const running = group([member("queue", { done }), member("http")]);
    await running.started;
    fail(new Error("connection\nlost"));
    await clock.advance(1000);
    expect(await running.done).toBe(1);
    expect(log.slice(log.indexOf("0 running, started in 0 ms") + 1)).toEqual([
      "0 queue failed: connection lost",
      "0 stopping because queue failed, not ready, waiting 200 ms",
      "200 draining for at most 10000 ms",
      "200 http.drain",
      "200 http drained in 0 ms",
      "200 http.close",
      "200 http closed in 0 ms",
      "200 queue.close",
      "200 queue closed in 0 ms",
      "200 stopped with exit code 1 in 200 ms",
      "200 exit 1",
    ]);
    expect(events.at(-1)).toMatchObject({ cause: { kind: "failed", member: "queue" } });
  });

  it("without an error stops it as well, with code 0", async () => {
    const { events, member, group } = playground();
    const running = group([member("job", { done: Promise.resolve() }), member("http")]);
    expect(await running.done).toBe(0);
    expect(events.at(-1)).toMatchObject({ cause: { kind: "ended", member: "job" } });
    expect(kinds(events)).toContain("ended");
  });

  it("while the group stops for another reason: the cause stays, a failure is still code 1", async () => {
    const { clock, events, later, member, group } = playground();
    let fail!: (error: Error) => void;
    const done = new Promise<void>((_, reject) => (fail = reject));
    const running = group([member("queue", { done, drain: () => later(10) })]);
    await running.started;
    const stopped = running.stop();
    fail(new Error("lost"));
    await clock.advance(10);
    expect(await stopped).toBe(1);
    expect(events.at(-1)).toMatchObject({ code: 1, cause: { kind: "asked" } });
  });

  it("after the group has stopped is nobody's business", async () => {
    const { events, member, group } = playground();
    let fail!: (error: Error) => void;
    const running = group([member("queue", { done: new Promise<void>((_, reject) => (fail = reject)) })]);
    await running.started;
    await running.stop();
    fail(new Error("too late"));
    await settled();
    expect(kinds(events).at(-1)).toBe("stopped");
  });

  it.each(["drain", "close"] as const)("a %s that throws is code 1, and the others go on", async (phase) => {
    const { log, member, group } = playground();
    const running = group([member("a"), member("b", { [phase]: () => Promise.reject(new Error("no")) }), member("c")]);
    await running.started;
    expect(await running.stop()).toBe(1);
    expect(log).toContain(`0 b failed to ${phase}: no`);
    expect(log.filter((line) => /\.(drain|close)/.test(line))).toHaveLength(6);
  });
});

describe("the process", () => {
  it("is listened to by default, and let go of in the end", async () => {
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    const running = run([
      task("work", (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve()))),
    ]);
    expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual(
      before.map((count) => count + 1),
    );
    expect(await running.stop()).toBe(0);
    expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual(before);
  });

  it("is left alone where signals are off, but told on stderr why a group failed", async () => {
    const [exitCode, before] = [process.exitCode, process.listenerCount("SIGTERM")];
    const written: unknown[] = [];
    const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => (written.push(text), true));
    const running = run([task("work", () => Promise.reject(new Error("no disk")))], { signals: false });
    expect(process.listenerCount("SIGTERM")).toBe(before);
    expect(await running.done).toBe(1);
    write.mockRestore();
    expect(written).toEqual(["work failed: no disk\n"]);
    expect(process.exitCode).toBe(exitCode);
  });

  it("is noted the code of a failure, and its exit is never taken back", async () => {
    const exitCode = process.exitCode;
    const quiet = { onEvent: () => undefined };
    const failing = () => task("work", () => Promise.reject(new Error("no")));
    await run([failing()], quiet).done;
    const afterFailure = process.exitCode;
    await run([task("work", () => undefined)], quiet).done;
    const afterSuccess = process.exitCode;
    process.exitCode = exitCode;
    await run([failing()], { ...quiet, exit: false }).done;
    const withoutExit = process.exitCode;
    process.exitCode = exitCode;
    expect([afterFailure, afterSuccess, withoutExit]).toEqual([1, 1, exitCode]);
  });

  it("need not be there", async () => {
    vi.stubGlobal("process", undefined);
    const code = await run([task("work", () => Promise.reject(new Error("no")))]).done.finally(() =>
      vi.unstubAllGlobals(),
    );
    expect(code).toBe(1);
  });
});

describe("wrong use", () => {
  const fine: Runnable = { name: "a", start: () => undefined, close: () => undefined };
  it.each<[string, () => unknown, string]>([
    ["no members", () => run([]), "members should be at least one, got none"],
    ["a member that is none", () => run([fine, undefined as never]), "members[1] should be runnable, got undefined"],
    [
      "a member without a name",
      () => run([{ ...fine, name: "" }]),
      'members[0].name should be a non-empty string, got ""',
    ],
    ["a member without start", () => run([{ ...fine, start: 1 as never }]), "a.start should be a function, got 1"],
    [
      "a member without close",
      () => run([{ ...fine, close: undefined as never }]),
      "a.close should be a function, got undefined",
    ],
    ["a leave that is none", () => run([{ ...fine, leave: 1 as never }]), "a.leave should be a function, got 1"],
    ["a drain that is none", () => run([{ ...fine, drain: 1 as never }]), "a.drain should be a function, got 1"],
    ["an unknown option", () => run([fine], { drainMS: 1 } as never), 'run has no option "drainMS"'],
    ["a negative time", () => run([fine], { drainMs: -1 }), "drainMs should be a number from 0 to 3600000, got -1"],
    [
      "a time that is none",
      () => run([fine], { graceMs: "5s" as never }),
      'graceMs should be a number from 0 to 3600000, got "5s"',
    ],
    ["an exit that is none", () => run([fine], { exit: 1 as never }), "exit should be a function, got 1"],
    ["a listener that is none", () => run([fine], { onEvent: 1 as never }), "onEvent should be a function, got 1"],
    [
      "a source of signals that is none",
      () => run([fine], { signals: {} as never }),
      "signals.on should be a function, got undefined",
    ],
  ])("throws for %s, and starts nothing", (_, wrong, message) => {
    expect(wrong).toThrow(message);
  });

  it("fits by shape: this process, a member with promises or without", () => {
    expectTypeOf(process).toExtend<NonNullable<Exclude<RunOptions["signals"], false>>>();
    expectTypeOf<{ name: string; start(): Promise<void>; close(): void }>().toExtend<Runnable>();
    expectTypeOf<{
      name: string;
      start(): void;
      drain(): Promise<void>;
      close(): Promise<void>;
    }>().toExtend<Runnable>();
    // @ts-expect-error what cannot be closed cannot be run
    const endless: Runnable = { name: "x", start: () => undefined };
    expect(endless.name).toBe("x");
  });
});
