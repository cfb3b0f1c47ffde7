import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { request, type Wire } from "../../../test/wire.ts";
import { policyError } from "../../errors/index.ts";
import { method, service, type Context, type Gate } from "../../index.ts";
import { settled, virtualClock, type VirtualClock } from "../../testing/index.ts";
import type { Clock } from "../../time/index.ts";

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text }),
  wait: method({ request: text, response: text, timeoutMs: 5000 }),
});

const ask = (name: string, headers: Readonly<Record<string, string>> = {}): string =>
  request({ path: `/echo/${name}`, headers, body: '{"text":"hi"}' });

interface Waiting extends Served {
  readonly clock: VirtualClock;
  /** The contexts of the calls that wait, in the order they came. */
  readonly contexts: readonly Context[];
  /** How calls ended, as "method outcome ms". */
  readonly ends: readonly string[];
  /** Lets the oldest call that waits go on. */
  answer(): void;
}

/** Serves on a clock that stands still. */
async function waiting(gates: readonly Gate[] = [], clock: VirtualClock = virtualClock()): Promise<Waiting> {
  const contexts: Context[] = [];
  const answers: (() => void)[] = [];
  const ends: string[] = [];
  const server = await served(
    echo.implement({
      say: (message, context) => (contexts.push(context), message),
      wait: (message, context) =>
        new Promise((resolve) => {
          contexts.push(context);
          answers.push(() => resolve(message));
        }),
    }),
    {},
    {
      clock,
      gates,
      observers: [
        ({ name }) => ({ end: ({ outcome, durationMs }) => void ends.push(`${name} ${outcome} ${durationMs}`) }),
      ],
    },
  );
  return { ...server, clock, contexts, ends, answer: () => answers.shift()!() };
}

describe("a deadline", () => {
  it("is the method's own, counted from when the request came", async () => {
    await using server = await waiting();
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.contexts.length === 1);
    expect(server.contexts[0]!.deadlineMs).toBe(5000);
    await server.clock.advance(4999);
    expect([wire.rest, server.ends]).toEqual(["", []]);
    await server.clock.advance(1);
    const { status, body } = await wire.answer();
    expect([status, (JSON.parse(body) as { reason: unknown }).reason]).toEqual([504, "deadline_exceeded"]);
    expect(server.ends).toEqual(["wait deadline_exceeded 5000"]);
  });

  it("is 3 s where neither method nor server say anything, the server's where it does, the method's where that does", async () => {
    const deadlineOf = async (options: object): Promise<readonly number[]> => {
      const seen: number[] = [];
      const see = (message: { text: string }, { deadlineMs }: Context): { text: string } => (
        seen.push(deadlineMs),
        message
      );
      await using server = await served(
        echo.implement({ say: see, wait: see }, options),
        {},
        { clock: virtualClock(), ...options },
      );
      await server.ask(ask("say"));
      await server.ask(ask("wait"));
      return seen;
    };
    expect(await deadlineOf({})).toEqual([3000, 5000]);
    const seen: number[] = [];
    const see = (message: { text: string }, { deadlineMs }: Context): { text: string } => (
      seen.push(deadlineMs),
      message
    );
    await using server = await served(
      echo.implement({ say: see, wait: see }),
      {},
      { clock: virtualClock(), timeoutMs: 700 },
    );
    await server.ask(ask("say"));
    await server.ask(ask("wait"));
    await using attached = await served(
      echo.implement({ say: see, wait: see }, { methods: { wait: { timeoutMs: 80 } } }),
      {},
      { clock: virtualClock(), timeoutMs: 700 },
    );
    await attached.ask(ask("wait"));
    expect(seen).toEqual([700, 5000, 80]);
  });

  it("is shortened by what is left of the caller's, and never lengthened", async () => {
    await using server = await waiting();
    const left = async (value: string): Promise<number> => {
      await server.ask(ask("say", { "Request-Timeout-Ms": value }));
      return server.contexts.at(-1)!.deadlineMs;
    };
    expect(await left("250")).toBe(250);
    expect(await left("1")).toBe(1);
    expect(await left("99999999")).toBe(3000);
  });

  it("is not touched by what is no number of milliseconds", async () => {
    await using server = await waiting();
    for (const value of ["", "-1", "1.5", "1e3", "0x10", "soon", "1 ", "9999999999", "NaN", "١٢"]) {
      await server.ask(ask("say", { "Request-Timeout-Ms": value }));
      // Spaces around a value are HTTP's own.
      expect([value, server.contexts.at(-1)!.deadlineMs]).toEqual([value, value === "1 " ? 1 : 3000]);
    }
    const twice = await server.ask(
      ask("say").replace("\r\n", "\r\nRequest-Timeout-Ms: 5\r\nRequest-Timeout-Ms: 6\r\n"),
    );
    expect([twice.status, server.contexts.at(-1)!.deadlineMs]).toEqual([200, 3000]);
  });

  it("that has passed on arrival refuses the call before gates, body and handler", async () => {
    let asked = 0;
    await using server = await waiting([(context) => (asked++, context)]);
    const { status, body } = await server.ask(
      ask("say", { "Request-Timeout-Ms": "0" }).replace('{"text":"hi"}', "not JSON  ..."),
    );
    expect([status, (JSON.parse(body) as { reason: unknown }).reason]).toEqual([504, "deadline_exceeded"]);
    expect([asked, server.contexts.length, server.ends]).toEqual([0, 0, ["say deadline_exceeded 0"]]);
  });

  it("aborts the handler's signal as it answers, and a late result is ignored", async () => {
    await using server = await waiting();
    const wire = server.wire();
    wire.send(ask("wait", { "Request-Timeout-Ms": "100" }));
    await until(() => server.contexts.length === 1);
    const { signal } = server.contexts[0]!;
    expect(signal.aborted).toBe(false);
    await server.clock.advance(100);
    expect(signal.aborted).toBe(true);
    expect((signal.reason as { reason: unknown }).reason).toBe("deadline_exceeded");
    expect((await wire.answer()).status).toBe(504);
    server.answer();
    await settled();
    wire.send(ask("say"));
    expect((await wire.answer()).body).toBe('{"text":"hi"}');
    expect(server.ends).toEqual(["wait deadline_exceeded 100", "say ok 0"]);
  });

  it("covers a gate that waits, and the call is over when that comes round", async () => {
    let go: () => void = () => undefined;
    const slow: Gate = (context) => new Promise((resolve) => (go = () => resolve(context)));
    await using server = await waiting([slow]);
    const wire = server.wire();
    wire.send(ask("say"));
    await until(() => server.clock.pending > 0);
    await server.clock.advance(3000);
    expect((await wire.answer()).status).toBe(504);
    go();
    await settled();
    expect([server.contexts.length, server.ends]).toEqual([0, ["say deadline_exceeded 3000"]]);
  });

  it("is over for a request whose body came too late, in one piece too, and the handler is not called", async () => {
    await using server = await waiting();
    const wire = server.wire();
    wire.send(`POST /echo/say HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n`);
    await until(() => server.sockets.length === 1);
    await server.clock.advance(3000);
    wire.send('{"text":"hi"}');
    expect((await wire.answer()).status).toBe(504);
    expect([server.contexts.length, server.ends]).toEqual([0, ["say deadline_exceeded 3000"]]);
  });

  it("is the one a gate has shortened, also behind a gate that waited", async () => {
    const gates: readonly Gate[] = [async (context) => Promise.resolve(context), (context) => context.withDeadline(40)];
    await using server = await waiting(gates);
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.contexts.length === 1);
    await server.clock.advance(40);
    expect((await wire.answer()).status).toBe(504);
    expect(server.clock.pending).toBe(0);
  });

  it("arms no timer for a handler that answers at once, and leaves none behind for one that waits", async () => {
    const clock = virtualClock();
    let armed = 0;
    const counting: Clock = {
      now: () => clock.now(),
      date: () => clock.date(),
      after: (ms, run) => clock.after(ms, run),
      expire: (ms, target) => (armed++, clock.expire(ms, target)),
    };
    await using server = await waiting(
      [],
      Object.assign(counting, { advance: (ms: number) => clock.advance(ms), pending: 0 }),
    );
    for (let i = 0; i < 10; i++) await server.ask(ask("say"));
    expect(armed).toBe(0);
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.contexts.length === 11);
    expect([armed, clock.pending]).toEqual([1, 1]);
    server.answer();
    expect((await wire.answer()).status).toBe(200);
    expect([armed, clock.pending]).toEqual([1, 0]);
  });
});

describe("a peer that goes away", () => {
  const leave = async (server: Waiting): Promise<Wire> => {
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.contexts.length === 1);
    return wire;
  };

  it("calls the handler off, with the reason canceled, once", async () => {
    await using server = await waiting();
    const wire = await leave(server);
    const { signal } = server.contexts[0]!;
    wire.close();
    await until(() => signal.aborted);
    expect((signal.reason as { reason: unknown }).reason).toBe("canceled");
    expect(server.contexts[0]!.canceledBy?.code).toBe("canceled");
    expect(server.ends).toEqual(["wait canceled 0"]);
    server.answer();
    await server.clock.advance(10_000);
    expect([server.ends.length, server.clock.pending]).toEqual([1, 0]);
  });

  it("calls off all that came over its connection, and nothing else", async () => {
    await using server = await waiting();
    const other = server.wire();
    other.send(ask("wait"));
    await until(() => server.contexts.length === 1);
    const wire = server.wire();
    wire.send(ask("wait") + ask("wait") + ask("wait"));
    await until(() => server.contexts.length === 4);
    wire.close();
    await until(() => server.ends.length === 3);
    expect(server.contexts.map(({ canceledBy }) => canceledBy?.reason)).toEqual([
      undefined,
      "canceled",
      "canceled",
      "canceled",
    ]);
    server.answer();
    expect((await other.answer()).status).toBe(200);
  });

  it("ends a call whose body has not come, or whose gate waits", async () => {
    const never: Gate = (context) =>
      context.metadata("x-wait") === undefined ? context : new Promise(() => undefined);
    await using server = await waiting([never]);
    const half = server.wire();
    half.send(ask("say").slice(0, -5));
    await until(() => server.sockets.length === 1);
    half.socket.resetAndDestroy();
    await until(() => server.ends.length === 1);
    const gated = server.wire();
    gated.send(ask("say", { "X-Wait": "1" }));
    await until(() => server.sockets.length === 2);
    gated.close();
    await until(() => server.ends.length === 2);
    expect(server.ends).toEqual(["say canceled 0", "say canceled 0"]);
    expect(server.contexts.length).toBe(0);
  });

  it("that only ends its side in the middle of a body has sent a malformed message, and is told so", async () => {
    await using server = await waiting();
    const wire = server.wire();
    wire.send(ask("say").slice(0, -5));
    wire.socket.end();
    const { status, headers } = await wire.answer();
    expect([status, headers["connection"], server.ends]).toEqual([400, "close", ["say invalid_argument 0"]]);
    await wire.closed;
  });

  it("that only ends its side behind a request counts as gone, as everywhere in node", async () => {
    await using server = await waiting();
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.contexts.length === 1);
    wire.socket.end();
    await wire.closed;
    await until(() => server.ends.length === 1);
    expect(server.ends).toEqual(["wait canceled 0"]);
  });

  it("does not end the process when what listens to it throws", async () => {
    await using server = await served(
      echo.implement({
        say: (message) => message,
        wait: (message, context) =>
          new Promise((resolve) => {
            context.onCancel(() => {
              resolve(message);
              throw new Error("in onCancel");
            });
          }),
      }),
      {},
      { report: () => undefined },
    );
    const wire = server.wire();
    wire.send(ask("wait"));
    await until(() => server.sockets.length === 1);
    await settled();
    wire.close();
    await until(() => server.sockets[0]!.destroyed);
    expect((await server.ask(ask("say"))).status).toBe(200);
  });
});

describe("what a connection holds", () => {
  it("is the same after a thousand requests: no listener is left on its socket", async () => {
    await using server = await waiting([
      (context) => (context.metadata("x-stop") === undefined ? context : policyError("rate_limited")),
    ]);
    const wire = server.wire();
    const kinds = [
      ask("say"),
      request({ path: "/nowhere" }),
      request({ path: "/echo/say", body: "{" }),
      ask("say", { "X-Stop": "1" }),
      request({ verb: "OPTIONS", path: "/echo/say" }),
      request({ path: "/livez" }),
    ];
    const listeners = (): readonly (readonly [unknown, number])[] => {
      const [socket] = server.sockets;
      return socket!.eventNames().map((name) => [name, socket!.listenerCount(name)] as const);
    };
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        wire.send(kinds[i % kinds.length]!);
        await wire.answer();
      }
    };
    await send(kinds.length);
    await settled();
    const before = listeners();
    await send(1000);
    await settled();
    expect(listeners()).toEqual(before);
    expect(before.length).toBeGreaterThan(3);
    expect(Math.max(...before.map(([, count]) => count))).toBeLessThan(6);
  });

  const gc = gcOf();
  it("is let go: 20,000 refused requests leave the heap as it was", async (test) => {
    if (gc === undefined) return test.skip("this engine does not let its garbage be collected on demand");
    await using server = await served(
      echo.implement({ say: (message) => message, wait: (message) => message }),
      { limits: { maxBodyBytes: 1000 } },
      {
        gates: [
          (context) =>
            context.metadata("x-stop") === undefined ? context : policyError("rate_limited", { retryAfterMs: 10 }),
        ],
      },
    );
    const kinds = [
      ask("say", { "X-Stop": "1" }),
      request({ path: "/nowhere" }),
      request({ path: "/echo/say", body: '{"text":' }),
      request({ path: "/echo/say", body: `{"text":"${"x".repeat(2000)}"}` }),
      ask("say", { "Request-Timeout-Ms": "0" }),
    ];
    const batch = kinds.join("").repeat(20);
    const wire = server.wire();
    const refuse = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += 100) {
        wire.send(batch);
        for (let i = 0; i < 100; i++) expect((await wire.answer()).status).toBeGreaterThanOrEqual(400);
      }
    };
    const heap = (): number => {
      gc();
      return process.memoryUsage().heapUsed;
    };
    await refuse(2000);
    const before = heap();
    await refuse(20_000);
    expect((heap() - before) / 20_000).toBeLessThan(50);
  });
});

/** The collector of garbage, where the engine gives it. */
function gcOf(): (() => void) | undefined {
  setFlagsFromString("--expose-gc");
  return runInNewContext("globalThis.gc") as (() => void) | undefined;
}
