/**
 * A collector whose answers a test decides, for the faults that real ones show rarely.
 *
 * @module
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** A request as it came, its body unpacked. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Its length on the wire. */
  readonly packedBytes: number;
}

/** What is answered: "hang" never, "reset" with a broken connection, "half" with a head whose body never ends. */
export type Reply =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  | "hang"
  | "reset"
  | "half";

/** A collector under the test's control. */
export interface FakeCollector extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** The most requests that were being answered at once. */
  readonly mostAtOnce: number;
}

/** Starts one; what `reply` throws is answered with 400, as a real one answers what it cannot decode. */
export async function collector(
  reply: (request: Received, index: number) => Reply | Promise<Reply> = () => ({ status: 200 }),
): Promise<FakeCollector> {
  const received: Received[] = [];
  let [open, most] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    most = Math.max(most, ++open);
    response.once("close", () => open--);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const packed = Buffer.concat(chunks);
      void answer(response, async () => {
        if (request.method !== "POST") return { status: 405 };
        const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(packed) : packed;
        const one = { path: request.url!, headers: request.headers, body, packedBytes: packed.length };
        return reply(one, received.push(one) - 1);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get mostAtOnce() {
      return most;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(response: ServerResponse, decide: () => Promise<Reply>): Promise<void> {
  const reply = await decide().catch((error: unknown): Reply => ({
    status: 400,
    headers: { "content-type": "text/plain" },
    body: String(error),
  }));
  if (reply === "hang") return;
  if (reply === "reset") return void response.socket?.resetAndDestroy();
  if (reply === "half") {
    response.writeHead(200, { "content-length": "10" });
    return void response.write("half");
  }
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}
