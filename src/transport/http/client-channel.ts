/**
 * The client side of the HTTP transport: one channel for each instance, one sender for each method.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { AnyService } from "../../contract/index.ts";
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { json, type Codec } from "../codec.ts";
import { CODINGS } from "./client-body.ts";
import { constantHeaders, RequestDraft, type HttpClientRequest } from "./client-draft.ts";
import { Exchange } from "./client-exchange.ts";
import { finalize, type ClientHooks } from "./client-hooks.ts";
import { addCallHeaders } from "./client-metadata.ts";
import { plainForm, routeForm, type RequestForm } from "./client-request.ts";
import {
  answerText,
  isMediaType,
  refusalOf,
  ResponseHeaders,
  ResponseView,
  type HttpClientResponse,
} from "./client-response.ts";
import type { Way } from "./client-way.ts";
import type { Routes } from "./routes.ts";

/** What all methods of a client share. */
export interface ChannelOptions {
  readonly service: AnyService;
  readonly routes: readonly Routes[];
  readonly codec: Codec | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly acceptsCompressed: boolean;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
}

/** Makes the channel to one instance. */
export function httpChannel(way: Way, options: ChannelOptions): Channel {
  return {
    unary(name): UnarySender {
      if (options.service.methods[name]!.kind !== "unary")
        return () => Promise.reject(noStreams(options.service, name));
      const plan = planOf(way, name, options);
      return function send(request, call) {
        return new Promise((resolve, reject) =>
          new HttpClientCall(way, plan, { request, call, resolve, reject }).start(),
        );
      };
    },
    stream(name): StreamSender {
      return async function* refuse() {
        yield await Promise.reject(noStreams(options.service, name));
      };
    },
    close: () => way.close(),
  };
}

function noStreams(service: AnyService, name: string): ServiceError {
  return policyError("unknown_method", {
    message: `${service.name}.${name} is a stream, which this transport does not carry`,
  });
}

/** What is prepared once per method. */
interface Plan {
  readonly form: RequestForm;
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly mediaType: string;
  readonly isText: boolean;
  read(body: string | Uint8Array): unknown;
  readonly idempotent: boolean;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
}

function planOf(way: Way, name: string, options: ChannelOptions): Plan {
  const { service } = options;
  const method = service.methods[name]!;
  const where = `${service.name}.${name}`;
  const route = options.routes
    .filter((one) => one.service.name === service.name)
    .flatMap((one) => one.routes)
    .find((one) => one.method === name);
  const codec = route?.codec ?? options.codec ?? json;
  const { basePath, authority } = way.place;
  const about = { method, codec, where };
  const form =
    route === undefined ? plainForm(`${basePath}/${service.name}/${name}`, about) : routeForm(basePath, route, about);
  const own = ["host", authority, "user-agent", "servicekit", "accept", codec.mediaType];
  if (form.hasBody) own.push("content-type", codec.contentType);
  if (options.acceptsCompressed) own.push("accept-encoding", CODINGS);
  return {
    form,
    headers: constantHeaders(own, options.headers),
    hasBody: form.hasBody,
    mediaType: codec.mediaType,
    isText: codec.form === "text",
    read: codec.reader(method.response, way.limits),
    idempotent: method.idempotent,
    hooks: options.hooks,
  };
}

/** Who waits for an answer, and for what. */
interface Waiting {
  readonly request: unknown;
  readonly call: ActiveCall;
  resolve(wire: unknown): void;
  reject(error: ServiceError): void;
}

/** One call over HTTP. */
class HttpClientCall extends Exchange {
  readonly #plan: Plan;
  readonly #waiting: Waiting;
  #subscription: Subscription | undefined = undefined;

  constructor(way: Way, plan: Plan, waiting: Waiting) {
    super(way);
    this.#plan = plan;
    this.#waiting = waiting;
  }

  start(): void {
    const { call } = this.#waiting;
    call.peer = this.way.place.authority;
    if (call.canceledBy !== undefined) return this.failed(call.canceledBy);
    this.send();
    if (!this.isOver) this.#subscription = call.onCancel((reason) => this.abort(reason));
  }

  protected get isRepeatable(): boolean {
    return this.#plan.idempotent;
  }

  protected draft(): RequestDraft {
    const { form, headers, hasBody, hooks } = this.#plan;
    const { request, call } = this.#waiting;
    const draft = new RequestDraft(form.verb, form.path, headers);
    form.write(request, draft);
    addCallHeaders(draft.headers, call, call.context.deadlineMs - this.way.clock.now());
    if (hooks.before !== undefined) for (const before of hooks.before) before(call.context, draft);
    const { body } = draft;
    call.requestBytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    if (hasBody || call.requestBytes > 0) draft.headers.push("content-length", String(call.requestBytes));
    return draft;
  }

  protected answered(response: IncomingMessage, body: Buffer | undefined): void {
    const { call } = this.#waiting;
    call.status = response.statusCode!;
    call.incoming = new ResponseHeaders(response.headers);
    if (body !== undefined) call.responseBytes = body.length;
    let wire: unknown;
    try {
      const { after } = this.#plan.hooks;
      if (after !== undefined) {
        const view = new ResponseView(response, body, this.way.limits);
        for (const one of after) one(call.context, view);
      }
      wire = this.#read(response, body);
    } catch (error) {
      return this.failed(toServiceError(error));
    }
    this.#subscription?.cancel();
    this.#waiting.resolve(wire);
    this.#finalize(undefined);
  }

  protected failed(error: ServiceError): void {
    this.#subscription?.cancel();
    this.#waiting.reject(error);
    this.#finalize(error);
  }

  #read(response: IncomingMessage, body: Buffer | undefined): unknown {
    const status = response.statusCode!;
    const { limits, clock } = this.way;
    if (status < 200 || status > 299) throw refusalOf(response, body, { limits, dateMs: clock.date() });
    if (body === undefined) return undefined;
    const { mediaType, isText, read } = this.#plan;
    if (!isMediaType(response.headers["content-type"], mediaType)) {
      throw policyError("invalid_response", { message: `the answer should be ${mediaType}` });
    }
    const readable = isText ? answerText(body) : body;
    try {
      return read(readable);
    } catch (error) {
      throw policyError("invalid_response", { message: "the answer cannot be read", cause: error });
    }
  }

  #finalize(error: ServiceError | undefined): void {
    const { finalizer } = this.#plan.hooks;
    if (finalizer === undefined) return;
    const { call } = this.#waiting;
    finalize(finalizer, { context: call.context, status: call.status, error });
  }
}
