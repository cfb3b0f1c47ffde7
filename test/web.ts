/**
 * A handler of web requests behind a port of node:http, for tests: what a platform such as Bun or Deno does by itself.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A port that a handler answers. */
export interface Web extends AsyncDisposable {
  readonly address: string;
}

/** Listens on a free port. */
export async function web(handler: (request: Request, info: unknown) => Promise<Response>): Promise<Web> {
  const server = createServer((request, response) => {
    handler(requestOf(request, response), { remoteAddr: { hostname: request.socket.remoteAddress } }).then(
      (answer) => write(answer, response),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function requestOf(request: IncomingMessage, response: ServerResponse): Request {
  const gone = new AbortController();
  response.once("close", () => (response.writableFinished ? undefined : gone.abort()));
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    headers.append(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  return new Request(`http://${request.headers.host}${request.url}`, {
    method: request.method ?? "GET",
    headers,
    signal: gone.signal,
    ...(hasBody && request.method !== "GET" && request.method !== "HEAD"
      ? { body: bodyOf(request), duplex: "half" as const }
      : {}),
  });
}

// Not `Readable.toWeb`: on Node 20 it goes on giving to a reader that has left, and throws where nobody catches.
function bodyOf(request: IncomingMessage): ReadableStream<Uint8Array> {
  let isOver = false;
  const end = (run: () => void) => () => {
    if (!isOver) run();
    isOver = true;
  };
  return new ReadableStream({
    start(controller) {
      request.pause();
      request.on("data", (chunk: Buffer) => {
        if (isOver) return;
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 0) <= 0) request.pause();
      });
      request.once(
        "end",
        end(() => controller.close()),
      );
      request.once(
        "close",
        end(() => controller.error(new Error("the peer is gone"))),
      );
    },
    pull: () => void request.resume(),
    cancel() {
      isOver = true;
      request.resume();
    },
  });
}

async function write(answer: Response, response: ServerResponse): Promise<void> {
  const headers = [...answer.headers].flat();
  // What is still coming would be read as the next request.
  if (!response.req.complete) headers.push("connection", "close");
  response.writeHead(answer.status, headers);
  if (answer.body === null) return void response.end();
  const reader = answer.body.getReader();
  response.once("close", () => void reader.cancel().catch(() => undefined));
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return void response.end();
    if (!response.write(value)) await new Promise<void>((resolve) => response.once("drain", resolve));
  }
}
