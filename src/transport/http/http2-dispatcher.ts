/**
 * Starts the call a stream of HTTP/2 is for, and answers what is no call.
 *
 * @module
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { App } from "../server.ts";
import { Http2Call, respond, type Http2Incoming } from "./http2-call.ts";
import { CANCEL, http2ConnectionOf } from "./http2-connection.ts";
import { Http2Stream } from "./http2-stream.ts";
import type { HttpHeaders } from "./message.ts";
import type { PlainAnswer } from "./page.ts";
import type { Routing } from "./routing.ts";

/** The pseudo-headers of a request (RFC 9113 §8.3.1), which are not counted as headers. */
const PSEUDO_HEADERS = 4;

/** How long peers may take, and who knows the calls that nobody waits for. */
export type Patience = Pick<Http2Incoming, "writeTimeoutMs" | "requestTimeoutMs" | "oneWays">;

/** Serves one app over streams. */
export class Http2Dispatcher {
  readonly #app: App;
  readonly #routing: Routing;
  readonly #patience: Patience;

  constructor(app: App, routing: Routing, patience: Patience) {
    this.#app = app;
    this.#routing = routing;
    this.#patience = patience;
  }

  /** Serves one stream. */
  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    // It was reset before its turn came.
    if (stream.session === undefined || stream.destroyed) return;
    const { ":method": verb = "GET", ":path": url = "/" } = headers;
    const found =
      this.#routing.find(verb, url) ?? this.#routing.special({ verb, url, headers: headers as HttpHeaders });
    if (found !== undefined && "answer" in found) return void this.#answer(stream, found.answer);
    const { plan, values, refusal } = found ?? this.#routing.unknown();
    const headerCount = rawHeaders.length / 2 - PSEUDO_HEADERS;
    const connection = http2ConnectionOf(stream.session as ServerHttp2Session);
    const from: Http2Incoming = { stream, headers, headerCount, values, connection, ...this.#patience };
    const startMs = this.#app.clock.now();
    const { stream: messages } = plan;
    const call =
      messages === undefined
        ? new Http2Call(plan, from, startMs)
        : new Http2Stream({ ...plan, stream: messages }, from, startMs);
    call.run(refusal);
  }

  async #answer(stream: ServerHttp2Stream, answer: PlainAnswer | Promise<PlainAnswer>): Promise<void> {
    stream.on("error", () => undefined);
    respond(stream, await answer);
    if (stream.writableLength === 0 || stream.destroyed) return;
    // One that does not read would hold its session for ever.
    const late = this.#app.clock.expire(this.#patience.writeTimeoutMs, { expire: () => stream.close(CANCEL) });
    stream.once("close", () => late.cancel());
  }
}
