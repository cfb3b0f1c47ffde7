/**
 * A way to a server that can be cut: altogether, after so many bytes, or when a certain answer comes back.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { Frames } from "../frames.ts";

/** What a proxy does with what goes through it. */
export interface ProxyOptions {
  /** With TLS on this side. Default: without. */
  readonly tls?: TlsOptions | undefined;
  /** Cuts a connection before the answer to a request of this type is handed on. Default: none. */
  readonly cutsAnswerTo?: number | undefined;
  /** How many bytes of the server's each connection, by its number, hands on before it is cut. Default: all. */
  readonly bytes?: ((connection: number) => number) | undefined;
}

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** How many connections were made through it. */
  readonly connections: number;
  /** How many it has cut. */
  readonly cuts: number;
  /** How many stand. */
  readonly open: number;
  /** Whether it lets anybody through; those who stand are cut when it does not. */
  isOpen: boolean;
  /** Whether answers are still to be cut. */
  isArmed: boolean;
}

const HANDSHAKE = 0;

/** Starts a proxy to a server, `host:port`. */
export async function proxyTo(server: () => string, options: ProxyOptions = {}): Promise<Proxy> {
  const standing = new Set<Socket>();
  let [connections, cuts, isOpen, isArmed] = [0, 0, true, true];
  const listener: Server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  function accept(near: Socket): void {
    if (!isOpen) return void near.on("error", () => {}).destroy();
    const number = connections++;
    const [host, port] = server().split(":");
    const far = connect(Number(port), host);
    standing.add(near);
    let [left, isCut] = [isArmed ? (options.bytes?.(number) ?? Infinity) : Infinity, false];
    const asked = new Set<number>();
    let greetings = 0;
    const requests = new Frames(2 ** 24, (frame) => {
      // The first is a greeting, which has no number.
      if (greetings++ > HANDSHAKE && frame.readInt32BE(4) === options.cutsAnswerTo) asked.add(frame.readInt32BE(0));
    });
    const answers = new Frames(2 ** 24, (frame) => {
      if (isArmed && asked.has(frame.readInt32BE(0))) cut();
    });
    function cut(): void {
      if (isCut) return;
      isCut = true;
      cuts++;
      far.destroy();
      near.destroy();
    }
    near.on("data", (chunk: Buffer) => {
      if (options.cutsAnswerTo !== undefined) requests.push(chunk);
      far.write(chunk);
    });
    far.on("data", (chunk: Buffer) => {
      if (options.cutsAnswerTo !== undefined) answers.push(chunk);
      if (isCut) return;
      near.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) cut();
    });
    near
      .on("error", () => {})
      .on("close", () => {
        standing.delete(near);
        far.end();
      });
    far.on("error", () => near.destroy()).on("close", () => near.end());
  }
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    get cuts() {
      return cuts;
    },
    get open() {
      return standing.size;
    },
    get isOpen() {
      return isOpen;
    },
    set isOpen(value) {
      isOpen = value;
      if (!value) for (const socket of standing) socket.destroy();
    },
    get isArmed() {
      return isArmed;
    },
    set isArmed(value) {
      isArmed = value;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of standing) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
