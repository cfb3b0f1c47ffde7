/**
 * One HTTP request with one call in it or a batch of them, and its answer.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { ServiceError } from "../../errors/index.ts";
import { RequestDraft } from "../http/client-draft.ts";
import { Exchange } from "../http/client-exchange.ts";
import { addCallHeaders } from "../http/client-metadata.ts";
import { ResponseHeaders, ResponseView } from "../http/client-response.ts";
import type { Way } from "../http/client-way.ts";
import { readAnswers } from "./client-answer.ts";
import type { Carrier, Entry } from "./client-entry.ts";

/** What all exchanges of a channel share. */
export interface Sending {
  readonly way: Way;
  readonly path: string;
  readonly headers: readonly string[];
}

/** Carries entries there and their answers back. */
export class RpcExchange extends Exchange implements Carrier {
  readonly #sending: Sending;
  readonly #entries: readonly Entry[];

  constructor(sending: Sending, entries: readonly Entry[]) {
    super(sending.way);
    this.#sending = sending;
    this.#entries = entries;
  }

  start(): void {
    this.send();
    for (const entry of this.#entries) entry.carrier = this;
  }

  /** Nobody may be left who waits: then the connection is closed, and so the server hears of it. */
  left(reason: ServiceError): void {
    if (!this.#entries.some(isWanted)) this.abort(reason);
  }

  protected get isRepeatable(): boolean {
    return this.#entries.every(({ isOver, method }) => isOver || method.idempotent);
  }

  protected draft(): RequestDraft {
    const { path, headers, way } = this.#sending;
    const entries = this.#entries.filter(isWanted);
    const draft = new RequestDraft("POST", path, headers);
    const texts = entries.map(({ text }) => text).join(",");
    draft.body = entries.length === 1 ? `${texts}\n` : `[${texts}]\n`;
    // One set of headers for all: the time of the one who can wait longest, ids and trace of the first.
    let dueMs = -Infinity;
    for (const { id, call } of entries) if (id !== undefined) dueMs = Math.max(dueMs, call.context.deadlineMs);
    const [first] = entries as [Entry];
    addCallHeaders(draft.headers, first.call, dueMs === -Infinity ? Infinity : dueMs - way.clock.now());
    runBefore(first, draft);
    const bytes = bytesOf(draft.body);
    for (const { call, text } of entries) call.requestBytes = entries.length === 1 ? bytes : Buffer.byteLength(text);
    draft.headers.push("content-length", String(bytes));
    return draft;
  }

  protected answered(response: IncomingMessage, body: Buffer | undefined): void {
    const { limits, clock } = this.way;
    const entries = this.#entries.filter(isWanted);
    const incoming = new ResponseHeaders(response.headers);
    for (const { call } of entries) {
      call.status = response.statusCode!;
      call.incoming = incoming;
      // Whose share of a batch's answer is how large nobody can say without writing it again.
      if (entries.length === 1 && body !== undefined) call.responseBytes = body.length;
    }
    const answers = readAnswers(response, body, { limits, dateMs: clock.date() });
    let view: ResponseView | undefined;
    for (const entry of entries) {
      const { after } = entry.method.hooks;
      try {
        for (const one of after ?? []) one(entry.call.context, (view ??= new ResponseView(response, body, limits)));
      } catch (error) {
        if (!entry.isOver) entry.fail(error);
      }
      if (!entry.isOver) entry.settle(answers);
    }
  }

  protected failed(error: ServiceError): void {
    for (const entry of this.#entries) if (!entry.isOver) entry.fail(error);
  }
}

function isWanted({ isOver }: Entry): boolean {
  return !isOver;
}

function bytesOf(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}

function runBefore({ method, call }: Entry, draft: RequestDraft): void {
  for (const before of method.hooks.before ?? []) before(call.context, draft);
}

/**
 * What the hooks do to the message of an entry, as a text to compare: a header that they take from one caller's context
 * must not go out with another's call. Undefined when they change the body, which may be true of this body alone.
 */
export function hookKey({ path, headers }: Sending, entry: Entry): string | undefined {
  if (entry.method.hooks.before === undefined) return "";
  const draft = new RequestDraft("POST", path, headers);
  const body = `${entry.text}\n`;
  draft.body = body;
  runBefore(entry, draft);
  return draft.body === body ? [draft.path, ...draft.headers].join("\n") : undefined;
}
