/**
 * One signal's way to a collector: the form of the requests, what the answers say, and what has become of it all.
 *
 * @module
 */
import { delivery } from "../internal/delivery-options.ts";
import type { Delivered, Delivery } from "../internal/delivery.ts";
import { decodeProto, encodeProto, type Message } from "./proto.ts";
import type { OtlpSettings } from "./options.ts";
import type { Signal } from "./schema.ts";

/** What has become of spans, data points or log records so far. */
export interface OtlpStats {
  /** Items that the collector took. */
  readonly sent: number;
  /** Items lost: the collector refused them, could not be reached in time, or a queue was full. */
  readonly dropped: number;
  /** Requests made, those made again included. */
  readonly requests: number;
  /** Requests made again after a failure. */
  readonly retries: number;
  /** Batches given up. */
  readonly failures: number;
}

export class OtlpChannel {
  readonly #signal: Signal;
  readonly #options: OtlpSettings;
  readonly #delivery: Delivery;
  #sent = 0;
  #dropped = 0;
  #failures = 0;

  constructor(signal: Signal, options: OtlpSettings) {
    this.#signal = signal;
    this.#options = options;
    const { encoding, url } = options;
    const contentType = encoding === "json" ? "application/json" : "application/x-protobuf";
    this.#delivery = delivery({ ...options.given, url: urlOf(url, signal.path) }, contentType);
  }

  get stats(): OtlpStats {
    const { requests, retries } = this.#delivery;
    return { sent: this.#sent, dropped: this.#dropped, requests, retries, failures: this.#failures };
  }

  /** Sends a request that holds `count` items. Rejects when they are given up, which is counted and reported by then. */
  async send(message: Message, count: number): Promise<void> {
    try {
      const answer = await this.#delivery.send(this.#encode(message));
      this.#judge(answer, count);
    } catch (error) {
      this.#failures++;
      this.drop(count);
      this.report(error);
      throw error;
    }
  }

  drop(count: number): void {
    this.#dropped += count;
  }

  report(error: unknown): void {
    try {
      this.#options.report(error);
    } catch {
      // The one who is told has no one to tell: the counts stand.
    }
  }

  /** Resolves when nothing is being sent. */
  idle(): Promise<void> {
    return this.#delivery.idle();
  }

  close(): void {
    this.#delivery.close();
  }

  #encode(message: Message): Uint8Array {
    if (this.#options.encoding === "protobuf") return encodeProto(this.#signal.table, message);
    return new TextEncoder().encode(JSON.stringify(message, safe));
  }

  #judge(answer: Delivered, count: number): void {
    const { rejected, message } = partialSuccess(answer, this.#signal.rejected);
    const lost = Math.min(rejected, count);
    this.#sent += count - lost;
    this.drop(lost);
    if (lost === 0 && message === "") return;
    const said = message === "" ? "" : `: ${message}`;
    this.report(new Error(`the collector refused ${lost} of ${count} items${said}`));
  }
}

// Protobuf's JSON writes as texts what JSON has no numbers for. Half a surrogate pair is no text, and some decoders refuse
// the whole batch for it; TextEncoder does the same for protobuf.
function safe(_: string, value: unknown): unknown {
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** The signal's own URL; one that already ends with the path stays as it is. */
function urlOf(url: URL, path: string): string {
  const own = new URL(url);
  const base = own.pathname.replace(/\/+$/, "");
  if (!base.endsWith(path)) own.pathname = base + path;
  return own.href;
}

const NOTHING = { rejected: 0, message: "" };

/** What the collector took only in part (OTLP, "Partial Success"). An answer that cannot be read says nothing. */
function partialSuccess({ contentType, body }: Delivered, name: string): typeof NOTHING {
  try {
    return contentType.includes("json") ? fromJson(body, name) : fromProto(body);
  } catch {
    return NOTHING;
  }
}

function fromJson(body: Uint8Array, name: string): typeof NOTHING {
  const answer = JSON.parse(new TextDecoder().decode(body)) as { partialSuccess?: Record<string, unknown> };
  const partial = answer.partialSuccess ?? {};
  return told(Number(partial[name] ?? 0), partial["errorMessage"]);
}

function fromProto(body: Uint8Array): typeof NOTHING {
  const partial = decodeProto(body).get(1);
  if (!(partial instanceof Uint8Array)) return NOTHING;
  const fields = decodeProto(partial);
  const [rejected, message] = [fields.get(1), fields.get(2)];
  return told(
    typeof rejected === "bigint" ? Number(rejected) : 0,
    message instanceof Uint8Array ? new TextDecoder().decode(message) : "",
  );
}

function told(rejected: number, message: unknown): typeof NOTHING {
  const text = typeof message === "string" ? message.replace(/[\p{Cc}\s]+/gu, " ").trim() : "";
  return { rejected: rejected > 0 ? Math.floor(rejected) : 0, message: text.slice(0, 200) };
}
