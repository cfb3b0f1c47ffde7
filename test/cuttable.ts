/**
 * A way to a server of the loopback that can be cut, while the server goes on.
 *
 * @module
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A port that leads to another one. */
export interface Cuttable extends AsyncDisposable {
  readonly port: number;
  /** How many connections were made. */
  readonly connections: number;
  /** Breaks all connections; new ones are refused until `heal`. */
  cut(): void;
  /** Keeps all connections, and lets nothing through any more. */
  swallow(): void;
  heal(): void;
}

/** Leads a new port to `port`. */
export async function cuttable(port: number): Promise<Cuttable> {
  const sockets = new Set<Socket>();
  let [isCut, connections] = [false, 0];
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    connections++;
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.once("close", () => (sockets.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const breakAll = (): void => sockets.forEach((socket) => void socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    cut() {
      isCut = true;
      breakAll();
    },
    swallow: () => sockets.forEach((socket) => void socket.unpipe().pause()),
    heal: () => void (isCut = false),
    async [Symbol.asyncDispose]() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
