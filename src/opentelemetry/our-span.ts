/**
 * Spans of our tracer as `@opentelemetry/api` wants them: recorded ones, the call's own, and those that nobody records.
 *
 * @module
 */
import {
  isSpanContextValid,
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
} from "@opentelemetry/api";
import type { Trace } from "../endpoint/index.ts";
import type { AttributeValue as OurValue } from "../trace/index.ts";
import type { OpenAttributes, RecordedSpan } from "../trace/recorded-span.ts";
import { toSpanContext } from "./span-context.ts";
import { isTime, unixMsOf } from "./time.ts";

/** The most elements of a list that are looked at. */
const MAX_ELEMENTS = 64;

/** A span that our tracer records. Its bounds and its secrets are those of `annotate`. */
export class OurSpan implements Span {
  protected readonly span: RecordedSpan;
  #spanContext: SpanContext | undefined = undefined;
  #isSettled = false;

  constructor(span: RecordedSpan) {
    this.span = span;
  }

  spanContext(): SpanContext {
    return (this.#spanContext ??= toSpanContext(this.span, false));
  }

  isRecording(): boolean {
    return this.span.isOpen;
  }

  setAttribute(name: string, value: AttributeValue): this {
    if (value !== undefined && value !== null) this.span.annotate(name, ourValue(value));
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const name of Object.keys(attributes ?? {})) this.setAttribute(name, attributes[name]!);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const isAttributes = !isTime(attributesOrTime);
    const given = isAttributes ? attributesOrTime : undefined;
    this.span.addEvent(name, ourAttributes(given ?? {}), this.#unixMs(isAttributes ? time : attributesOrTime));
    return this;
  }

  addLink(link: Link): this {
    const { context, attributes } = link;
    if (!isSpanContextValid(context)) return this;
    this.span.link({ traceId: context.traceId, spanId: context.spanId });
    // Our links hold no attributes: their loss is counted, not silent.
    if (attributes !== undefined && Object.keys(attributes).length > 0) this.span.refuse();
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** "OK" is the last word, "unset" changes nothing (OpenTelemetry's specification of the API, Set Status). */
  setStatus({ code, message }: SpanStatus): this {
    if (this.#isSettled || code === SpanStatusCode.UNSET) return this;
    this.#isSettled = code === SpanStatusCode.OK;
    this.span.mark(code === SpanStatusCode.ERROR, code === SpanStatusCode.ERROR ? String(message ?? "") : "");
    return this;
  }

  updateName(name: string): this {
    this.span.rename(name);
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes: Attributes = {};
    if (typeof exception === "string") attributes["exception.message"] = exception;
    else if (typeof exception === "object" && exception !== null) {
      const { code, name, message, stack } = exception;
      const type = code === undefined ? name : String(code);
      if (type !== undefined) attributes["exception.type"] = type;
      if (message !== undefined) attributes["exception.message"] = message;
      if (stack !== undefined) attributes["exception.stacktrace"] = stack;
    }
    if (Object.keys(attributes).length === 0) this.span.refuse();
    else this.addEvent("exception", attributes, time);
  }

  end(time?: TimeInput): void {
    const { source, startMs } = this.span;
    const unixMs = this.#unixMs(time);
    const durationMs = unixMs === undefined ? source.clock.now() - startMs : unixMs - source.dateOf(startMs);
    this.span.end(Math.max(0, durationMs));
  }

  #unixMs(time: TimeInput | undefined): number | undefined {
    return unixMsOf(time, this.span.source);
  }
}

/** The span of a call that our tracer records: the call ends it, whatever anybody says. */
export class CallSpanView extends OurSpan {
  override end(): void {}
}

/** A place in a trace that nobody records. Its identifiers are made when somebody asks. */
export class QuietSpan implements Span {
  readonly #place: Trace;
  #spanContext: SpanContext | undefined = undefined;

  constructor(place: Trace) {
    this.#place = place;
  }

  spanContext(): SpanContext {
    return (this.#spanContext ??= toSpanContext(this.#place, false));
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}

function ourAttributes(attributes: Attributes): OpenAttributes {
  const kept: OpenAttributes = {};
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (value !== undefined && value !== null && name !== "__proto__") kept[name] = ourValue(value);
  }
  return kept;
}

// A list is shown as its JSON; what is none of these goes on as it is, to be refused and counted.
function ourValue(value: AttributeValue): OurValue {
  return Array.isArray(value) ? json(value.slice(0, MAX_ELEMENTS)) : (value as OurValue);
}

function json(list: readonly unknown[]): string {
  try {
    return JSON.stringify(list);
  } catch {
    return "[]";
  }
}
