/**
 * Methods over WebSockets, one call each, on the port of an HTTP server.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import { policyError, ServiceError } from "../../errors/index.ts";
import { json } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import type { App } from "../server.ts";
import { TIMEOUT } from "../names.ts";
import { connectionOf } from "../http/connection.ts";
import { timeoutOf } from "../timeout.ts";
import { RequestView, type HttpRequest } from "../http/message.ts";
import { encodeProblem, PROBLEM } from "../http/problem.ts";
import { pathOf } from "../http/router.ts";
import { observeBroken } from "../http/server.ts";
import { statusOf } from "../http/status.ts";
import { checkMessages } from "../http/stream-plan.ts";
import type { Upgrade, UpgradeServed, Upgrading } from "../http/upgrade.ts";
import { SocketCall, type SocketPlan, type WebSocketReply } from "./call.ts";
import { QUERY_METADATA, socketMetadata } from "./carrier.ts";
import { PROTOCOL, TextSocket } from "./socket.ts";

/** What serving over WebSockets may be told. */
export interface WebSocketOptions extends Hooks<HttpRequest, WebSocketReply> {
  /**
   * Pages of which origins may open sockets, e.g. `https://app.example`; "*" for all. Default: those of the server's own
   * host. Browsers send cookies with a socket from any page, and no CORS stands before it. What is no browser sends no
   * origin, and is not asked for one.
   */
  readonly origins?: readonly string[] | "*" | undefined;
  /** How often a peer is asked for a sign of life, 10 ms to an hour. Default: 30 s; one that gives none is cut off. */
  readonly heartbeatMs?: number | undefined;
  /**
   * Which further parameters of the query are metadata, for browsers, which cannot set headers. Addresses are logged on
   * the way: name nothing secret. Default: none beside the time-out, ids, trace and criticality.
   */
  readonly queryMetadata?: readonly string[] | undefined;
}

interface Settings {
  readonly origins: ReadonlySet<string> | "*";
  readonly heartbeatMs: number;
  readonly names: ReadonlySet<string>;
  readonly hooks: Hooks<HttpRequest, WebSocketReply>;
}

/**
 * Serves every method over WebSockets at `/service/method`, on the port of the HTTP server it is given to: one call for
 * each socket, JSON text frames, subprotocol `servicekit`. Frames are one message each; an empty one from the client says
 * that no more requests come; `{"$error": …}` tells what a call failed with, and the socket closes after the last.
 *
 * `after` runs for methods that answer once; `context.reply` has nowhere to go, since the handshake is over by then.
 *
 * @throws {RangeError | TypeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { httpServer } from "servicekit/transport/http";
 * import { webSocketClient, webSockets } from "servicekit/transport/websocket";
 * import { z } from "zod";
 *
 * const n = z.object({ n: z.int() });
 * const numbers = service("numbers", { double: method({ request: n, response: n, stream: "bidi" }) });
 * const impl = numbers.implement({ async *double(all) { for await (const { n } of all) yield { n: 2 * n }; } });
 * const running = await serve(impl, { on: [httpServer({ port: 0, upgrades: [webSockets()] })], log: false, signals: false });
 * const remote = client(numbers, webSocketClient(), { from: running.addresses[0]! });
 * const got: number[] = [];
 * for await (const { n } of remote.double((async function* () { yield { n: 21 }; })())) got.push(n);
 * got; // => [42]
 * await running.stop();
 * ```
 */
export function webSockets(options: WebSocketOptions = {}): Upgrade {
  checkNames("webSockets", options, ["origins", "heartbeatMs", "queryMetadata", ...HOOKS]);
  const { origins = [], heartbeatMs = 30_000, queryMetadata = [] } = options;
  if (origins !== "*" && !Array.isArray(origins))
    throw new TypeError(`origins should be a list of origins or "*", got ${shown(origins)}`);
  for (const origin of origins === "*" ? [] : origins) checkOrigin(origin);
  if (!Array.isArray(queryMetadata) || queryMetadata.some((name: unknown) => typeof name !== "string"))
    throw new TypeError(`queryMetadata should be a list of names, got ${shown(queryMetadata)}`);
  const settings: Settings = {
    origins: origins === "*" ? "*" : new Set(origins),
    heartbeatMs: checkNumber("heartbeatMs", heartbeatMs, { min: 10, max: 3_600_000 }),
    names: new Set([...QUERY_METADATA, ...queryMetadata.map((name: string) => name.toLowerCase())]),
    hooks: hooksOf(options),
  };
  return { "~upgrade": true, upgrading: (served) => new Sockets(settings, served) };
}

function checkOrigin(origin: string): void {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new RangeError(`origins should hold origins as https://app.example, got ${shown(origin)}`);
}

class Sockets implements Upgrading {
  readonly #settings: Settings;
  readonly #served: UpgradeServed;
  readonly #plans = new Map<string, SocketPlan>();
  readonly #server: WebSocketServer;

  constructor(settings: Settings, served: UpgradeServed) {
    this.#settings = settings;
    this.#served = served;
    for (const { name, methods } of served.app.services)
      for (const bound of methods.values())
        this.#plans.set(`/${name}/${bound.info.name}`, planOf(bound, settings, served));
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Memory for each socket, and small messages gain nothing.
      perMessageDeflate: false,
      // Zero would mean no bound.
      maxPayload: Math.max(1, served.limits.maxBodyBytes),
      handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
    });
    this.#server.on("wsClientError", (error, socket) =>
      this.#refuse(socket, policyError("malformed_message", { message: error.message })),
    );
  }

  speaks({ headers }: IncomingMessage): boolean {
    return headers.upgrade?.toLowerCase() === "websocket";
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { url = "/", headers, rawHeaders } = request;
    const plan = this.#plans.get(pathOf(url));
    if (rawHeaders.length / 2 > this.#served.limits.maxHeaders)
      return this.#refuse(socket, policyError("too_many_headers"));
    if (plan === undefined) return this.#refuse(socket, policyError("unknown_method"));
    if (!this.#mayCome(headers.origin, headers.host)) return this.#refuse(socket, otherOrigin());
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#serve(plan, request, opened));
  }

  #mayCome(origin: string | undefined, host: string | undefined): boolean {
    const { origins } = this.#settings;
    if (origin === undefined || origins === "*" || origins.has(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
  }

  #serve(plan: SocketPlan, request: IncomingMessage, opened: WebSocket): void {
    const { app, writeTimeoutMs, oneWays } = this.#served;
    const { url = "/", headers } = request;
    const connection = connectionOf(request.socket);
    const incoming = socketMetadata(headers, url, this.#settings.names);
    const { info, around } = plan.bound;
    const start = {
      startMs: app.clock.now(),
      timeoutMs: timeoutOf(incoming.get(TIMEOUT), info.timeoutMs),
      transport: "websocket",
      incoming,
      values: around.values,
    };
    const socket = new TextSocket(opened, {
      clock: app.clock,
      heartbeatMs: this.#settings.heartbeatMs,
      writeTimeoutMs,
    });
    const view = new RequestView({ verb: "GET", url, headers });
    const { peer } = connection;
    const from = { start: connection.start(start), view, url, peer, socket, holder: connection, oneWays };
    void new SocketCall(plan, from).run();
  }

  #refuse(socket: Duplex, error: ServiceError): void {
    const status = statusOf(error);
    const body = encodeProblem(error, status);
    socket.on("error", () => undefined);
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: ${PROBLEM}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      () => socket.destroy(),
    );
    observeBroken(this.#served.app, error, (socket as Socket).remoteAddress ?? "");
  }
}

function planOf(bound: App["other"], settings: Settings, { limits }: UpgradeServed): SocketPlan {
  const { info, method } = bound;
  const where = `${info.service}.${info.name}`;
  checkMessages(method, where);
  return {
    bound,
    hooks: settings.hooks,
    takesMany: info.kind === "client" || info.kind === "bidi",
    answersMany: info.kind === "server" || info.kind === "bidi",
    read: json.reader(method.request, limits) as (text: string) => unknown,
    write: json.writer(method.response, `${where} response`) as (value: unknown) => string,
  };
}

function otherOrigin(): ServiceError {
  return new ServiceError("pages of this origin may not open sockets here", {
    code: "permission_denied",
    reason: "permission_denied",
  });
}
