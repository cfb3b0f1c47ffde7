/**
 * A call's place in a trace that OpenTelemetry's SDK keeps.
 *
 * @module
 */
import {
  diag,
  INVALID_TRACEID,
  SpanStatusCode,
  trace,
  type Context as OtelContext,
  type Span,
  type SpanContext,
  type TextMapPropagator,
  type Tracer,
} from "@opentelemetry/api";
import { failureOf } from "../trace/failure.ts";
import type { EndingSpan } from "../trace/call-span.ts";
import { ForeignTrace, type Attributes, type AttributeValue, type SetHeader } from "../trace/index.ts";
import type { OpenAttributes } from "../trace/recorded-span.ts";
import { isSecret, REDACTED } from "../trace/redaction.ts";

/** What all spans of one observer share. */
export interface Sdk {
  readonly tracer: Tracer;
  readonly propagator: TextMapPropagator;
  readonly declaredErrorsFail: boolean;
  readonly redact: ReadonlySet<string>;
}

/** A propagator's headers are ours to send: no longer than baggage may be, and only what every protocol carries. */
const MAX_HEADER_CHARS = 8192;
const PRINTABLE = /^[\x20-\x7e]*$/;

const setter = {
  set(set: SetHeader, name: string, value: string): void {
    if (value.length <= MAX_HEADER_CHARS && PRINTABLE.test(value)) set(name.toLowerCase(), value);
  },
};

export class SdkTrace extends ForeignTrace {
  readonly sdk: Sdk;
  readonly span: Span;
  readonly call: SdkTrace;
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  received = 0;
  sent = 0;
  readonly #spanContext: SpanContext;
  readonly #outer: OtelContext;
  #inside: OtelContext | undefined = undefined;

  constructor(sdk: Sdk, started: { readonly span: Span; readonly context: OtelContext; readonly call?: SdkTrace }) {
    super();
    const { span, context, call } = started;
    this.sdk = sdk;
    this.span = span;
    this.#outer = context;
    this.call = call ?? this;
    this.#spanContext = span.spanContext();
    this.traceId = this.#spanContext.traceId;
    this.spanId = this.#spanContext.spanId;
    this.sampled = (this.#spanContext.traceFlags & 1) !== 0;
  }

  /** The context in which the span is the active one, with the baggage that came along. */
  get context(): OtelContext {
    return (this.#inside ??= trace.setSpan(this.#outer, this.span));
  }

  get state(): string {
    return this.#spanContext.traceState?.serialize() ?? "";
  }

  /** Whether there is an identifier at all: without an SDK there is none. */
  get isValid(): boolean {
    return this.traceId !== INVALID_TRACEID;
  }

  inject(set: SetHeader): void {
    guarded("inject", () => this.sdk.propagator.inject(this.context, set, setter));
  }

  annotate(name: string, value: AttributeValue): void {
    guarded("annotate", () => this.span.setAttribute(name, this.#safe(name, value)));
  }

  addEvent(name: string, attributes: Attributes): void {
    guarded("addEvent", () => {
      const kept: OpenAttributes = {};
      for (const [key, value] of Object.entries(attributes)) {
        if (key !== "__proto__") kept[key] = this.#safe(key, value);
      }
      this.span.addEvent(name, kept);
    });
  }

  open(name: string): ForeignTrace {
    try {
      const span = this.sdk.tracer.startSpan(name, undefined, this.context);
      return new SdkTrace(this.sdk, { span, context: this.context, call: this.call });
    } catch (error) {
      diag.error("servicekit: open failed", error);
      return this;
    }
  }

  close(failed: boolean, error: unknown): void {
    // What could not be opened is the outer span, which is not over.
    if (this === this.call) return;
    guarded("close", () => {
      const ending = new SdkSpan(this);
      if (failed) ending.fail(error, true);
      ending.end();
    });
  }

  #safe(name: string, value: AttributeValue): AttributeValue {
    return isSecret(name, this.sdk.redact) ? REDACTED : value;
  }
}

/** A span of the SDK that is about to end; what is said of it goes there in one piece. */
export class SdkSpan implements EndingSpan {
  readonly attributes: OpenAttributes = {};
  readonly received: number;
  readonly sent: number;
  readonly #span: Span;
  readonly #declaredErrorsFail: boolean;

  constructor({ span, sdk, received, sent }: SdkTrace) {
    this.received = received;
    this.sent = sent;
    this.#span = span;
    this.#declaredErrorsFail = sdk.declaredErrorsFail;
  }

  fail(error: unknown, isFault: boolean): void {
    const { reason, message, type } = failureOf(error, { isFault, declaredErrorsFail: this.#declaredErrorsFail });
    if (reason !== undefined) this.attributes["servicekit.reason"] = reason;
    if (type === undefined) return;
    this.attributes["error.type"] = type;
    this.#span.setStatus(message === "" ? { code: SpanStatusCode.ERROR } : { code: SpanStatusCode.ERROR, message });
  }

  // By the SDK's own clock, on which the span began.
  end(): void {
    this.#span.setAttributes(this.attributes);
    this.#span.end();
  }
}

/** Runs what is the SDK's or its plug-ins': what they throw is told to the API's own log and never fails a call. */
function guarded(what: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    diag.error(`servicekit: ${what} failed`, error);
  }
}
