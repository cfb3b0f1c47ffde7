/**
 * An implementation served over HTTP on a port of its own, for tests.
 *
 * @module
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Implementation } from "../src/contract/index.ts";
import { serve, type Running, type ServeOptions } from "../src/server/index.ts";
import { httpServer, type HttpServerOptions } from "../src/transport/http/index.ts";
import { exchange, request, Wire, type ReadOptions, type RequestParts, type WireAnswer } from "./wire.ts";

/** A server that a test speaks to. */
export interface Served extends AsyncDisposable {
  readonly running: Running;
  readonly address: string;
  /** The server's side of the connections over which a request has come, in the order of their first. */
  readonly sockets: readonly Socket[];
  /** Sends one request over a connection of its own. */
  ask(parts: RequestParts | string, options?: ReadOptions): Promise<WireAnswer>;
  /** Opens a connection; all are cut at the end. */
  wire(): Wire;
}

/** Serves without a log and without signals, unless told otherwise. */
export async function served(
  implementation: Implementation | readonly Implementation[],
  http: Partial<HttpServerOptions> = {},
  options: Partial<ServeOptions> = {},
): Promise<Served> {
  const running = await serve(implementation, {
    on: [httpServer({ port: 0, host: "127.0.0.1", ...http })],
    log: false,
    signals: false,
    ...options,
  });
  const address = running.addresses[0]!;
  const wires: Wire[] = [];
  const sockets: Socket[] = [];
  const seen = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (String(socket.localPort) === new URL(address).port && !sockets.includes(socket)) sockets.push(socket);
  };
  subscribe("http.server.request.start", seen);
  return {
    running,
    address,
    sockets,
    ask: (parts, read) => {
      const asked = typeof parts === "string" ? parts : request(parts);
      return exchange(address, asked, { isHead: asked.startsWith("HEAD "), ...read });
    },
    wire() {
      const wire = new Wire(address);
      wires.push(wire);
      return wire;
    },
    async [Symbol.asyncDispose]() {
      unsubscribe("http.server.request.start", seen);
      for (const wire of wires) wire.close();
      await running.stop();
    },
  };
}
