/**
 * One call of somebody's HTTP service without a contract: how the request is written and the answer read is yours (Go
 * kit `transport/http/client.go`, NewClient). Where the service can be described, `client` with `routes` is shorter.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { checkFunction, checkNames, checkNumber, checkString } from "../../internal/check.ts";
import { isPromise } from "../../internal/promise.ts";
import { TIMEOUT_MS, type Context, type Endpoint, type Subscription } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import { systemClock, type Clock, type Timer } from "../../time/index.ts";
import { limitsOf, type LimitOptions } from "../limits.ts";
import { CORRELATION_ID, CRITICALITY } from "../names.ts";
import { CODINGS } from "./client-body.ts";
import { constantHeaders, framed, RequestDraft, type HttpClientRequest } from "./client-draft.ts";
import { Exchange } from "./client-exchange.ts";
import { CLIENT_HOOKS, clientHooks, finalize, type ClientHooks } from "../client-hooks.ts";
import { addContext } from "../outgoing.ts";
import { POOL, poolSettings, type PoolOptions } from "./client-pool.ts";
import { refusalOf, ResponseView, type HttpClientResponse } from "./client-response.ts";
import { placeOf } from "./client-url.ts";
import { Way } from "./client-way.ts";

/** What a call without a contract is made of. */
export interface HttpCallOptions<Req, Res> extends PoolOptions, ClientHooks<HttpClientRequest, HttpClientResponse> {
  /** The request method, upper case: `GET`. */
  readonly verb: string;
  /** Where to, an http or https URL; its path and query are those of every request, unless `encode` sets another path. */
  readonly url: string;
  /** Writes the request: body, headers, path; again when it is sent again. Default: a request without a body. */
  readonly encode?: ((request: Req, http: HttpClientRequest) => void) | undefined;
  /** Reads the answer; what it throws or rejects with fails the call. */
  readonly decode: (response: HttpClientResponse, context: Context) => Res | Promise<Res>;
  /**
   * Which statuses are given to `decode`; any other rejects with a typed error. Default: 200 to 299 (Go kit gives every
   * status to the decoder, where a 500 is easily taken for an answer).
   */
  readonly accepts?: ((status: number) => boolean) | undefined;
  /** Whether sending twice does no more than sending once. Default: true for GET, HEAD, PUT, DELETE (RFC 9110 §9.2.2). */
  readonly idempotent?: boolean | undefined;
  /** How long a call may take, 1 ms to a day, at most what is left of the context's deadline. Default: 3 s. */
  readonly timeoutMs?: number | undefined;
  /** Bounds of answers. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Headers of every request. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether compressed answers are asked for. Default: false. */
  readonly acceptsCompressed?: boolean | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const OPTIONS: readonly string[] = [
  ...POOL,
  ...CLIENT_HOOKS,
  "verb",
  "url",
  "encode",
  "decode",
  "accepts",
  "idempotent",
  "timeoutMs",
  "limits",
  "headers",
  "acceptsCompressed",
  "clock",
];

const VERB = { pattern: /^[A-Z]{1,32}$/, says: "upper-case letters" };
const IDEMPOTENT: readonly string[] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"];
const DAY_MS = 86_400_000;

/**
 * Makes an endpoint that calls an HTTP service: pooled, bounded, with deadline, cancellation, request id and trace of its
 * context. Connections that are idle close by themselves.
 *
 * @throws {RangeError | TypeError} when an option is wrong.
 * @throws {ServiceError} `deadline_exceeded`, `canceled`, `unreachable`, `connection_lost`, `too_large`,
 * `too_many_headers`, `invalid_response`, or what the peer answered.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { httpCall } from "servicekit/transport/http";
 *
 * const uppercase = httpCall<string, string>({
 *   verb: "POST",
 *   url: "http://127.0.0.1:1/uppercase",
 *   encode: (text, http) => (http.body = JSON.stringify({ s: text })),
 *   decode: (response) => response.text(),
 * });
 * await uppercase("hello", backgroundContext()); // throws the peer cannot be reached
 * ```
 */
export function httpCall<Req, Res>(options: HttpCallOptions<Req, Res>): Endpoint<Req, Res> {
  const plan = planOf(options);
  function httpCall(request: Req, context: Context): Promise<Res> {
    return new Promise((resolve, reject) => new Sent<Req, Res>(plan, { request, context, resolve, reject }).start());
  }
  return httpCall;
}

interface Plan<Req, Res> {
  readonly way: Way;
  readonly path: string;
  readonly headers: readonly string[];
  readonly options: HttpCallOptions<Req, Res>;
  readonly hooks: ClientHooks<HttpClientRequest, HttpClientResponse>;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  accepts(status: number): boolean;
}

function planOf<Req, Res>(options: HttpCallOptions<Req, Res>): Plan<Req, Res> {
  checkNames("httpCall", options, OPTIONS);
  const {
    verb,
    encode,
    decode,
    accepts = isSuccess,
    clock = systemClock,
    headers,
    acceptsCompressed = false,
  } = options;
  checkString("verb", verb, VERB);
  if (encode !== undefined) checkFunction("encode", encode);
  checkFunction("decode", decode);
  checkFunction("accepts", accepts);
  const { base, path } = splitUrl(options.url);
  const place = placeOf("url", base);
  const own = ["host", place.authority, "user-agent", "servicekit"];
  if (acceptsCompressed) own.push("accept-encoding", CODINGS);
  return {
    way: new Way(place, { pool: poolSettings(options), limits: limitsOf(options.limits), clock }),
    path,
    headers: constantHeaders(own, headers),
    options,
    hooks: clientHooks(options),
    idempotent: options.idempotent ?? IDEMPOTENT.includes(verb),
    timeoutMs: checkNumber("timeoutMs", options.timeoutMs ?? TIMEOUT_MS, { min: 1, max: DAY_MS }),
    accepts,
  };
}

function splitUrl(url: string): { readonly base: string; readonly path: string } {
  checkString("url", url);
  if (!URL.canParse(url)) return { base: url, path: "/" };
  const parsed = new URL(url);
  const path = parsed.pathname + parsed.search;
  parsed.search = "";
  parsed.pathname = "/";
  return { base: parsed.href, path };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

interface Waiting<Req, Res> {
  readonly request: Req;
  readonly context: Context;
  resolve(response: Res): void;
  reject(error: unknown): void;
}

class Sent<Req, Res> extends Exchange {
  readonly #plan: Plan<Req, Res>;
  readonly #waiting: Waiting<Req, Res>;
  readonly #deadlineMs: number;
  #timer: Timer | undefined = undefined;
  #subscription: Subscription | undefined = undefined;
  #status = 0;

  constructor(plan: Plan<Req, Res>, waiting: Waiting<Req, Res>) {
    super(plan.way);
    this.#plan = plan;
    this.#waiting = waiting;
    this.#deadlineMs = Math.min(waiting.context.deadlineMs, plan.way.clock.now() + plan.timeoutMs);
  }

  start(): void {
    const { context } = this.#waiting;
    const { clock } = this.way;
    const remainingMs = this.#deadlineMs - clock.now();
    if (context.canceledBy !== undefined) return this.failed(context.canceledBy);
    if (remainingMs <= 0) return this.failed(policyError("deadline_exceeded"));
    this.send();
    if (this.isOver) return;
    this.#timer = clock.expire(remainingMs, this);
    this.#subscription = context.onCancel((reason) => this.abort(reason));
  }

  expire(): void {
    this.abort(policyError("deadline_exceeded"));
  }

  protected get isRepeatable(): boolean {
    return this.#plan.idempotent;
  }

  protected draft(): RequestDraft {
    const { path, headers, options, hooks } = this.#plan;
    const { request, context } = this.#waiting;
    const draft = new RequestDraft(options.verb, path, headers);
    options.encode?.(request, draft);
    addContext(draft.headers, context, this.#deadlineMs - this.way.clock.now());
    for (const name of [CORRELATION_ID, CRITICALITY]) {
      const value = context.metadata(name);
      if (value !== undefined && !draft.headers.includes(name)) draft.header(name, value);
    }
    if (hooks.before !== undefined) for (const before of hooks.before) before(context, draft);
    const bytes = framed(draft);
    if (bytes === undefined) return draft;
    if (bytes > 0 || options.verb === "POST" || options.verb === "PUT" || options.verb === "PATCH") {
      draft.headers.push("content-length", String(bytes));
    }
    return draft;
  }

  protected answered(message: IncomingMessage, body: Buffer | undefined): void {
    const { accepts, hooks, options } = this.#plan;
    const { context } = this.#waiting;
    this.#status = message.statusCode!;
    this.#release();
    const { limits, clock } = this.way;
    let response: Res | Promise<Res>;
    try {
      const view = new ResponseView(message, body, limits);
      if (hooks.after !== undefined) for (const after of hooks.after) after(context, view);
      if (!accepts(view.status)) throw refusalOf(message, body, { limits, dateMs: clock.date() });
      response = options.decode(view, context);
    } catch (error) {
      return this.#refused(error);
    }
    if (!isPromise(response)) return this.#decoded(response);
    void (response as Promise<Res>).then(
      (later) => this.#decoded(later),
      (error: unknown) => this.#refused(error),
    );
  }

  #decoded(response: Res): void {
    this.#waiting.resolve(response);
    this.#finalize(undefined);
  }

  // What the decoder throws is the caller's own, and stays as it is.
  #refused(error: unknown): void {
    this.#waiting.reject(error);
    this.#finalize(toServiceError(error));
  }

  protected failed(error: ServiceError): void {
    this.#release();
    this.#waiting.reject(error);
    this.#finalize(error);
  }

  #release(): void {
    this.#timer?.cancel();
    this.#subscription?.cancel();
  }

  #finalize(error: ServiceError | undefined): void {
    const { finalizer } = this.#plan.hooks;
    if (finalizer !== undefined) finalize(finalizer, { context: this.#waiting.context, status: this.#status, error });
  }
}
