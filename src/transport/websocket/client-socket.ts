/**
 * One socket of a client: the handshake, and what became of it.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { SecureContextOptions } from "node:tls";
import { WebSocket } from "ws";
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import type { Limits } from "../limits.ts";
import { addCallHeaders } from "../http/client-metadata.ts";
import { refusalOf, ResponseHeaders } from "../http/client-response.ts";
import type { Place } from "../http/client-url.ts";
import { PROTOCOL, TextSocket } from "./socket.ts";

/** What sockets to one instance are opened with. */
export interface ConnectOptions {
  readonly place: Place;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly tls: SecureContextOptions;
}

/** How long the server may take to read what was written; the deadline of a call is nearer as a rule. */
const WRITE_TIMEOUT_MS = 30_000;

/** A socket from the handshake to the end. */
export class ClientSocket {
  readonly #call: ActiveCall;
  readonly #socket: WebSocket;
  readonly #texts: TextSocket;
  /** Resolves when the handshake is over; rejects when it does not come about. */
  readonly opened: Promise<void>;
  #refuse: (error: ServiceError) => void = () => undefined;
  isOver = false;

  /** @throws {ServiceError} invalid_request when the metadata cannot be sent. */
  constructor({ place, ...options }: ConnectOptions, path: string, call: ActiveCall) {
    this.#call = call;
    call.peer = place.authority;
    const { clock, limits, connectTimeoutMs, heartbeatMs } = options;
    const headers = options.headers.slice();
    addCallHeaders(headers, call, call.context.deadlineMs - clock.now());
    const socket = (this.#socket = new WebSocket(
      `${place.secure ? "wss" : "ws"}://${place.authority}${path}`,
      PROTOCOL,
      {
        ...options.tls,
        headers: recordOf(headers),
        perMessageDeflate: false,
        maxPayload: Math.max(1, limits.maxBodyBytes),
        followRedirects: false,
        maxHeaderSize: limits.maxHeaderBytes,
      } as WebSocket.ClientOptions,
    ));
    this.#texts = new TextSocket(socket, { clock, heartbeatMs, writeTimeoutMs: WRITE_TIMEOUT_MS });
    this.opened = new Promise<void>((resolve, reject) => {
      const timer = clock.after(connectTimeoutMs, () =>
        this.abort(policyError("unreachable", { message: `the handshake took longer than ${connectTimeoutMs} ms` })),
      );
      const settled = (): void => timer.cancel();
      this.#refuse = (error) => (settled(), reject(error));
      socket.on("upgrade", ({ headers: got }: IncomingMessage) => (call.incoming = new ResponseHeaders(got)));
      socket.on("open", () => (settled(), (call.status = 101), resolve()));
      socket.on("error", (cause: Error) => this.#refuse(unreachable(cause)));
      socket.on("close", () => this.#refuse(policyError("unreachable")));
      socket.on("unexpected-response", (_request, response: IncomingMessage) => this.#refused(response, options));
    });
    // Whoever waits hears of it; one who was called off before that does not wait any more.
    this.opened.catch(() => undefined);
  }

  #refused(response: IncomingMessage, { limits, clock }: Omit<ConnectOptions, "place">): void {
    this.#call.status = response.statusCode!;
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limits.maxBodyBytes) chunks.push(chunk);
    });
    const over = (): void => {
      const body = bytes === 0 || bytes > limits.maxBodyBytes ? undefined : Buffer.concat(chunks);
      this.#refuse(refusalOf(response, body, { limits, dateMs: clock.date() }));
      this.#socket.terminate();
    };
    response.once("end", over);
    response.once("close", over);
  }

  /** The next text; undefined when the peer has closed after its last. */
  async read(): Promise<string | undefined> {
    const text = await this.#texts.read();
    if (text !== undefined) this.#call.responseBytes += text.length;
    return text;
  }

  async write(text: string): Promise<void> {
    if (this.isOver) return;
    this.#call.requestBytes += text.length;
    await this.#texts.write(text);
  }

  /** Calls it off: whoever waits hears of `reason`, and the peer that the socket is gone. */
  abort(reason: ServiceError): void {
    this.isOver = true;
    this.#refuse(reason);
    this.#texts.cut(reason);
  }

  /** It is over for us. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    // An answer that is not read to its end is not wanted.
    if (this.#socket.readyState === WebSocket.OPEN) this.#texts.cut(policyError("canceled"));
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#socket.terminate();
  }
}

function unreachable(cause: Error): ServiceError {
  const error = toServiceError(cause);
  return error.origin === "policy" ? error : policyError("unreachable", { cause });
}

function recordOf(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) record[headers[i]!] = headers[i + 1]!;
  return record;
}
