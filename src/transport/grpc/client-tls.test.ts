// TLS both ways, and what a client leaves behind in its process.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createSecureServer, createServer } from "node:http2";
import { createServer as createTls } from "node:tls";
import type { AddressInfo, Server } from "node:net";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { authority, hasOpenssl, type Authority, type Pair } from "../../../test/certificates.ts";
import { client } from "../../client/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add } from "../protobuf/testdata/gen/add_pb.ts";
import { frame } from "./frame.ts";
import { grpcClient, type GrpcClientOptions } from "./index.ts";

const skipped = hasOpenssl() ? undefined : "openssl is not here";
const contract = proto(Add);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function remoteTo(from: string, options: GrpcClientOptions) {
  const remote = client(contract, grpcClient({ connectTimeoutMs: 60_000, ...options }), {
    from,
    breaker: false,
    retry: false,
    timeoutMs: 60_000,
  });
  closing.push(() => remote[Symbol.asyncDispose]());
  return remote;
}

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "answered",
    ({ reason }: { reason: string }) => reason,
  );

describe.skipIf(skipped !== undefined)(`over TLS${skipped === undefined ? "" : ` (${skipped})`}`, () => {
  let own: Authority;
  let serverPair: Pair;
  let clientPair: Pair;
  beforeAll(() => {
    own = authority();
    serverPair = own.issue("server", ["DNS:localhost", "IP:127.0.0.1"]);
    clientPair = own.issue("client", ["DNS:client"]);
  });
  afterAll(() => own[Symbol.dispose]());

  async function secure(isMutual: boolean): Promise<number> {
    const server = createSecureServer({
      ...serverPair,
      ca: own.ca,
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
    });
    server.on("tlsClientError", () => undefined);
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frame(new Uint8Array(0)));
    });
    return listening(server);
  }

  it("calls a server that it knows, by name or address, and no other", async () => {
    const port = await secure(false);
    for (const from of [`https://127.0.0.1:${port}`, `https://localhost:${port}`, `localhost:${port}`])
      expect((await remoteTo(from, { tls: { ca: own.ca } }).sum({})).v).toBe(0n);
    expect(await reasonOf(remoteTo(`https://127.0.0.1:${port}`, {}).sum({}))).toBe("unreachable");
    const unchecked = remoteTo(`https://127.0.0.1:${port}`, { tls: { rejectUnauthorized: false } });
    expect((await unchecked.sum({})).v).toBe(0n);
  });

  it("shows its certificate where the server asks for one", async () => {
    const port = await secure(true);
    const from = `https://127.0.0.1:${port}`;
    expect((await remoteTo(from, { tls: { ca: own.ca, ...clientPair } }).sum({})).v).toBe(0n);
    const without = remoteTo(from, { tls: { ca: own.ca } });
    await expect(without.sum({}, { timeoutMs: 10_000 })).rejects.toMatchObject({
      reason: "unreachable",
      cause: { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" },
    });
  });

  it("does not speak HTTP/2 to a server that has not agreed to it", async () => {
    const server = createTls({ ...serverPair, ALPNProtocols: ["http/1.1"] }, (socket) => socket.resume());
    server.on("tlsClientError", () => undefined);
    const none = createTls({ ...serverPair }, (socket) => socket.resume());
    for (const one of [server, none]) {
      const remote = remoteTo(`https://127.0.0.1:${await listening(one)}`, { tls: { ca: own.ca } });
      expect(await reasonOf(remote.sum({}))).toBe("unreachable");
    }
  });
});

const built = existsSync(new URL("../../../dist/transport/grpc/index.js", import.meta.url))
  ? ""
  : " (dist is not built)";

describe.skipIf(built !== "")(`a process with a client${built}`, () => {
  it("ends by itself when no call is in flight, and not before", async () => {
    let isAnswered = false;
    const server = createServer();
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      setTimeoutOf(stream, () => {
        isAnswered = true;
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(frame(new Uint8Array(0)));
      });
    });
    const port = await listening(server);
    const script = `
      import { client } from "servicekit/client";
      import { method, service } from "servicekit";
      import { grpcClient } from "servicekit/transport/grpc";
      import { z } from "zod";
      const add = service("add", { sum: method({ request: z.object({}), response: z.object({}) }) });
      const remote = client(add, grpcClient(), { from: "127.0.0.1:${port}", timeoutMs: 60_000 });
      remote.sum({}).then((answer) => console.log(JSON.stringify(answer)));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      cwd: new URL("../../..", import.meta.url).pathname,
      timeout: 50_000,
    });
    expect([isAnswered, stdout.trim()]).toEqual([true, "{}"]);
  });
});

/** Runs after a while that is longer than a process lives which nothing keeps alive. */
function setTimeoutOf(stream: { setTimeout(ms: number, run: () => void): void }, run: () => void): void {
  stream.setTimeout(100, run);
}
