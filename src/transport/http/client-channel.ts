/**
 * The client side of the HTTP transport: one channel for each instance, one sender for each method.
 *
 * @module
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { AnyMethod, AnyService } from "../../contract/index.ts";
import type { Random } from "../../time/index.ts";
import type { ActiveCall, Subscription } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { json, schemaOf, type Codec } from "../codec.ts";
import { CODINGS } from "./client-body.ts";
import { constantHeaders, framed, RequestDraft, type HttpClientRequest } from "./client-draft.ts";
import { Exchange } from "./client-exchange.ts";
import { finalize, type ClientHooks } from "../client-hooks.ts";
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
import { streamSender, type ClientStreamPlan } from "./client-stream.ts";
import { Upload } from "./client-upload.ts";
import type { Way } from "./client-way.ts";
import { ndjson, sse } from "./frames.ts";
import type { Route, Routes } from "./routes.ts";
import { checkMessages, checkStreamRoute, requestWriter } from "./stream-plan.ts";

/** What all methods of a client share. */
export interface ChannelOptions {
  readonly service: AnyService;
  readonly routes: readonly Routes[];
  readonly codec: Codec | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly acceptsCompressed: boolean;
  readonly maxResumes: number;
  readonly random: Random;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
}

/** Makes the channel to one instance. */
export function httpChannel(way: Way, options: ChannelOptions): Channel {
  return {
    unary(name): UnarySender {
      const plan = planOf(way, name, options);
      if (plan.writeOne !== undefined) {
        return function upload(request, call) {
          return new Promise((resolve, reject) =>
            new HttpClientUpload(way, plan, { request, call, resolve, reject }).start(),
          );
        };
      }
      return function send(request, call) {
        return new Promise((resolve, reject) =>
          new HttpClientCall(way, plan, { request, call, resolve, reject }).start(),
        );
      };
    },
    stream: (name): StreamSender => streamSender(way, streamPlanOf(way, name, options)),
    close: () => way.close(),
  };
}

/** What is prepared once per method. */
interface Plan {
  readonly form: RequestForm;
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly mediaType: string;
  readonly isText: boolean;
  /** What an answer without a body stands for. */
  readonly empty: object | undefined;
  /** Whether such an answer can be read. */
  readonly readsEmpty: boolean;
  read(body: string | Uint8Array): unknown;
  readonly idempotent: boolean;
  /** Whether a success is all there is to say. */
  readonly isOneWay: boolean;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
  /** Writes one message of a request that is many; undefined where it is one. */
  readonly writeOne: ((message: unknown) => string) | undefined;
}

interface Named {
  readonly method: AnyMethod;
  readonly where: string;
  readonly route: Route | undefined;
  readonly codec: Codec;
  readonly form: RequestForm;
}

function named(way: Way, name: string, options: ChannelOptions): Named {
  const { service } = options;
  const method = service.methods[name]!;
  const where = `${service.name}.${name}`;
  const route = options.routes
    .filter((one) => one.service.name === service.name)
    .flatMap((one) => one.routes)
    .find((one) => one.method === name);
  checkStreamRoute(route, method, where);
  const codec = route?.codec ?? options.codec ?? json;
  const { basePath } = way.place;
  const plain = `${basePath}/${service.name}/${name}`;
  const about = { method, codec, where };
  const isMany = method.kind === "client" || method.kind === "bidi";
  const form = isMany
    ? manyForm(route === undefined ? "POST" : route.verb, route === undefined ? plain : basePath + route.path)
    : route === undefined
      ? plainForm(plain, about)
      : routeForm(basePath, route, about);
  return { method, where, route, codec, form };
}

/** The form of a request of many messages: they come after its head. */
function manyForm(verb: string, path: string): RequestForm {
  return {
    verb: verb === "*" ? "POST" : verb,
    path,
    hasBody: false,
    write: (_request, draft) => void draft.headers.push("transfer-encoding", "chunked"),
  };
}

function streamPlanOf(way: Way, name: string, options: ChannelOptions): ClientStreamPlan {
  const { method, where, route, codec, form } = named(way, name, options);
  checkMessages(method, where);
  const isMany = method.kind === "bidi";
  const accept = `${ndjson.mediaType}, ${sse.mediaType};q=0.5`;
  const own = ["host", way.place.authority, "user-agent", "servicekit", "accept", accept];
  if (isMany) own.push("content-type", ndjson.mediaType);
  else if (form.hasBody) own.push("content-type", codec.contentType);
  return {
    form,
    headers: constantHeaders(own, options.headers),
    writeOne: isMany ? requestWriter(method, where) : undefined,
    read: json.reader(method.response, way.limits),
    idempotent: method.idempotent,
    events: route?.events,
    hooks: options.hooks,
    maxResumes: options.maxResumes,
    random: options.random,
  };
}

function planOf(way: Way, name: string, options: ChannelOptions): Plan {
  const { method, where, route, codec, form } = named(way, name, options);
  const isMany = method.kind === "client";
  // An acknowledgement has no body.
  const answers = method.oneWay === true ? json : (codec.answers ?? codec);
  const read = answers.reader(method.response, way.limits);
  const own = ["host", way.place.authority, "user-agent", "servicekit", "accept", answers.mediaType];
  if (isMany) own.push("content-type", ndjson.mediaType);
  else if (form.hasBody) own.push("content-type", codec.contentType);
  if (options.acceptsCompressed) own.push("accept-encoding", CODINGS);
  return {
    form,
    headers: constantHeaders(own, options.headers),
    hasBody: form.hasBody,
    mediaType: answers.mediaType,
    isText: answers.form === "text",
    readsEmpty: readsEmpty(answers, read),
    // A route that answers 204 has nothing to say, which is what an object without fields says.
    empty: route?.status === 204 && schemaOf(method.response, where)["type"] === "object" ? {} : undefined,
    read,
    idempotent: method.idempotent,
    isOneWay: method.oneWay === true,
    hooks: options.hooks,
    writeOne: isMany ? requestWriter(method, where) : undefined,
  };
}

/** Whether nothing at all is a message: an empty text is one, and JSON is never empty. */
function readsEmpty({ form }: Codec, read: Plan["read"]): boolean {
  try {
    read(form === "text" ? "" : EMPTY);
    return true;
  } catch {
    return false;
  }
}

const EMPTY = new Uint8Array(0);

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
    const bytes = framed(draft);
    call.requestBytes = bytes ?? 0;
    if (bytes !== undefined && (hasBody || bytes > 0)) draft.headers.push("content-length", String(bytes));
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
    const { mediaType, isText, read, empty, isOneWay } = this.#plan;
    if (isOneWay) return undefined;
    if (body === undefined) return empty === undefined && this.#plan.readsEmpty ? read(isText ? "" : EMPTY) : empty;
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

/** A call whose request is many messages: they are sent as they come, and no more once it is answered. */
class HttpClientUpload extends HttpClientCall {
  readonly #writeOne: (message: unknown) => string;
  readonly #waiting: Waiting;
  #request: ClientRequest | undefined = undefined;
  #upload: Upload | undefined = undefined;

  constructor(way: Way, plan: Plan, waiting: Waiting) {
    super(way, plan, waiting);
    this.#writeOne = plan.writeOne!;
    this.#waiting = waiting;
  }

  // What was taken from the source cannot be taken again.
  protected override get isRepeatable(): boolean {
    return false;
  }

  protected override write(request: ClientRequest): void {
    const { call } = this.#waiting;
    this.#request = request;
    request.once("response", () => this.#upload?.stop());
    this.#upload = new Upload(request, {
      messages: this.#waiting.request as AsyncIterable<unknown>,
      write: this.#writeOne,
      sent: (bytes) => void (call.requestBytes += bytes),
      failed: (error) => this.abort(error),
    });
  }

  protected override answered(response: IncomingMessage, body: Buffer | undefined): void {
    this.#leave();
    super.answered(response, body);
  }

  protected override failed(error: ServiceError): void {
    this.#leave();
    super.failed(error);
  }

  #leave(): void {
    this.#upload?.stop();
    if (this.#upload?.isComplete === false) this.#request?.destroy();
  }
}
