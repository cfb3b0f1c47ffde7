import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Server } from "node:http";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { exchange, request, Wire } from "../../../test/wire.ts";
import { method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { settled } from "../../testing/index.ts";
import { httpServer } from "./index.ts";

const echo = service("echo", {
  say: method({ request: z.object({ text: z.string() }), response: z.object({ text: z.string() }) }),
});
const implementation = echo.implement({ say: (message) => message });
const say = request({ path: "/echo/say", body: '{"text":"hi"}' });
const quiet = { log: false, signals: false, timeoutMs: 60_000 } as const;

describe("a listening server", () => {
  it("says an address that can be called, also when it listens on all of them", async () => {
    await using everywhere = await serve(implementation, { on: [httpServer({ port: 0 })], ...quiet });
    expect(everywhere.addresses[0]).toMatch(/^http:\/\/localhost:\d+$/);
    await using four = await serve(implementation, { on: [httpServer({ port: 0, host: "0.0.0.0" })], ...quiet });
    expect(four.addresses[0]).toMatch(/^http:\/\/localhost:\d+$/);
    expect((await exchange(four.addresses[0]!.replace("localhost", "127.0.0.1"), say)).status).toBe(200);
  });

  it("says an IPv6 address in brackets", async (test) => {
    const hasSix = Object.values(networkInterfaces()).some((list) =>
      list?.some(({ family, internal }) => family === "IPv6" && internal),
    );
    if (!hasSix) return test.skip("this machine has no IPv6 loopback");
    await using six = await serve(implementation, { on: [httpServer({ port: 0, host: "::1" })], ...quiet });
    expect(six.addresses[0]).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it("outlives a connection that could not be accepted, and tells the observers", async () => {
    const ends: string[] = [];
    await using server = await served(
      implementation,
      {},
      {
        observers: [
          ({ service }) => ({
            end: ({ outcome, error }) => void ends.push(`${service} ${outcome} ${String(error?.cause)}`),
          }),
        ],
      },
    );
    let inner: Server | undefined;
    const seen = (message: unknown): void => void (inner = (message as { readonly server: Server }).server);
    subscribe("http.server.request.start", seen);
    await server.ask(say);
    unsubscribe("http.server.request.start", seen);
    inner!.emit("error", new Error("accept EMFILE"));
    expect((await server.ask(say)).status).toBe(200);
    expect(ends).toEqual(["echo ok undefined", "other internal Error: accept EMFILE", "echo ok undefined"]);
  });

  it("forgets a peer that resets its connection, without a word", async () => {
    const ends: string[] = [];
    await using server = await served(
      implementation,
      {},
      { observers: [() => ({ end: ({ outcome }) => void ends.push(String(outcome)) })] },
    );
    const wire = server.wire();
    wire.send(say);
    await wire.answer();
    wire.socket.resetAndDestroy();
    await until(() => server.sockets[0]!.destroyed);
    expect(ends).toEqual(["ok"]);
  });

  it("does not write to a peer that left while its probe was being answered", async () => {
    let go: () => void = () => undefined;
    const ready = new Promise<{ ok: boolean }>((resolve) => (go = () => resolve({ ok: true })));
    await using server = await served(
      implementation,
      {},
      {
        health: {
          ready: () => ready,
          live: () => ({ ok: true }),
          started: () => undefined,
          drain: () => undefined,
        } as never,
      },
    );
    const wire = server.wire();
    wire.send(request({ path: "/readyz" }));
    await until(() => server.sockets.length === 1);
    wire.socket.resetAndDestroy();
    await until(() => server.sockets[0]!.destroyed);
    go();
    await settled();
    expect((await server.ask(say)).status).toBe(200);
  });

  it("frees its port", async () => {
    const first = await serve(implementation, { on: [httpServer({ port: 0, host: "127.0.0.1" })], ...quiet });
    const port = Number(new URL(first.addresses[0]!).port);
    const kept = new Wire(first.addresses[0]!).send(say);
    await kept.answer();
    await first.stop();
    await using second = await serve(implementation, { on: [httpServer({ port, host: "127.0.0.1" })], ...quiet });
    expect((await exchange(second.addresses[0]!, say)).status).toBe(200);
  });
});
