/**
 * Reads JSON-RPC requests, one or a batch, and gathers their answers.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { CallStart } from "../../endpoint/index.ts";
import type { BoundMethod } from "../bind.ts";
import { json, schemaOf, type Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import { discardBody, isUnread, readBody, textOf } from "../http/body.ts";
import { connectionOf } from "../http/connection.ts";
import { headersOf, timeoutOf, type ServerState } from "../http/call.ts";
import { FRAMING } from "../http/message.ts";
import { codecFor } from "../http/negotiate.ts";
import { parseJson } from "../json/parse.ts";
import type { Limits } from "../limits.ts";
import { REQUEST_ID, TIMEOUT } from "../names.ts";
import type { App } from "../server.ts";
import { RpcCall, type JsonrpcReply, type JsonrpcRequest, type RpcPlan } from "./call.ts";
import { encodeRpcError } from "./code.ts";
import { idOf, INVALID_REQUEST, readRequest, writeError } from "./message.ts";

/** What decides how requests are served, whoever accepts the connections. */
export interface DispatchSettings {
  readonly limits: Limits;
  readonly maxBatch: number;
  readonly hooks: Hooks<JsonrpcRequest, JsonrpcReply>;
  readonly codec: Codec;
  /** The name under which a method is called. */
  readonly nameOf: (service: string, method: string) => string;
}

const JSON_ONLY = [{ mediaType: "application/json" }];

/** Serves one app over HTTP requests that somebody accepted. */
export class RpcDispatcher {
  readonly #app: App;
  readonly #settings: DispatchSettings;
  readonly #server: ServerState;
  readonly #plans = new Map<string, RpcPlan>();
  readonly #other: RpcPlan;

  constructor(app: App, settings: DispatchSettings, server: ServerState) {
    this.#app = app;
    this.#settings = settings;
    this.#server = server;
    this.#other = { bound: app.other, named: (params) => params, write: () => "null", hooks: settings.hooks };
    for (const service of app.services) {
      for (const [method, bound] of service.methods) {
        if (bound.info.kind !== "unary") continue;
        const name = settings.nameOf(service.name, method);
        if (this.#plans.has(name))
          throw new RangeError(`${service.name}.${method} should have a name of its own, "${name}" is taken`);
        this.#plans.set(name, planOf(bound, settings));
      }
    }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== "POST") {
      request.resume();
      this.#observe(request, policyError("wrong_verb"));
      return this.#write({ request, response }, 405, "405 must POST\n", ["allow", "POST"]);
    }
    const refusal = this.#unfit(request);
    const from = { request, response };
    if (refusal !== undefined) return this.#refuse(from, refusal.status, refusal.error);
    if (request.headers.expect !== undefined) response.writeContinue();
    readBody(request, this.#settings.limits.maxBodyBytes, {
      arrived: (body) => this.#arrived(from, body),
      refused: (error) => this.#refuse(from, 413, error),
    });
  }

  #unfit(request: IncomingMessage): { readonly status: number; readonly error: ServiceError } | undefined {
    if (request.rawHeaders.length > this.#settings.limits.maxHeaders * 2)
      return { status: 431, error: policyError("too_many_headers") };
    const isJson =
      codecFor(JSON_ONLY, request.headers["content-type"]) !== undefined &&
      request.headers["content-encoding"] === undefined;
    return isJson ? undefined : { status: 415, error: policyError("unsupported_media_type") };
  }

  #arrived(from: Exchange, body: Buffer | undefined): void {
    let message: unknown;
    try {
      message = parseJson(body === undefined ? "" : textOf(body), this.#settings.limits);
    } catch (error) {
      return this.#refuse(from, 200, toServiceError(error));
    }
    if (!Array.isArray(message)) return this.#one(from, message, body?.length ?? 0);
    if (message.length === 0 || message.length > this.#settings.maxBatch) {
      const rule = `a batch should have 1 to ${this.#settings.maxBatch} requests`;
      this.#observe(from.request, policyError("malformed_message", { message: rule }));
      return this.#answer(from, writeError({ code: INVALID_REQUEST, message: rule }, null));
    }
    this.#batch(from, message);
  }

  #one(from: Exchange, message: unknown, bytes: number): void {
    const call = this.#start(from, message, (text) => this.#answer(from, text, call));
    if (call === undefined) return;
    call.requestBytes = bytes;
    this.#run(call);
  }

  #batch(from: Exchange, messages: readonly unknown[]): void {
    const answers: string[] = [];
    let waiting = messages.length;
    const gather = (text: string | undefined): void => {
      if (text !== undefined) answers.push(text);
      if (--waiting === 0) this.#answer(from, answers.length === 0 ? undefined : `[${answers.join(",")}]`);
    };
    for (const message of messages) {
      const call = this.#start(from, message, gather);
      if (call !== undefined) this.#run(call);
    }
  }

  #start(from: Exchange, message: unknown, answer: (text: string | undefined) => void): RpcCall | undefined {
    const request = readRequest(message);
    if (request === undefined) {
      this.#observe(from.request, policyError("malformed_message", { message: "the request is not valid JSON-RPC" }));
      answer(writeError({ code: INVALID_REQUEST, message: "the request is not valid JSON-RPC 2.0" }, idOf(message)));
      return undefined;
    }
    const plan = this.#plans.get(request.method) ?? this.#other;
    const connection = connectionOf(from.request.socket);
    const call: RpcCall = new RpcCall(plan, {
      request,
      start: this.#startOf(plan.bound, from.request),
      answer: (text) => {
        connection.remove(call);
        answer(text);
      },
    });
    call.peer = connection.peer;
    connection.add(call);
    return call;
  }

  #run(call: RpcCall): void {
    call.run(call.bound === this.#app.other ? policyError("unknown_method") : undefined);
  }

  #startOf(bound: BoundMethod, request: IncomingMessage): CallStart {
    return {
      startMs: this.#app.clock.now(),
      timeoutMs: timeoutOf(request.headers[TIMEOUT], bound.info.timeoutMs),
      transport: "jsonrpc",
      incoming: headersOf(request.headers),
      values: bound.around.values,
    };
  }

  // What never became a request is observed as a call of no method.
  #observe(request: IncomingMessage, error: ServiceError): void {
    const call = new RpcCall(this.#other, {
      request: { method: "", params: undefined, id: undefined },
      start: this.#startOf(this.#app.other, request),
      answer: () => undefined,
    });
    call.peer = connectionOf(request.socket).peer;
    call.run(error);
  }

  #refuse(from: Exchange, status: number, error: ServiceError): void {
    this.#observe(from.request, error);
    this.#write(from, status, `${writeError(encodeRpcError(error), null)}\n`, []);
  }

  #answer(from: Exchange, text: string | undefined, call?: RpcCall): void {
    const headers: string[] = [];
    if (call !== undefined) {
      headers.push(REQUEST_ID, call.requestId);
      for (const [name, value] of call.outgoingIfAny ?? []) if (!FRAMING.has(name)) headers.push(name, value);
    }
    this.#write(from, text === undefined ? 204 : 200, text === undefined ? "" : `${text}\n`, headers);
  }

  #write({ request, response }: Exchange, status: number, body: string, headers: string[]): void {
    if (response.headersSent || request.socket.destroyed) return;
    if (body !== "")
      headers.push("content-type", status === 405 ? "text/plain; charset=utf-8" : "application/json; charset=utf-8");
    if (status !== 204) headers.push("content-length", String(Buffer.byteLength(body)));
    const unread = isUnread(request);
    if (unread || this.#server.draining) headers.push("connection", "close");
    response.writeHead(status, headers);
    response.end(body);
    if (unread) discardBody(request);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function planOf(bound: BoundMethod, { codec, hooks, limits }: DispatchSettings): RpcPlan {
  const where = `${bound.info.service}.${bound.info.name}`;
  const byName = namer(bound, where);
  const write = codec.writer(bound.method.response, `${where} response`) as (value: unknown) => string;
  if (codec === json) return { bound, named: byName, write, hooks };
  const read = codec.reader(bound.method.request, limits);
  const named = (params: unknown): unknown => read(JSON.stringify(byName(params)));
  return { bound, named, write: (value) => write(value).trimEnd(), hooks };
}

// Params by position take the names of the request's fields in the order of its schema (§4.2).
function namer(bound: BoundMethod, where: string): (params: unknown) => unknown {
  let names: readonly string[] | undefined;
  return function named(params) {
    if (params === undefined) return {};
    if (!Array.isArray(params)) return params;
    names ??= Object.keys(
      (schemaOf(bound.method.request, `${where} request`)["properties"] as object | undefined) ?? {},
    );
    if (params.length > names.length)
      throw policyError("invalid_request", { message: `there are at most ${names.length} params` });
    return Object.fromEntries(params.map((value, i) => [names![i]!, value]));
  };
}
