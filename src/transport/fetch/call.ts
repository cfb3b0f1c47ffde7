/**
 * A web Request on its way through the server.
 *
 * @module
 */
import { policyError, type Outcome } from "../../errors/index.ts";
import { HttpCall } from "../http/call.ts";
import { startOf } from "../http/start.ts";
import type { HttpHeaders } from "../http/message.ts";
import type { Plan } from "../http/plan.ts";
import type { ByteStream } from "../codec.ts";
import type { OneWays } from "../one-way.ts";
import type { Packer } from "../http/compression.ts";
import { IncomingBody } from "../http/incoming-body.ts";
import { BodySource, readBody, textOf } from "./body.ts";
import type { FetchHead } from "./head.ts";
import { utf8Length } from "./outlet.ts";
import { webPacker } from "./packer.ts";

/** What came in, and who waits for the answer. */
export interface FetchIncoming {
  readonly request: Request;
  readonly head: FetchHead;
  readonly values: readonly string[];
  readonly peer: string;
  /** Takes the answer, once. */
  respond(response: Response): void;
  /** The call is over, and with it what was still being read or written. */
  ended(): void;
  /** The platform is asked to go on until this resolves, though the answer is out: it may stop what nobody waits for. */
  outlive(over: Promise<void>): void;
  /** Knows the one-way calls that were acknowledged. */
  readonly oneWays: OneWays;
}

/** Drives one Request; the answer is a Response. */
export class FetchCall extends HttpCall {
  readonly from: FetchIncoming;
  protected isGone = false;
  #isWatched = false;
  #body: IncomingBody | undefined = undefined;
  #over: (() => void) | undefined = undefined;

  constructor(plan: Plan, from: FetchIncoming, startMs: number) {
    super(plan, startOf(plan, from.head.headers, startMs));
    this.from = from;
    this.peer = from.peer;
    this.target = from.head.url;
  }

  get verb(): string {
    return this.from.head.verb;
  }

  get url(): string {
    return this.from.head.url;
  }

  get headers(): HttpHeaders {
    return this.from.head.headers;
  }

  get headerCount(): number {
    return this.from.head.headerCount;
  }

  get values(): readonly string[] {
    return this.from.values;
  }

  protected read(): void {
    const { request } = this.from;
    if (request.body === null) return this.arrived(undefined);
    this.arm();
    readBody(request, this.plan.limits.maxBodyBytes).then(
      (body) => this.arrived(body),
      (error: unknown) => this.fail(error),
    );
  }

  protected override get packer(): Packer {
    return webPacker;
  }

  protected override stream(): ByteStream {
    const { request, head } = this.from;
    const length = head.headers["content-length"];
    return (this.#body = new IncomingBody({
      contentType: head.headers["content-type"],
      byteLength: typeof length === "string" ? Number(length) : undefined,
      open: () => new BodySource(request.body),
      arrived: (bytes) => void (this.requestBytes += bytes),
    }));
  }

  protected textOf(body: Uint8Array): string {
    return textOf(body);
  }

  // The platform makes an AbortSignal when somebody reads it: only a call that waits does.
  override arm(): void {
    super.arm();
    if (this.#isWatched) return;
    this.#isWatched = true;
    const { signal } = this.from.request;
    if (signal.aborted) this.#lost();
    else signal.addEventListener("abort", this.#lost, { once: true });
  }

  readonly #lost = (): void => {
    if (this.outcome !== undefined) return;
    this.isGone = true;
    this.abandon(policyError("canceled"));
    this.from.respond(new Response(null, { status: 499 }));
  };

  protected send(status: number, headers: string[], body: string | Uint8Array): void {
    const isEmpty = status === 204 || status === 304 || this.verb === "HEAD";
    const bytes = typeof body === "string" ? utf8Length(body) : body.length;
    this.responseBytes = bytes;
    if (this.verb === "HEAD") headers.push("content-length", String(bytes));
    this.isGone = true;
    this.from.respond(responseOf(status, headers, isEmpty ? undefined : body));
  }

  protected override pour(status: number, headers: string[], body: ByteStream): void {
    if (body.byteLength !== undefined) headers.push("content-length", String(body.byteLength));
    const pieces = body[Symbol.asyncIterator]();
    const leave = (): void => void pieces.return?.().then(undefined, (error: unknown) => this.report(error));
    this.isGone = true;
    if (this.verb === "HEAD") {
      leave();
      this.from.respond(responseOf(status, headers, undefined));
      return this.finish("ok");
    }
    let out: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stop = this.onCancel(() => {
      leave();
      // Now: a source that is stuck never comes to say so.
      out?.error(policyError("internal"));
    });
    const poured = new ReadableStream<Uint8Array>({
      start: (controller) => void (out = controller),
      pull: async (controller) => {
        try {
          const { done, value } = await pieces.next();
          if (this.outcome !== undefined) throw this.error ?? policyError("canceled");
          if (done !== true) {
            this.responseBytes += value.length;
            return controller.enqueue(value);
          }
          stop.cancel();
          controller.close();
          this.finish("ok");
        } catch (error) {
          stop.cancel();
          this.fail(error);
          // Not its cause, which is nobody's outside: a body that breaks off says enough.
          controller.error(policyError("internal"));
        }
      },
      cancel: () => this.abandon(policyError("canceled")),
    });
    this.from.respond(responseOf(status, headers, poured));
  }

  protected leavePeer(): void {
    if (this.#isWatched) this.from.request.signal.removeEventListener("abort", this.#lost);
    this.#isWatched = true;
    this.from.oneWays.add(this);
    this.from.outlive(new Promise((resolve) => (this.#over = resolve)));
  }

  protected override finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    if (this.#isWatched) this.from.request.signal.removeEventListener("abort", this.#lost);
    this.#body?.stop(this.error ?? policyError("canceled"));
    super.finish(outcome);
    this.from.ended();
    if (this.#over === undefined) return;
    this.from.oneWays.remove(this);
    this.#over();
  }
}

/** A Response of headers as names and values in turn. */
export function responseOf(
  status: number,
  headers: readonly string[],
  body: string | Uint8Array | ReadableStream<Uint8Array> | undefined,
): Response {
  const pairs: [string, string][] = [];
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i]!, headers[i + 1]!]);
  return new Response((body ?? null) as ConstructorParameters<typeof Response>[0], { status, headers: pairs });
}
