/**
 * The tracer: who decides what is recorded, and takes finished spans to the exporter. One for each service in a process,
 * given to `traceCalls`.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";
import type { Call } from "../endpoint/index.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { TraceFormat } from "./headers.ts";
import { READ_FORMATS, WRITE_FORMATS } from "./propagate.ts";
import type { SpanSink } from "./recorded-span.ts";
import type { SpanExporter } from "./exporters.ts";
import type { SpanData } from "./span-data.ts";
import { SpanQueue, type TracerStats } from "./span-queue.ts";
import { SpanWatch } from "./span-watch.ts";

/** Which formats are read and written. */
export interface TraceFormats {
  /** Looked for in this order; none: every call begins a trace. Default: w3c, b3, b3multi, so that either kind of peer is understood. */
  readonly read?: readonly TraceFormat[] | undefined;
  /** All of these are written; none: nothing leaves. Default: w3c, since every tracer of today reads it. */
  readonly write?: readonly TraceFormat[] | undefined;
}

/** How a tracer is set. */
export interface TracerOptions {
  /** The name of this service, as the spans carry it. */
  readonly service: string;
  /**
   * The share of traces that begin here and are recorded, 0 to 1. Default: 0.01, which shows what a busy service does for
   * a hundredth of the price; a quiet one, or a laptop, wants 1.
   */
  readonly ratio?: number | undefined;
  /**
   * Decides about a call whose caller has not decided, in place of `ratio`: runs before anything is made for the call, so
   * it should look at the method and little else. Default: none.
   */
  readonly sampler?: ((call: Call) => boolean) | undefined;
  /**
   * Whose decision counts for a call that came with one. "parent": the caller's, or traces have holes. "ratio": ours, in
   * a new trace that is linked to the caller's: for edges whose callers are not trusted with ids and with our bill.
   * Default: "parent", since most services stand behind others of the same house.
   */
  readonly follow?: "parent" | "ratio" | undefined;
  /** Which headers are read and written. Default: W3C and B3 read, W3C written. */
  readonly formats?: TraceFormats | undefined;
  /** Takes the spans. Default: none; then nothing is recorded, and identifiers and decisions still travel. */
  readonly exporter?: SpanExporter | undefined;
  /** Whether errors that the contract declares make a span fail. Default: false: they are answers. */
  readonly declaredErrorsFail?: boolean | undefined;
  /** Names of attributes whose values are secret besides the built-in ones, in any case. Default: none. */
  readonly redact?: readonly string[] | undefined;
  /** The most spans that wait for the exporter, from 1; more are dropped and counted. Default: 2048, about 2 MB. */
  readonly maxQueue?: number | undefined;
  /** The most spans in one export, from 1 to `maxQueue`. Default: 512: a body of about 200 KB. */
  readonly batchSize?: number | undefined;
  /** How long a span waits for others, in milliseconds, from 1. Default: 1000, what one is ready to wait at a screen. */
  readonly flushMs?: number | undefined;
  /** How long an export may take, in milliseconds, from 1; then its spans are lost. Default: 10000, as OTLP's exporters have it. */
  readonly exportTimeoutMs?: number | undefined;
  /** Is told why an export failed. Default: nobody; `stats.exportErrors` counts them. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** The clock of the servers and clients that are traced. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's chance. A seeded one gives the same identifiers each time. */
  readonly random?: Random | undefined;
}

/** Decides, records and exports. */
export interface Tracer extends AsyncDisposable {
  readonly service: string;
  /** What has become of the spans so far. */
  readonly stats: TracerStats;
  /**
   * Shows finished spans to `onSpan` until the returned function is called, also without an exporter: those of at most 50
   * calls a second, chosen as they begin, sampled or not. What the exporter gets and what travels stays as it is, and
   * while nobody watches it costs nothing.
   */
  watch(onSpan: (span: SpanData) => void): () => void;
  /** Exports all that was recorded until now. Never rejects: what failed is in `stats`. */
  flush(): Promise<void>;
  /** Stops recording, exports the rest and closes the exporter. Never rejects, and takes no longer than the exports do. */
  close(): Promise<void>;
}

const names = [
  "service",
  "ratio",
  "sampler",
  "follow",
  "formats",
  "exporter",
  "declaredErrorsFail",
  "redact",
  "maxQueue",
  "batchSize",
  "flushMs",
  "exportTimeoutMs",
  "report",
  "clock",
  "random",
] as const satisfies readonly (keyof TracerOptions)[];

/** 2 to the 56th: the range of the random part of a trace id. */
const RANDOM_RANGE = 2 ** 56;

export class TracerCore implements Tracer, SpanSink {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly read: readonly TraceFormat[];
  readonly write: readonly TraceFormat[];
  readonly followsParent: boolean;
  /** Whether calls go on from their callers and nobody looks on: what nearly every call asks, in one field. */
  isPlain: boolean;
  /** Who looks on; undefined while nobody does. */
  watching: SpanWatch | undefined = undefined;
  readonly declaredErrorsFail: boolean;
  readonly redact: ReadonlySet<string>;
  /** Whether sampled spans go anywhere. */
  isRecording: boolean;
  readonly #ratio: number;
  readonly #sampler: ((call: Call) => boolean) | undefined;
  readonly #queue: SpanQueue | undefined;
  #dateMinusNowMs = -Infinity;

  constructor(options: TracerOptions) {
    checkNames("tracer", options, names);
    const { follow = "parent", formats = {}, sampler, exporter, redact = [], report = ignore } = options;
    if (sampler !== undefined) checkFunction("sampler", sampler);
    checkFunction("report", report);
    checkNames("formats", formats, ["read", "write"]);
    this.service = checkString("service", options.service);
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.read = checkFormats("formats.read", formats.read ?? READ_FORMATS);
    this.write = checkFormats("formats.write", formats.write ?? WRITE_FORMATS);
    this.followsParent = checkOneOf("follow", follow, ["parent", "ratio"]) === "parent";
    this.isPlain = this.followsParent;
    this.declaredErrorsFail = options.declaredErrorsFail ?? false;
    this.redact = new Set(redact.map((name) => checkString("redact", name).toLowerCase()));
    this.#ratio = checkNumber("ratio", options.ratio ?? 0.01, { min: 0, max: 1 });
    this.#sampler = sampler;
    const maxQueue = checkNumber("maxQueue", options.maxQueue ?? 2048, { min: 1, integer: true });
    const batchSize = options.batchSize ?? Math.min(512, maxQueue);
    const settings = {
      clock: this.clock,
      maxQueue,
      batchSize: checkNumber("batchSize", batchSize, { min: 1, max: maxQueue, integer: true }),
      flushMs: checkNumber("flushMs", options.flushMs ?? 1000, { min: 1 }),
      exportTimeoutMs: checkNumber("exportTimeoutMs", options.exportTimeoutMs ?? 10_000, { min: 1 }),
      report,
    };
    if (exporter !== undefined) checkFunction("exporter.export", exporter?.export);
    this.#queue = exporter && new SpanQueue(exporter, settings);
    this.isRecording = exporter !== undefined;
  }

  get stats(): TracerStats {
    return this.#queue?.stats ?? { recorded: 0, exported: 0, dropped: 0, waiting: 0, exportErrors: 0 };
  }

  async flush(): Promise<void> {
    await this.#queue?.flush();
  }

  watch(onSpan: (span: SpanData) => void): () => void {
    checkFunction("onSpan", onSpan);
    // Wrapped, so that one function given twice is taken off once.
    const watcher = (span: SpanData): void => onSpan(span);
    const watching = (this.watching ??= new SpanWatch(this.clock));
    watching.add(watcher);
    this.isPlain = false;
    return () => {
      watching.delete(watcher);
      if (watching.size === 0 && watching === this.watching) this.#unwatch();
    };
  }

  #unwatch(): void {
    this.watching = undefined;
    this.isPlain = this.followsParent;
  }

  async close(): Promise<void> {
    this.isRecording = false;
    this.#unwatch();
    await this.#queue?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Decides about a call that nobody has decided about. Where there is a trace id, its random part decides as
   * OpenTelemetry's consistent sampling does, so that services that are each left to decide agree.
   */
  decides(call: Call, traceId: string): boolean {
    if (this.#sampler !== undefined) return this.#sampler(call) === true;
    if (traceId === "") return this.random.fraction() < this.#ratio;
    return Number.parseInt(traceId.slice(18), 16) >= RANDOM_RANGE * (1 - this.#ratio);
  }

  // A date has whole milliseconds, a monotonic moment has fractions: the greatest difference seen is the true one, until
  // the date is set back.
  dateOf(monotonicMs: number): number {
    const differenceMs = this.clock.date() - this.clock.now();
    if (differenceMs > this.#dateMinusNowMs || differenceMs < this.#dateMinusNowMs - 2) {
      this.#dateMinusNowMs = differenceMs;
    }
    return monotonicMs + this.#dateMinusNowMs;
  }

  record(span: SpanData): void {
    this.#queue?.add(span);
  }

  /** One line for `describe()`. */
  get line(): string {
    const share = this.#sampler === undefined ? `ratio ${this.#ratio}` : "own sampler";
    const caller = this.followsParent ? "follows the caller" : "decides anew";
    return `trace ${share}, ${caller}, reads ${list(this.read)}, writes ${list(this.write)}`;
  }
}

/**
 * Makes a tracer. What is sampled is decided at a call's start, from the caller's decision or by chance, before anything
 * is made for the call: an unsampled call costs some 20 ns.
 *
 * @throws {RangeError} or {TypeError} when an option is wrong: its name, the rule, the value received.
 *
 * @example
 * ```ts
 * import { memoryExporter, tracer } from "servicekit/trace";
 *
 * const traces = tracer({ service: "add", ratio: 1, exporter: memoryExporter() });
 * await traces.close();
 * traces.stats.dropped; // => 0
 * ```
 */
export function tracer(options: TracerOptions): Tracer {
  return new TracerCore(options);
}

/** The inside of a tracer. */
export function coreOf(traces: Tracer): TracerCore {
  if (traces instanceof TracerCore) return traces;
  throw new TypeError(`tracer should be made by tracer(), got ${shown(traces)}`);
}

function checkFormats(name: string, formats: readonly TraceFormat[]): readonly TraceFormat[] {
  if (!Array.isArray(formats)) throw new TypeError(`${name} should be a list of formats, got ${shown(formats)}`);
  return formats.map((format) => checkOneOf(name, format, READ_FORMATS));
}

function list(formats: readonly TraceFormat[]): string {
  return formats.length === 0 ? "none" : formats.join("+");
}

function ignore(): void {}
