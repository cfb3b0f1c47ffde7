/**
 * A proxy from HTTP/1.1 to one HTTP/2 server: lets a client of HTTP/1.1 try what a server does with streams of HTTP/2.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";

/** A port in front of a server. */
export interface Proxy extends AsyncDisposable {
  readonly address: string;
}

/** What belongs to one connection, and is not passed on (RFC 9113 §8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** Listens on a free port. */
export async function http2Proxy(to: string): Promise<Proxy> {
  const session = connect(to);
  // A server that stops says so, and whoever asks then is refused below.
  session.on("error", () => undefined);
  const server = createServer((request, response) => pass(session, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      session.destroy();
      await closed;
    },
  };
}

function pass(session: ClientHttp2Session, request: IncomingMessage, response: ServerResponse): void {
  if (session.closed || session.destroyed) return void request.socket.destroy();
  const { method = "GET", url = "/", headers } = request;
  const kept = Object.entries(headers).filter(([name]) => !OF_CONNECTION.has(name));
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  const fields = { ...Object.fromEntries(kept), ":method": method, ":path": url, ":authority": headers.host ?? "" };
  // Node's `close` ends the request before it resets the stream: an end that was never meant.
  const gone = new AbortController();
  const stream = session.request(fields, { endStream: !hasBody, signal: gone.signal });
  stream.on("error", () => {
    // Headers that are too large are refused before there is a call, by a reset: 431 in the words of HTTP/1.1.
    const isTooMuch = stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM && !response.headersSent;
    if (isTooMuch) response.writeHead(431, { connection: "close" }).end();
    else response.destroy();
  });
  stream.on("response", ({ ":status": status = 502, ...answered }) => {
    // Its own end, when the server wants no more of the request, is not the peer's.
    const own = request.complete ? {} : { connection: "close" };
    response.writeHead(Number(status), { ...(answered as Record<string, string>), ...own });
    response.flushHeaders();
    stream.pipe(response);
  });
  response.on("close", () => (stream.closed ? undefined : gone.abort()));
  if (hasBody) request.pipe(stream);
}
