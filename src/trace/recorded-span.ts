/**
 * A span that is being recorded.
 *
 * @module
 */
import type { Trace } from "../endpoint/index.ts";
import type { Clock } from "../time/index.ts";
import { MAX_ATTRIBUTES, MAX_EVENTS, MAX_LINKS, MAX_NAME_CHARS, MAX_VALUE_CHARS } from "./bounds.ts";
import { failureOf } from "./failure.ts";
import { DEBUG, RANDOM, SAMPLED } from "./headers.ts";
import type { TraceHeaders } from "./headers.ts";
import type { IdSource } from "./light-trace.ts";
import { isSecret, REDACTED } from "./redaction.ts";
import type { SpanWatch } from "./span-watch.ts";
import type { AttributeValue, SpanData, SpanEvent, SpanLink } from "./span-data.ts";

const NO_EVENTS: readonly SpanEvent[] = [];
const NO_LINKS: readonly SpanLink[] = [];

/** What a span needs of its tracer. */
export interface SpanSink extends IdSource {
  readonly service: string;
  readonly clock: Clock;
  /** Whether errors that the contract declares make a span fail. */
  readonly declaredErrorsFail: boolean;
  /** Names of attributes, in lower case, that are secret besides the built-in ones. */
  readonly redact: ReadonlySet<string>;
  /** The date of a moment on the monotonic clock. */
  dateOf(monotonicMs: number): number;
  /** Takes a finished span that is sampled. */
  record(span: SpanData): void;
}

/** Where a span begins. */
export interface SpanStart {
  readonly name: string;
  readonly kind: SpanData["kind"];
  /** On the tracer's monotonic clock. */
  readonly startMs: number;
  /** What it is a child of; undefined, or without identifiers, it is the first of its trace. */
  readonly parent: TraceHeaders | undefined;
  readonly links?: readonly SpanLink[] | undefined;
  /** False for a span that is recorded only because somebody looks on. Default: true. */
  readonly sampled?: boolean | undefined;
}

/** Attributes under construction. */
export type OpenAttributes = Record<string, AttributeValue>;

export class RecordedSpan implements Trace {
  readonly source: SpanSink;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly state: string;
  readonly flags: number;
  readonly startMs: number;
  /** The span of the call that this one belongs to: itself, unless a handler made it. */
  readonly call: RecordedSpan;
  attributes: OpenAttributes = {};
  received = 0;
  sent = 0;
  /** Who looks on: set on the span of the call, once, as it begins. */
  watch: SpanWatch | undefined = undefined;
  readonly #start: SpanStart;
  #events: SpanEvent[] | undefined = undefined;
  #attributes = 0;
  #refused = 0;
  #failed = false;
  #message = "";
  #isOpen = true;
  #name: string;
  #links: readonly SpanLink[];

  constructor(source: SpanSink, start: SpanStart, call?: RecordedSpan) {
    const { parent } = start;
    const isChild = parent !== undefined && parent.traceId !== "";
    this.source = source;
    this.traceId = isChild ? parent.traceId : source.random.hex(16);
    this.spanId = source.random.hex(8);
    this.parentSpanId = isChild ? parent.spanId : "";
    this.state = isChild ? parent.state : "";
    this.flags =
      (start.sampled === false ? 0 : SAMPLED) |
      (!isChild || parent.random === true ? RANDOM : 0) |
      (parent?.debug === true ? DEBUG : 0);
    this.startMs = start.startMs;
    this.call = call ?? this;
    this.#start = start;
    this.#name = start.name;
    this.#links = start.links ?? NO_LINKS;
  }

  get sampled(): boolean {
    return (this.flags & SAMPLED) !== 0;
  }

  get random(): boolean {
    return (this.flags & RANDOM) !== 0;
  }

  get debug(): boolean {
    return (this.flags & DEBUG) !== 0;
  }

  /** Whether it takes anything more. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Adds or replaces an attribute, within the bounds and without secrets. */
  annotate(name: string, value: AttributeValue): void {
    if (!this.#isOpen) return;
    if (!isName(name) || !isValue(value)) return void this.#refused++;
    if (!Object.hasOwn(this.attributes, name) && this.#attributes++ >= MAX_ATTRIBUTES) return void this.#refused++;
    this.attributes[name] = this.#safe(name, value);
  }

  /**
   * Adds an event, within the same bounds.
   *
   * @param unixMs when it happened. Default: now.
   */
  addEvent(name: string, attributes: Readonly<Record<string, AttributeValue>>, unixMs?: number): void {
    if (!this.#isOpen) return;
    this.#events ??= [];
    if (this.#events.length === MAX_EVENTS) return void this.#refused++;
    const kept: OpenAttributes = {};
    let count = 0;
    for (const [key, value] of Object.entries(attributes)) {
      if (!isName(key) || !isValue(value) || count++ >= MAX_ATTRIBUTES) this.#refused++;
      else kept[key] = this.#safe(key, value);
    }
    const date = unixMs ?? this.source.dateOf(this.source.clock.now());
    this.#events.push({ name: String(name).slice(0, MAX_NAME_CHARS), unixMs: date, attributes: kept });
  }

  /** Adds a link, within a bound of its own. */
  link(link: SpanLink): void {
    if (!this.#isOpen) return;
    if (this.#links.length >= MAX_LINKS) this.#refused++;
    else this.#links = [...this.#links, link];
  }

  /** Counts something that cannot be kept. */
  refuse(): void {
    if (this.#isOpen) this.#refused++;
  }

  /** Gives it another name. */
  rename(name: string): void {
    if (this.#isOpen) this.#name = String(name).slice(0, MAX_NAME_CHARS);
  }

  /** Says whether it failed, in place of what was said before. */
  mark(failed: boolean, message: string): void {
    if (!this.#isOpen) return;
    this.#failed = failed;
    this.#message = message.slice(0, MAX_VALUE_CHARS);
  }

  /**
   * Says what it ended with. The text of an error that nobody made for the public stays out.
   *
   * @param isFault false when the error is another's fault, which is no failure of this span.
   */
  fail(error: unknown, isFault = true): void {
    const { declaredErrorsFail } = this.source;
    const { reason, message, type } = failureOf(error, { isFault, declaredErrorsFail });
    if (reason !== undefined) {
      this.attributes["servicekit.reason"] = reason;
      this.#message = message;
    }
    if (type === undefined) return;
    this.#failed = true;
    this.attributes["error.type"] = type;
  }

  /** Hands the span over; only the first end counts. */
  end(durationMs: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const data: SpanData = {
      service: this.source.service,
      traceId: this.traceId,
      spanId: this.spanId,
      parentSpanId: this.parentSpanId,
      traceState: this.state,
      name: this.#name,
      kind: this.#start.kind,
      startUnixMs: this.source.dateOf(this.startMs),
      durationMs,
      status: this.#failed ? "error" : "unset",
      statusMessage: this.#message,
      attributes: this.attributes,
      events: this.#events ?? NO_EVENTS,
      links: this.#links,
      refused: this.#refused,
    };
    if (this.sampled) this.source.record(data);
    this.call.watch?.show(data);
  }

  #safe(name: string, value: AttributeValue): AttributeValue {
    if (isSecret(name, this.source.redact)) return REDACTED;
    return typeof value === "string" ? value.slice(0, MAX_VALUE_CHARS) : value;
  }
}

// As a key of an object literal `__proto__` would be no attribute but the prototype.
function isName(name: unknown): boolean {
  return typeof name === "string" && name !== "" && name.length <= MAX_NAME_CHARS && name !== "__proto__";
}

function isValue(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
