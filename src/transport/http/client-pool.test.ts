import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import {
  createServer as createNetServer,
  type AddressInfo,
  type LookupFunction,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { client, close } from "../../client/index.ts";
import { method, service } from "../../contract/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import type { Clock } from "../../time/index.ts";
import { httpClient, type HttpClientOptions } from "./client.ts";

const empty = z.object({});
const store = service("store", {
  read: method({ request: empty, response: empty, idempotent: true }),
  write: method({ request: empty, response: empty }),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()!();
});

async function listen(server: NetServer, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const ok = (request: IncomingMessage, response: ServerResponse): void => {
  request
    .resume()
    .on("end", () => response.writeHead(200, { "content-type": "application/json", "content-length": 2 }).end("{}"));
};

function start(answer = ok): Server {
  const server = createServer(answer);
  cleanups.push(() => (server.close(), server.closeAllConnections()));
  return server;
}

function stop(server: Server): Promise<unknown> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  return closed;
}

function remoteTo(port: number, options: HttpClientOptions = {}, clock?: Clock, host = "127.0.0.1") {
  const remote = client(store, httpClient(options), {
    from: `http://${host}:${port}`,
    breaker: false,
    retry: false,
    clock,
  });
  cleanups.push(() => close(remote));
  return remote;
}

const failed = async (promise: Promise<unknown>): Promise<ServiceError> =>
  (await promise.then(
    () => undefined,
    (e: unknown) => e,
  )) as ServiceError;

/** A server that answers the first request of a connection and resets it at the second, as one that has just restarted. */
async function forgetful(): Promise<{
  readonly port: number;
  readonly requests: () => number;
  readonly connections: () => number;
}> {
  let requests = 0;
  let connections = 0;
  const server = createNetServer((socket) => {
    connections++;
    let isFirst = true;
    socket.on("error", () => {});
    socket.on("data", () => {
      requests++;
      if (!isFirst) return socket.resetAndDestroy();
      isFirst = false;
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    });
  });
  cleanups.push(() => server.close());
  return { port: await listen(server), requests: () => requests, connections: () => connections };
}

describe("a pooled connection that the peer has closed", () => {
  it("is replaced at once for an idempotent method, 50 restarts in a row", async () => {
    let server = start();
    const port = await listen(server);
    const remote = remoteTo(port);
    await remote.read({});
    for (let i = 0; i < 50; i++) {
      // The end of the connections is not waited for: the call may meet a socket that looks alive.
      void stop(server);
      await new Promise((resolve) => server.once("close", resolve));
      server = start();
      await listen(server, port);
      expect(await remote.read({})).toEqual({});
    }
  });

  it("is tried again once for an idempotent method that meets a reset", async () => {
    const { port, requests, connections } = await forgetful();
    const remote = remoteTo(port);
    await remote.read({});
    await remote.read({});
    expect([requests(), connections()]).toEqual([3, 2]);
  });

  it("takes the other idle ones with it, since they are closed too", async () => {
    const { port, requests } = await forgetful();
    const remote = remoteTo(port);
    await Promise.all([remote.read({}), remote.read({}), remote.read({})]);
    await remote.read({});
    expect(requests()).toBe(5);
  });

  it("is an error for a method that is not idempotent: it may have arrived", async () => {
    const { port, requests } = await forgetful();
    const remote = remoteTo(port);
    await remote.write({});
    expect(await failed(remote.write({}))).toMatchObject({ reason: "connection_lost", origin: "policy" });
    expect(requests()).toBe(2);
  });

  it("is tried again only once, however many of another's agent are closed", async () => {
    const { port, requests } = await forgetful();
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    const remote = remoteTo(port, { agent });
    await Promise.all([remote.read({}), remote.read({}), remote.read({})]);
    await turns();
    expect((await failed(remote.read({}))).reason).toBe("connection_lost");
    expect(requests()).toBe(5);
  });

  it("is not what a new connection that breaks is taken for", async () => {
    let requests = 0;
    const server = createNetServer((socket) =>
      socket.on("error", () => {}).on("data", () => (requests++, socket.resetAndDestroy())),
    );
    cleanups.push(() => server.close());
    expect((await failed(remoteTo(await listen(server)).read({}))).reason).toBe("connection_lost");
    expect(requests).toBe(1);
  });

  it("is tried again with the time that is left", async () => {
    const clock = virtualClock();
    const timeouts: (string | undefined)[] = [];
    let isFirst = true;
    const server = start((request, response) => {
      timeouts.push(request.headers["request-timeout-ms"] as string);
      if (timeouts.length !== 2) return ok(request, response);
      isFirst = false;
      void clock.advance(1000).then(() => request.socket.resetAndDestroy());
    });
    const remote = remoteTo(await listen(server), {}, clock);
    await remote.read({});
    await remote.read({});
    expect(isFirst).toBe(false);
    expect(timeouts).toEqual(["3000", "3000", "2000"]);
  });
});

/** Lets the sockets of both sides say what they have to say. */
async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await settled();
}

/** Whether something becomes so while the sockets talk. */
async function soon(holds: () => boolean): Promise<boolean> {
  for (let i = 0; i < 1000 && !holds(); i++) await turns();
  return holds();
}

describe("an idle connection", () => {
  const closes = async (options: HttpClientOptions, headers: Record<string, string> = {}) => {
    const clock = virtualClock();
    const closed = vi.fn();
    const server = start((request, response) => {
      if (request.socket.listenerCount("close") < 5) request.socket.once("close", closed);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      ok(request, response);
    });
    server.keepAliveTimeout = 0;
    const remote = remoteTo(await listen(server), options, clock);
    await remote.read({});
    await turns();
    return { clock, remote, isClosed: () => closed.mock.calls.length > 0 };
  };

  it("is closed after 4 s, before servers do it", async () => {
    const { clock, isClosed } = await closes({});
    await clock.advance(3999);
    await turns();
    expect(isClosed()).toBe(false);
    await clock.advance(1);
    expect(await soon(isClosed)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("is not closed while it is used again", async () => {
    const { clock, remote, isClosed } = await closes({ idleMs: 100 });
    for (let i = 0; i < 3; i++) {
      await clock.advance(90);
      await remote.read({});
      await turns();
    }
    await turns();
    expect(isClosed()).toBe(false);
    await clock.advance(100);
    expect(await soon(isClosed)).toBe(true);
  });

  it("is closed a second before the server has announced to do it", async () => {
    const { clock, isClosed } = await closes({}, { connection: "keep-alive", "keep-alive": "timeout=3, max=100" });
    await clock.advance(1999);
    await turns();
    expect(isClosed()).toBe(false);
    await clock.advance(1);
    expect(await soon(isClosed)).toBe(true);
  });

  it("is not kept at all where the server announces a second", async () => {
    const { isClosed } = await closes({}, { connection: "keep-alive", "keep-alive": "timeout=1" });
    expect(await soon(isClosed)).toBe(true);
  });

  it("is not kept where none are to be kept", async () => {
    const { isClosed } = await closes({ maxFreeSockets: 0 });
    expect(await soon(isClosed)).toBe(true);
  });

  it("leaves no timer behind when the server closes it first", async () => {
    const clock = virtualClock();
    const server = start();
    const remote = remoteTo(await listen(server), {}, clock);
    await remote.read({});
    expect(await soon(() => clock.pending === 1)).toBe(true);
    await stop(server);
    expect(await soon(() => clock.pending === 0)).toBe(true);
  });
});

describe("connecting", () => {
  it("has a time-out of its own, shorter than the call's", async () => {
    const clock = virtualClock();
    const blackHole: LookupFunction = () => {};
    const thrown = failed(remoteTo(1, { lookup: blackHole }, clock, "name.invalid").write({}));
    await clock.advance(999);
    expect(await Promise.race([thrown, settled()])).toBeUndefined();
    await clock.advance(1);
    expect(await thrown).toMatchObject({
      reason: "unreachable",
      message: "the peer did not accept the connection within 1000 ms",
    });
    expect(clock.pending).toBe(0);
  });

  it("has the same time-out with an agent of one's own", async () => {
    const clock = virtualClock();
    const agent = new Agent({ keepAlive: true, lookup: () => {} });
    cleanups.push(() => agent.destroy());
    const thrown = failed(remoteTo(1, { agent, connectTimeoutMs: 20 }, clock, "name.invalid").write({}));
    expect(await soon(() => clock.pending === 2)).toBe(true);
    await clock.advance(20);
    expect((await thrown).reason).toBe("unreachable");
  });

  it("uses the look-up it is given", async () => {
    const port = await listen(start());
    const lookup: LookupFunction = (_name, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]);
    expect(await remoteTo(port, { lookup }, undefined, "store.invalid").read({})).toEqual({});
  });

  it("that fails leaves no timer", async () => {
    const clock = virtualClock();
    const gone = start();
    const port = await listen(gone);
    await stop(gone);
    expect((await failed(remoteTo(port, {}, clock).write({}))).reason).toBe("unreachable");
    expect(await soon(() => clock.pending === 0)).toBe(true);
  });

  it("that is over leaves no timer", async () => {
    const clock = virtualClock();
    const remote = remoteTo(await listen(start()), {}, clock);
    await remote.read({});
    await close(remote);
    expect(await soon(() => clock.pending === 0)).toBe(true);
  });
});

describe("an agent of one's own", () => {
  it("carries the calls, tells sent from unsent, and is not closed with the client", async () => {
    const port = await listen(start());
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    const remote = remoteTo(port, { agent });
    expect(await remote.write({})).toEqual({});
    const idle = (): readonly Socket[] => Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    expect(await soon(() => idle().length === 1)).toBe(true);
    await close(remote);
    expect(idle().map(({ destroyed }) => destroyed)).toEqual([false]);
    const cut = await forgetful();
    // A connection that somebody else opened through the agent: it is ready, so what is sent on it may arrive.
    await new Promise((resolve) =>
      get({ host: "127.0.0.1", port: cut.port, agent }, (response) => response.resume().on("end", resolve)),
    );
    expect(await soon(() => idle().length === 2)).toBe(true);
    expect((await failed(remoteTo(cut.port, { agent }).write({}))).reason).toBe("connection_lost");
    expect(await remoteTo(cut.port, { agent }).write({})).toEqual({});
    expect((await failed(remoteTo(cut.port, { agent }).write({}))).reason).toBe("connection_lost");
    expect((await failed(remoteTo(1, { agent }).write({}))).reason).toBe("unreachable");
  });
});

// Made for this test: for localhost and 127.0.0.1, from 2020 to 2120, and trusted by nobody else.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF+d1nUBTjKbrYDSt
CWIj4I+/tw5SMp81aKlV0tKjQm+hRANCAATImpdvWRFVEpWUzPL2FQ+0kOuuNt+0
53z6B2bf7H0SMYhResrFbUyNc6utiMERVHvQFx3/HyiPaxU/YH1fYFt+
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9zZXJ2aWNl
a2l0IHRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBoxGDAW
BgNVBAMMD3NlcnZpY2VraXQgdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BMial29ZEVUSlZTM8vYVD7SQ664237TnfPoHZt/sfRIxiFF6ysVtTI1zq62IwRFU
e9AXHf8fKI9rFT9gfV9gW36jTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
ATAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRGY1iybsh29bzQLVCa+1QiZi+L
LTAKBggqhkjOPQQDAgNIADBFAiEAsF4dgVx4ALURdyzaj6xuQMKJO0ir8wu0wk+i
b5Mx6qECIFp/UiEtHH/puPvX6QXUvFTswLFL8nBYZ/6cdSEJB1+2
-----END CERTIFICATE-----`;

describe("https", () => {
  const secure = async () => {
    const sockets = new Set<Socket>();
    const server = createSecureServer(
      { key, cert },
      (request, response) => (sockets.add(request.socket), ok(request, response)),
    );
    cleanups.push(() => (server.close(), server.closeAllConnections()));
    return { port: await listen(server), sockets };
  };
  const remoteAt = (from: string, options: HttpClientOptions) => {
    const remote = client(store, httpClient(options), { from, breaker: false, retry: false });
    cleanups.push(() => close(remote));
    return remote;
  };

  it("verifies the peer by the authorities it is given, and uses connections again", async () => {
    const { port, sockets } = await secure();
    for (const host of ["127.0.0.1", "localhost"]) {
      const remote = remoteAt(`https://${host}:${port}`, { tls: { ca: cert } });
      for (let i = 0; i < 3; i++) expect(await remote.write({})).toEqual({});
    }
    expect(sockets.size).toBe(2);
  });

  it("sends nothing to a peer that cannot be verified, unless that is asked for", async () => {
    const { port, sockets } = await secure();
    const from = `https://127.0.0.1:${port}`;
    expect(await failed(remoteAt(from, {}).write({}))).toMatchObject({
      reason: "unreachable",
      cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    });
    expect(sockets.size).toBe(0);
    expect(await remoteAt(from, { tls: { rejectUnauthorized: false } }).write({})).toEqual({});
  });

  it("has the handshake within the time-out of connecting", async () => {
    const silent = createNetServer(() => {});
    cleanups.push(() => silent.close());
    const clock = virtualClock();
    const port = await listen(silent);
    const remote = client(store, httpClient(), { from: `https://127.0.0.1:${port}`, clock, retry: false });
    cleanups.push(() => close(remote));
    const thrown = failed(remote.write({}));
    expect(await soon(() => clock.pending === 2)).toBe(true);
    await clock.advance(1000);
    expect((await thrown).reason).toBe("unreachable");
  });
});
