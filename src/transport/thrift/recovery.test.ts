import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { still, until } from "../../../test/until.ts";
import { virtualClock } from "../../testing/index.ts";
import { client } from "../../client/index.ts";
import { method, oneWay, service } from "../../contract/index.ts";
import { ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { thriftClient, thriftServer } from "./index.ts";

const text = z.object({ text: z.string() });
const echo = service("echo", {
  say: method({ request: text, response: text, idempotent: true }),
  tell: oneWay({ request: text }),
});
const impl = echo.implement({ say: (request) => request, tell: () => undefined });
const quiet = { log: false, signals: false, timeoutMs: 60_000 } as const;
const host = "127.0.0.1";

function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ""), "hex");
}

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  const thrown = await call.catch((error: unknown) => error);
  if (!ServiceError.is(thrown)) throw new TypeError(`should fail with a ServiceError, got ${String(thrown)}`);
  return thrown;
}

/** A plain server of TCP, for peers that behave badly. */
async function tcp(accept: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    accept(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  return { from: `${host}:${(server.address() as { port: number }).port}`, close: () => void server.close() };
}

describe("a client", () => {
  it("leaves a connection whose answer was too large and could not even be told whose it was", async () => {
    let accepted = 0;
    const { from, close } = await tcp((socket) => {
      accepted++;
      // A frame of 256 MiB, with the number of the first call and the beginning of no JSON.
      const answer = Buffer.concat([hex("10000000 0fff0000 00000001 0001 01000000"), Buffer.alloc(40_000, 0xff)]);
      socket.once("data", () => socket.write(answer));
    });
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect((await failure(remote.say({ text: "x" }))).reason).toBe("too_large");
    expect((await failure(remote.say({ text: "x" }, { timeoutMs: 50_000 }))).reason).toBe("too_large");
    expect(accepted).toBe(2);
    close();
  });

  it("holds one-way calls back that the peer does not read, and leaves it", async () => {
    const sockets: Socket[] = [];
    const { from, close } = await tcp((socket) => void sockets.push(socket.pause()));
    const clock = virtualClock();
    const remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
      clock,
    });
    const long = "x".repeat(65_536);
    let error: ServiceError | undefined;
    let told = 0;
    const telling = (async () => {
      for (; told < 600 && error === undefined; told++)
        error = await remote.tell({ text: long }, { timeoutMs: 200 }).then(
          () => undefined,
          (thrown: unknown) => thrown as ServiceError,
        );
    })();
    await until(() => sockets.length > 0 && told > 0);
    await still(() => told);
    await clock.advance(200);
    await telling;
    expect(error?.code).toBe("deadline_exceeded");
    // Cut, and not only ended once all was read: whoever writes to it hears of it.
    let isCut = false;
    sockets[0]!.on("error", () => (isCut = true));
    await until(() => {
      if (!isCut) sockets[0]!.write("x");
      return isCut;
    });
    await remote[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    close();
  });

  it("sends nothing of a call whose headers fit in no frame, and spoils no other call", async () => {
    const running = await serve(impl, { on: [thriftServer({ port: 0, host })], ...quiet });
    let called = 0;
    const transport = thriftClient({
      before: [(_context, request) => void (++called === 2 && request.setHeader("x-big", "x".repeat(300_000)))],
    });
    await using remote = client(echo, transport, {
      from: running.addresses,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    const calls = ["a", "big", "b"].map(async (said) => {
      const answer = remote.say({ text: said }, { timeoutMs: 50_000 });
      return answer.then(
        ({ text: heard }) => heard,
        (error: unknown) => (error as ServiceError).reason,
      );
    });
    expect(await Promise.all(calls)).toEqual(["a", "too_many_headers", "b"]);
    await running.stop();
  });

  it("closes the connection too that a repeated call went over while it was closing", async () => {
    const running = await serve(impl, { on: [thriftServer({ port: 0, host })], ...quiet });
    const port = Number(running.addresses[0]!.split(":")[1]);
    let accepted = 0;
    let open = 0;
    const { from, close } = await tcp((socket) => {
      const isFirst = accepted++ === 0;
      open++;
      const behind = connect(port, host).on("error", () => undefined);
      let requests = 0;
      socket.on("data", (chunk) => (isFirst && ++requests === 2 ? socket.destroy() : behind.write(chunk)));
      behind.on("data", (chunk) => socket.write(chunk));
      socket.on("close", () => {
        open--;
        behind.destroy();
      });
    });
    const remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    await remote.say({ text: "x" });
    const second = remote.say({ text: "y" });
    const closing = remote[Symbol.asyncDispose]();
    expect(await second).toEqual({ text: "y" });
    await closing;
    expect(accepted).toBe(2);
    await until(() => open === 0);
    close();
    await running.stop();
  });
});

describe("a server", () => {
  it("answers with an error whose hint no number of Thrift can hold", async () => {
    const failing = echo.implement({
      say() {
        throw new ServiceError("later", { code: "resource_exhausted", retryAfterMs: 1e30 });
      },
      tell: () => undefined,
    });
    const running = await serve(failing, { on: [thriftServer({ port: 0, host })], ...quiet });
    await using remote = client(echo, thriftClient({ connectTimeoutMs: 60_000 }), {
      from: running.addresses,
      breaker: false,
      retry: false,
      timeoutMs: 60_000,
    });
    expect((await failure(remote.say({ text: "x" }, { timeoutMs: 50_000 }))).code).toBe("resource_exhausted");
    await running.stop();
  });

  it("does not count the time in which it reads nothing against a message that is half there", async () => {
    const finish: (() => void)[] = [];
    const slow = echo.implement({
      async say(request) {
        await new Promise<void>((resolve) => finish.push(resolve));
        return request;
      },
      tell: () => undefined,
    });
    const on = [thriftServer({ port: 0, host, maxCalls: 1, requestTimeoutMs: 60 })];
    const clock = virtualClock();
    const running = await serve(slow, { on, ...quiet, clock });
    const socket = connect(Number(running.addresses[0]!.split(":")[1]), host);
    let answers = "";
    let isOver = false;
    socket.on("data", (chunk: Buffer) => (answers += chunk.toString("latin1")));
    socket.on("close", () => (isOver = true));
    const call = hex("80010001 00000003 736179 00000001 0c0001 0b0001 00000002 6869 00 00");
    socket.write(Buffer.concat([call, call.subarray(0, 20)]));
    await until(() => finish.length === 1);
    await clock.advance(150);
    finish[0]!();
    await until(() => answers !== "");
    socket.write(call.subarray(20));
    await until(() => finish.length === 2 || isOver);
    expect(isOver).toBe(false);
    finish[1]!();
    await until(() => answers.split("say").length === 3);
    socket.destroy();
    await running.stop();
  });
});
