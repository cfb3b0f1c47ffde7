/**
 * Telemetry on its way to a collector over HTTP: one request at a time, bounded in time and memory, tried again only
 * where that can help. What cannot be delivered is given up, never kept: calls matter more than what is said of them.
 *
 * @module
 */
import { pauseOf, readSome, saidIn } from "./answer.ts";

/** The part of a clock that is used. */
export interface DeliveryClock {
  now(): number;
  date(): number;
  expire(delayMs: number, target: { expire(): void }): { cancel(): void };
}

/** Where and how. */
export interface DeliverySettings {
  /** Without credentials. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether bodies of more than 1 KiB are compressed. */
  readonly gzip: boolean;
  /** The time for one body, with all attempts and waits. */
  readonly timeoutMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: DeliveryClock;
  readonly random: { fraction(): number };
}

/** What a collector answered to a body that it took. */
export interface Delivered {
  readonly contentType: string;
  /** Its first 64 KiB. */
  readonly body: Uint8Array;
}

/** A failed attempt. */
interface Failure {
  readonly error: Error;
  readonly mayRetry: boolean;
  /** How long the collector asked to be left alone. */
  readonly pauseMs?: number | undefined;
}

// The ones that OTLP names, "Failures" and "OTLP/HTTP Throttling"; Zipkin's server answers 503 in the same sense.
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 4000;

/** A collector that asks for more is asked again all the same. */
const MAX_PAUSE_MS = 60_000;

// Each retry takes one token, each delivery gives back a tenth: a collector that is in trouble is not sent five times
// the load, nor for long.
const MAX_TOKENS = 10;
const TOKENS_PER_DELIVERY = 0.1;

/** The one that is being sent, and one behind it: more would be a queue without a bound of its own. */
const MAX_IN_LINE = 2;

/** Below this, compression costs more than it saves. */
const LEAST_COMPRESSED = 1024;

export class Delivery {
  readonly #settings: DeliverySettings;
  /** For messages: without the query, which may hold a key. */
  readonly #target: string;
  #last: Promise<unknown> = Promise.resolve();
  #inLine = 0;
  #tokens = MAX_TOKENS;
  #notBeforeMs = -Infinity;
  #closed: Error | undefined = undefined;
  #cut: ((reason: Error) => void) | undefined = undefined;
  requests = 0;
  retries = 0;

  constructor(settings: DeliverySettings) {
    this.#settings = settings;
    this.#target = settings.url.origin + settings.url.pathname;
  }

  /** Sends a body when those before it are through. Rejects, with an error that holds no header, when it is given up. */
  send(body: Uint8Array): Promise<Delivered> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#inLine === MAX_IN_LINE) return Promise.reject(this.#error("is still busy with what was sent before"));
    this.#inLine++;
    const done = this.#last.then(() => this.#deliver(body)).finally(() => void this.#inLine--);
    this.#last = done.catch(ignore);
    return done;
  }

  /** Resolves when nothing is being sent. Never rejects. */
  async idle(): Promise<void> {
    while (this.#inLine > 0) await this.#last;
  }

  /** Cuts what is being sent and takes nothing more. */
  close(): void {
    this.#closed ??= this.#error("was not waited for: this side is closed");
    this.#cut?.(this.#closed);
  }

  async #deliver(body: Uint8Array): Promise<Delivered> {
    const { clock, timeoutMs, random } = this.#settings;
    const endMs = clock.now() + timeoutMs;
    const request = await this.#request(body);
    for (let attempt = 1; ; attempt++) {
      await this.#wait(this.#notBeforeMs - clock.now(), endMs);
      const result = await this.#attempt(request, endMs);
      if (!("error" in result)) {
        this.#tokens = Math.min(MAX_TOKENS, this.#tokens + TOKENS_PER_DELIVERY);
        return result;
      }
      if (result.pauseMs !== undefined) this.#notBeforeMs = clock.now() + Math.min(result.pauseMs, MAX_PAUSE_MS);
      if (!result.mayRetry || attempt === MAX_ATTEMPTS || this.#tokens < 1) throw result.error;
      const delayMs = random.fraction() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
      if (Math.max(clock.now() + delayMs, this.#notBeforeMs) >= endMs) throw result.error;
      await this.#wait(delayMs, endMs);
      this.#tokens--;
      this.retries++;
    }
  }

  async #request(body: Uint8Array): Promise<RequestInit> {
    const { headers, gzip } = this.#settings;
    const common = { method: "POST", redirect: "manual" } as const;
    const packs = gzip && body.length > LEAST_COMPRESSED && typeof globalThis.CompressionStream === "function";
    if (!packs) return { ...common, headers, body: body as Uint8Array<ArrayBuffer> };
    return { ...common, headers: { ...headers, "content-encoding": "gzip" }, body: await compressed(body) };
  }

  async #attempt(request: RequestInit, endMs: number): Promise<Delivered | Failure> {
    const { url, fetch, clock, timeoutMs } = this.#settings;
    if (this.#closed !== undefined) return { error: this.#closed, mayRetry: false };
    const controller = new AbortController();
    const timer = clock.expire(endMs - clock.now(), {
      expire: () => controller.abort(this.#error(`did not answer within ${timeoutMs} ms`)),
    });
    // Raced, since a fetch of somebody's own may not listen to signals.
    const cut = new Promise<never>((_, reject) => {
      controller.signal.addEventListener("abort", () => reject(controller.signal.reason as Error), { once: true });
    });
    cut.catch(ignore);
    this.#cut = (reason) => controller.abort(reason);
    this.requests++;
    try {
      const sent = fetch(url.href, { ...request, signal: controller.signal });
      return await this.#judge(await Promise.race([sent, cut]), cut);
    } catch (error) {
      if (controller.signal.aborted) return { error: controller.signal.reason as Error, mayRetry: false };
      return { error: this.#error("cannot be reached", error), mayRetry: true };
    } finally {
      this.#cut = undefined;
      timer.cancel();
      // Lets go of an answer that nobody reads to its end.
      controller.abort();
    }
  }

  async #judge(response: Response, cut: Promise<never>): Promise<Delivered | Failure> {
    const { status } = response;
    const isTaken = status >= 200 && status < 300;
    // Its head says all that matters: a body that breaks off makes no delivery of a failure, nor the other way round.
    const body = await Promise.race([readSome(response), cut]).catch(() => new Uint8Array());
    const contentType = response.headers.get("content-type") ?? "";
    if (isTaken) return { contentType, body };
    const said = saidIn(body, contentType, Object.values(this.#settings.headers));
    const isRedirect = (status >= 300 && status < 400) || response.type === "opaqueredirect";
    const error = this.#error(`answered ${status}${isRedirect ? ", a redirect, which is not followed" : said}`);
    if (!RETRIED.has(status)) return { error, mayRetry: false };
    const pauseMs = pauseOf(response.headers.get("retry-after"), this.#settings.clock.date());
    return { error, mayRetry: true, pauseMs };
  }

  /** Waits, unless that would be past the end. */
  async #wait(delayMs: number, endMs: number): Promise<void> {
    const { clock } = this.#settings;
    if (!(delayMs > 0)) return;
    if (this.#closed !== undefined) throw this.#closed;
    if (clock.now() + delayMs >= endMs) throw this.#error(`asked to be left alone for ${Math.ceil(delayMs)} ms`);
    await new Promise<void>((resolve, reject) => {
      const timer = clock.expire(delayMs, { expire: () => resolve() });
      this.#cut = (reason) => (timer.cancel(), reject(reason));
    });
    this.#cut = undefined;
  }

  #error(what: string, cause?: unknown): Error {
    return new Error(`${this.#target} ${what}`, cause === undefined ? undefined : { cause });
  }
}

async function compressed(body: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([body as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

function ignore(): void {}
