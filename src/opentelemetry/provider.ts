/**
 * Our tracer behind OpenTelemetry's API: what instrumented libraries record goes to our exporter.
 *
 * @module
 */
import {
  context as contexts,
  SpanKind,
  trace,
  type Context as OtelContext,
  type Span,
  type SpanOptions,
  type Tracer as OtelTracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { ActiveCall, type MethodInfo } from "../endpoint/index.ts";
import { SAMPLED, type TraceHeaders } from "../trace/headers.ts";
import type { SpanData, SpanLink, Tracer } from "../trace/index.ts";
import { flagsOf, LightTrace } from "../trace/light-trace.ts";
import { RecordedSpan } from "../trace/recorded-span.ts";
import { MAX_NAME_CHARS } from "../trace/bounds.ts";
import { coreOf, type TracerCore } from "../trace/tracer.ts";
import { OurSpan, QuietSpan } from "./our-span.ts";
import { fromSpanContext } from "./span-context.ts";
import { unixMsOf } from "./time.ts";

/**
 * Makes a provider for `trace.setGlobalTracerProvider`: a library that starts spans records them with our tracer, with
 * its sampling, bounds and redaction, to its exporter. The parent is the active span of OpenTelemetry's context: with
 * `activeSpan()` that is the call's. A span without a parent is decided by the tracer; its `sampler` sees a call whose
 * method is named by the library and the span.
 *
 * Differences from the SDK: 32 attributes, events and links a span; a list becomes its JSON, links lose their attributes;
 * a producer counts as a client and a consumer as a server; the status "OK" is exported as none.
 *
 * @throws {TypeError} when `traces` is not made by `tracer()`.
 *
 * @example
 * ```ts
 * import { openTelemetryProvider } from "servicekit/opentelemetry";
 * import { memoryExporter, tracer } from "servicekit/trace";
 *
 * const exporter = memoryExporter();
 * const traces = tracer({ service: "add", ratio: 1, exporter });
 * openTelemetryProvider(traces).getTracer("pg").startSpan("SELECT").setAttribute("db.rows", 3).end();
 * await traces.flush();
 * exporter.spans[0]?.name; // => "SELECT"
 * ```
 */
export function openTelemetryProvider(traces: Tracer): TracerProvider {
  const core = coreOf(traces);
  return { getTracer: (name, version) => new LibraryTracer(core, { name: String(name), version }) };
}

interface Library {
  readonly name: string;
  readonly version: string | undefined;
}

const kinds: Readonly<Record<SpanKind, SpanData["kind"]>> = {
  [SpanKind.INTERNAL]: "internal",
  [SpanKind.SERVER]: "server",
  [SpanKind.CLIENT]: "client",
  [SpanKind.PRODUCER]: "client",
  [SpanKind.CONSUMER]: "server",
};

class LibraryTracer implements OtelTracer {
  readonly #core: TracerCore;
  readonly #library: Library;

  /** Its options and context may be left out, its last argument is the function: overloads that only a type can say. */
  readonly startActiveSpan: OtelTracer["startActiveSpan"] = (name: string, ...rest: readonly unknown[]): never => {
    const run = rest.at(-1) as (span: Span) => never;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined;
    const outer = rest.length > 2 ? (rest[1] as OtelContext) : contexts.active();
    const span = this.startSpan(name, options, outer);
    return contexts.with(trace.setSpan(outer, span), run, undefined, span);
  };

  constructor(core: TracerCore, library: Library) {
    this.#core = core;
    this.#library = library;
  }

  startSpan(name: string, options: SpanOptions = {}, context: OtelContext = contexts.active()): Span {
    const core = this.#core;
    const asked = options.root === true ? undefined : trace.getSpanContext(context);
    const known = fromSpanContext(asked);
    // A tracer that does not follow its callers begins anew, linked to them, whoever read the headers.
    const isStranger = asked?.isRemote === true && !core.followsParent;
    const parent = isStranger ? undefined : known;
    const kind = kinds[options.kind ?? SpanKind.INTERNAL] ?? "internal";
    const text = String(name).slice(0, MAX_NAME_CHARS);
    const isSampled = parent?.sampled ?? this.#decides(text, kind);
    if (!isSampled || !core.isRecording) {
      const flags = (parent === undefined ? 0 : flagsOf(parent)) | (isSampled ? SAMPLED : 0);
      return new QuietSpan(new LightTrace(core, flags, parent));
    }
    const startMs = this.#startMs(options);
    const links = isStranger && known !== undefined ? [linkTo(known)] : undefined;
    return this.#filled(new RecordedSpan(core, { name: text, kind, startMs, parent, links }), options);
  }

  #filled(span: RecordedSpan, { attributes, links }: SpanOptions): Span {
    const { name, version } = this.#library;
    // As OpenTelemetry writes them where a format has no place for the library (compatibility with non-OTLP formats).
    if (name !== "") span.annotate("otel.scope.name", name);
    if (version !== undefined && version !== "") span.annotate("otel.scope.version", version);
    const made = new OurSpan(span);
    if (attributes !== undefined) made.setAttributes(attributes);
    return links === undefined ? made : made.addLinks(links);
  }

  #startMs({ startTime }: SpanOptions): number {
    const core = this.#core;
    const unixMs = unixMsOf(startTime, core);
    return unixMs === undefined ? core.clock.now() : unixMs - core.dateOf(0);
  }

  #decides(name: string, kind: SpanData["kind"]): boolean {
    const { clock } = this.#core;
    const side = kind === "client" ? "client" : "server";
    const method: MethodInfo = {
      service: this.#library.name,
      name,
      kind: "unary",
      side,
      idempotent: false,
      errors: [],
      timeoutMs: Infinity,
    };
    return this.#core.decides(new ActiveCall(method, { startMs: clock.now(), timeoutMs: Infinity }), "");
  }
}

function linkTo({ traceId, spanId }: TraceHeaders): SpanLink {
  return { traceId, spanId };
}
