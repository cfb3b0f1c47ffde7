import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { closed, passing, until } from "../../../test/until.ts";
import { request, Wire } from "../../../test/wire.ts";
import { method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { settled } from "../../testing/index.ts";
import { debugServer } from "../../debug/index.ts";

// Times are real here, since they are node's own; what is asserted is the outcome. A time in which something honest must
// have come is long: node counts from when a connection is accepted.

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text }),
  slow: method({ request: text, response: text, timeoutMs: 60_000 }),
  large: method({ request: text, response: text }),
});

const say = (words: string): string => request({ path: "/echo/say", body: JSON.stringify({ text: words }) });
const slow = request({ path: "/echo/slow", body: '{"text":"slow"}' });

interface Gated extends Served {
  /** What observers saw end, as "method status reason". */
  readonly ends: readonly string[];
  waits(): Promise<void>;
  go(): void;
}

/** Serves handlers that wait until they are told to go on. */
async function gated(
  http: Parameters<typeof served>[1] = {},
  options: Parameters<typeof served>[2] = {},
): Promise<Gated> {
  const waiting: (() => void)[] = [];
  const ends: string[] = [];
  const server = await served(
    echo.implement({
      say: (message) => message,
      slow: (message) => new Promise((resolve) => waiting.push(() => resolve(message))),
      large: ({ text }) => ({ text: text.repeat(20_000_000) }),
    }),
    http,
    {
      observers: [
        ({ name }) => ({ end: ({ status, error }) => void ends.push(`${name} ${status} ${error?.reason ?? "ok"}`) }),
      ],
      ...options,
    },
  );
  return {
    ...server,
    ends,
    waits: () => until(() => waiting.length > 0),
    go: () => waiting.splice(0).forEach((one) => one()),
    [Symbol.asyncDispose]: () => {
      waiting.splice(0).forEach((one) => one());
      return server[Symbol.asyncDispose]();
    },
  };
}

describe("a slow peer", () => {
  it("that never ends its headers gets 408 and is cut; others are served meanwhile", async () => {
    await using server = await gated({ headersTimeoutMs: 500, requestTimeoutMs: 10_000 });
    const wire = server.wire();
    wire.send("POST /echo/say HTTP/1.1\r\nHost: t\r\nX: ");
    const { status, headers, body } = await wire.answer();
    expect([status, headers["connection"]]).toEqual([408, "close"]);
    expect(JSON.parse(body)).toMatchObject({ code: "deadline_exceeded", reason: "request_timeout" });
    await wire.closed;
    expect((await server.ask(say("x"))).status).toBe(200);
    expect(server.ends).toEqual(["other 408 request_timeout", "say 200 ok"]);
  });

  it("that dribbles its headers gets no more time for each byte", async () => {
    await using server = await gated({ headersTimeoutMs: 500 });
    const wire = server.wire();
    wire.send("GET /livez HTTP/1.1\r\n");
    const dribble = again(() => wire.send("X"));
    await wire.closed;
    dribble.cancel();
    expect(wire.rest).toMatch(/^HTTP\/1.1 408 /);
  });

  it("that never ends its body gets 408, and its call ends", async () => {
    await using server = await gated({ headersTimeoutMs: 500, requestTimeoutMs: 500 });
    const wire = server.wire();
    wire.send('POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Length: 13\r\n\r\n{"text"');
    const { status, headers, body } = await wire.answer();
    expect([status, headers["connection"]]).toEqual([408, "close"]);
    expect(JSON.parse(body)).toMatchObject({ reason: "request_timeout" });
    await wire.closed;
    expect(server.ends).toEqual(["say 408 request_timeout"]);
  });

  it("that never ends the body of a request for nobody is cut as well", async () => {
    await using server = await gated({ headersTimeoutMs: 500, requestTimeoutMs: 500 });
    const wire = server.wire();
    wire.send("POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 13\r\n\r\n{");
    expect((await wire.answer()).status).toBe(404);
    await wire.closed;
  });

  it("that does not read a long answer is cut; others are served meanwhile", async () => {
    await using server = await gated({ writeTimeoutMs: 50 });
    const wire = server.wire();
    wire.socket.pause();
    wire.send(request({ path: "/echo/large", body: '{"text":"x"}' }));
    const other = server.wire();
    for (let i = 0; i < 5; i++) {
      other.send(say(String(i)));
      expect((await other.answer()).status).toBe(200);
    }
    await closed(server.sockets[0]!);
    wire.socket.resume();
    await wire.closed;
    expect(wire.rest.length).toBeLessThan(20_000_000);
    expect(server.ends.filter((end) => end.startsWith("large"))).toEqual(["large 200 ok"]);
  });

  it("that sends many requests and reads no answer is cut", async () => {
    await using server = await gated({ writeTimeoutMs: 50 });
    const wire = server.wire();
    wire.socket.pause();
    // Far more than the buffers of both machines hold.
    for (let i = 0; i < 100; i++) wire.send(say("y".repeat(5000)).repeat(40));
    await wire.closed;
    expect(server.ends.length).toBeLessThan(4000);
    expect((await server.ask(say("x"))).status).toBe(200);
  });

  it("that sends nothing after an answer is forgotten after the keep-alive time", async () => {
    await using server = await gated({ keepAliveTimeoutMs: 20 });
    const wire = server.wire();
    wire.send(say("x"));
    const { headers } = await wire.answer();
    expect(headers["connection"]).toBe("keep-alive");
    await wire.closed;
  });

  it("does not end a call that is being handled, however long that takes", async () => {
    await using server = await gated({
      headersTimeoutMs: 300,
      requestTimeoutMs: 300,
      keepAliveTimeoutMs: 300,
      writeTimeoutMs: 300,
    });
    const wire = server.wire();
    wire.send(slow);
    await server.waits();
    await passing(900);
    server.go();
    expect((await wire.answer()).status).toBe(200);
  });

  it("loses its own next request only, when that comes too slowly behind one that is being handled", async () => {
    await using server = await gated({ headersTimeoutMs: 500, requestTimeoutMs: 500 });
    const wire = server.wire();
    wire.send(`${slow}POST /echo/say HTTP/1.1\r\nHost:`);
    await server.waits();
    await until(() => server.ends.includes("other 408 request_timeout"));
    server.go();
    const { status, headers, body } = await wire.answer();
    expect([status, headers["connection"], body]).toEqual([200, "close", '{"text":"slow"}']);
    await wire.closed;
  });
});

describe("a drain", () => {
  it("finishes what is in flight, tells its peer to close, and ends with the last of it", async () => {
    const server = await gated();
    const wire = server.wire();
    wire.send(slow);
    await server.waits();
    let isOver = false;
    const stopped = server.running.stop().then((code) => ((isOver = true), code));
    await settled();
    expect(isOver).toBe(false);
    await expect(server.ask(say("x"))).rejects.toThrow("the connection ended");
    server.go();
    const { status, headers, body } = await wire.answer();
    expect([status, headers["connection"], body]).toEqual([200, "close", '{"text":"slow"}']);
    await wire.closed;
    expect(await stopped).toBe(0);
  });

  it("is not held by connections that are idle, were never used, or only linger", async () => {
    await using server = await gated({ limits: { maxBodyBytes: 10 } });
    const idle = server.wire();
    idle.send(request({ path: "/livez" }));
    await idle.answer();
    const unused = server.wire();
    const lingering = server.wire();
    lingering.send(`POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(70_000)}`);
    expect((await lingering.answer()).status).toBe(413);
    await unused.connected;
    expect(await server.running.stop()).toBe(0);
    await Promise.all([idle.closed, unused.closed, lingering.closed]);
  });

  it("serves the request that was on its way, and then closes", async () => {
    await using server = await gated();
    const wire = server.wire();
    wire.send(`${request({ path: "/livez" })}POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Le`);
    await wire.answer();
    const other = server.wire();
    other.send(slow);
    await server.waits();
    const stopped = server.running.stop();
    await settled();
    wire.send('ngth: 13\r\n\r\n{"text":"hi"}');
    const { status, headers } = await wire.answer();
    expect([status, headers["connection"]]).toEqual([200, "close"]);
    server.go();
    expect(await stopped).toBe(0);
  });

  it("is not held longer than a second or so by a peer that dribbles its headers", async () => {
    await using server = await gated({ headersTimeoutMs: 60_000 }, { drainMs: 50_000 });
    const wire = server.wire();
    wire.send(`${request({ path: "/livez" })}GET / HTTP/1.1\r\nX: `);
    await wire.answer();
    expect(await server.running.stop()).toBe(0);
    await wire.closed;
    expect(wire.rest).toMatch(/^HTTP\/1.1 408 /);
  });

  it("closes connections that only ask for health or metrics, too", async () => {
    let go: () => void = () => undefined;
    let asked = false;
    const ready = new Promise<{ ok: boolean }>((resolve) => (go = () => resolve({ ok: true })));
    const running = await serve([], {
      on: [debugServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
      health: {
        ready: () => ((asked = true), ready),
        live: () => ({ ok: true }),
        startup: () => ({ ok: true }),
        started: () => undefined,
        drain: () => undefined,
      } as never,
    });
    const wire = new Wire(running.addresses[0]!);
    wire.send(request({ path: "/readyz" }));
    await until(() => asked);
    const stopped = running.stop();
    await settled();
    go();
    expect((await wire.answer()).headers["connection"]).toBe("close");
    expect(await stopped).toBe(0);
  });

  it("cuts what takes longer than it may, and says so by its exit code; the handler is called off", async () => {
    let [begun, reason]: (string | undefined)[] = [];
    await using server = await served(
      echo.implement({
        say: (message) => message,
        slow: (message, context) =>
          new Promise((resolve) => {
            begun = "yes";
            context.onCancel((why) => {
              reason = why.reason;
              resolve(message);
            });
          }),
        large: (message) => message,
      }),
      {},
      { drainMs: 30 },
    );
    const wire = server.wire();
    wire.send(slow);
    await until(() => begun === "yes");
    expect(await server.running.stop()).toBe(1);
    await wire.closed;
    expect([reason, wire.rest]).toEqual(["canceled", ""]);
  });
});

/** Runs something again and again. */
function again(run: () => void): { cancel(): void } {
  let isOn = true;
  void (async () => {
    for (; isOn; await passing(2)) run();
  })();
  return { cancel: () => (isOn = false) };
}
