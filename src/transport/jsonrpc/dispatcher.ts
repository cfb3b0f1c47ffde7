/**
 * Reads JSON-RPC requests, one or a batch, and gathers their answers.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { policyError, toServiceError } from "../../errors/index.ts";
import { answerPlainly } from "../http/answer.ts";
import { textOf } from "../http/body.ts";
import type { ServerState } from "../http/node-call.ts";
import { codecFor } from "../http/negotiate.ts";
import { pageAnswer, type PageTable } from "../http/page-table.ts";
import { pathOf } from "../http/router.ts";
import { parseJson } from "../json/parse.ts";
import type { App } from "../server.ts";
import { RpcCall, type Refusal } from "./call.ts";
import { INVALID_REQUEST } from "./code.ts";
import { Delivery } from "./delivery.ts";
import { idTexts } from "./id-text.ts";
import { idOf, readRequest, type RpcId } from "./message.ts";
import { otherPlan, plansOf, type DispatchSettings, type RpcPlan } from "./plan.ts";
import { receive } from "./receiving.ts";

/** What bodies may be called; the last two come from drafts of JSON-RPC over HTTP. */
const MEDIA_TYPES = ["application/json", "application/json-rpc", "application/jsonrequest"].map((mediaType) => ({
  mediaType,
}));

const NO_REQUEST = { method: "", params: undefined, id: null };

/** A message as it was read, and the text it stands in. */
interface Message {
  readonly delivery: Delivery;
  readonly value: unknown;
  /** The id as JSON text. */
  idText(id: RpcId): string;
  answer(text: string): void;
}

/** What a dispatcher is told. */
export interface RpcSettings extends DispatchSettings {
  /** What is answered to GET. */
  readonly pages: PageTable;
}

/** Serves one app over HTTP requests that somebody accepted. */
export class RpcDispatcher {
  readonly #app: App;
  readonly #settings: RpcSettings;
  readonly #server: ServerState;
  readonly #plans: ReadonlyMap<string, RpcPlan>;
  readonly #other: RpcPlan;

  constructor(app: App, settings: RpcSettings, server: ServerState) {
    this.#app = app;
    this.#settings = settings;
    this.#server = server;
    this.#plans = plansOf(app, settings);
    this.#other = otherPlan(app, settings);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== "POST" && this.#isPage(request, response)) return;
    const delivery = new Delivery({ request, response, server: this.#server, clock: this.#app.clock });
    const refusal = this.#unfit(request);
    if (refusal !== undefined) return this.#refuse(delivery, refusal.status, { error: refusal.error });
    if (request.headers.expect !== undefined) invite(request, response);
    receive(delivery, this.#settings.limits.maxBodyBytes, {
      arrived: (body) => this.#arrived(delivery, body),
      refused: (status, error) => this.#refuse(delivery, status, { error }),
    });
  }

  #isPage(request: IncomingMessage, response: ServerResponse): boolean {
    const { method: verb = "", url = "/", headers } = request;
    const page = verb === "GET" || verb === "HEAD" ? this.#settings.pages.find(pathOf(url)) : undefined;
    if (page === undefined) return false;
    const exchange = { request, response, server: this.#server };
    void pageAnswer(page, { verb, url, headers }).then((answer) => answerPlainly(exchange, answer));
    return true;
  }

  #unfit({ method, headers, rawHeaders }: IncomingMessage) {
    if (method !== "POST") return { status: 405, error: policyError("wrong_verb") };
    if (rawHeaders.length > this.#settings.limits.maxHeaders * 2)
      return { status: 431, error: policyError("too_many_headers") };
    const { "content-type": type, "content-encoding": encoding = "identity" } = headers;
    if (codecFor(MEDIA_TYPES, type) !== undefined && encoding === "identity") return undefined;
    return { status: 415, error: policyError("unsupported_media_type") };
  }

  #arrived(delivery: Delivery, body: Buffer | undefined): void {
    let text: string;
    let message: unknown;
    try {
      text = body === undefined ? "" : textOf(body);
      message = parseJson(text, this.#settings.limits);
    } catch (error) {
      return this.#refuse(delivery, 200, { error: toServiceError(error) });
    }
    if (!Array.isArray(message)) return this.#one(delivery, message, text);
    const { maxBatch } = this.#settings;
    if (message.length > 0 && message.length <= maxBatch) return this.#batch(delivery, message, text);
    const rule = `a batch should have 1 to ${maxBatch} requests`;
    this.#refuse(delivery, 200, refusalOf(rule));
  }

  #one(delivery: Delivery, value: unknown, text: string): void {
    const answer = (answered: string): void => delivery.answer({ status: 200, body: `${answered}\n` });
    const call = this.#call({ delivery, value, answer, idText: (id) => idText(id, () => idTexts(text)[0]) });
    call.requestBytes = Buffer.byteLength(text);
    call.run();
    if (call.isOneWay) delivery.answer({ status: 204, body: "" });
  }

  #batch(delivery: Delivery, values: readonly unknown[], text: string): void {
    const answers: (string | undefined)[] = [];
    let texts: readonly (string | undefined)[] | undefined;
    let waiting = 0;
    const calls = values.map((value, i) => {
      const call = this.#call({
        delivery,
        value,
        idText: (id) => idText(id, () => (texts ??= idTexts(text))[i]),
        answer(answered) {
          answers[i] = answered;
          if (--waiting === 0) delivery.answer({ status: 200, body: `[${answers.filter(isThere).join(",")}]\n` });
        },
      });
      if (!call.isOneWay) waiting++;
      return call;
    });
    const isOneWay = waiting === 0;
    for (const call of calls) call.run();
    if (isOneWay) delivery.answer({ status: 204, body: "" });
  }

  #call({ delivery, value, answer, idText }: Message): RpcCall {
    const read = readRequest(value);
    const request = read ?? { ...NO_REQUEST, id: idOf(value) };
    const plan = (read && this.#plans.get(read.method)) ?? this.#other;
    const id = request.id === undefined ? undefined : idText(request.id);
    const status = id === undefined ? 204 : 200;
    const { oneWays } = this.#server;
    const holder = id === undefined ? oneWays : delivery.connection;
    const refusal = plan === this.#other ? misfit(read !== undefined) : undefined;
    return new RpcCall(
      plan,
      { request, id, delivery, holder, oneWays, status, refusal, answer },
      this.#app.clock.now(),
    );
  }

  /** What never became a request is observed, and answered, as a call of no method. */
  #refuse(delivery: Delivery, status: number, refusal: Refusal): void {
    const answer = (text: string): void =>
      delivery.answer(
        status === 405
          ? { status, contentType: "text/plain; charset=utf-8", body: "405 must POST\n" }
          : { status, body: `${text}\n` },
      );
    const holder = delivery.connection;
    const { oneWays } = this.#server;
    const incoming = { request: NO_REQUEST, id: "null", delivery, holder, oneWays, status, refusal, answer };
    new RpcCall(this.#other, incoming, this.#app.clock.now()).run();
  }
}

/** The refusal of what is JSON and no request. */
function refusalOf(message: string): Refusal {
  return { error: policyError("malformed_message", { message }), rpcCode: INVALID_REQUEST };
}

function misfit(isRequest: boolean): Refusal {
  return isRequest ? { error: policyError("unknown_method") } : refusalOf("the request is not valid JSON-RPC 2.0");
}

function isThere(text: string | undefined): boolean {
  return text !== undefined;
}

function idText(id: RpcId, written: () => string | undefined): string {
  const isExact = typeof id !== "number" || Number.isSafeInteger(id);
  return isExact ? JSON.stringify(id) : (written() ?? String(id));
}

// RFC 9110 §10.1.1: not for HTTP/1.0, and whatever else is expected may be passed over.
function invite({ headers, httpVersionMinor }: IncomingMessage, response: ServerResponse): void {
  if (httpVersionMinor > 0 && headers.expect!.toLowerCase() === "100-continue") response.writeContinue();
}
