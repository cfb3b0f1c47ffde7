/**
 * Tracing as an observer, for servers and clients alike.
 *
 * @module
 */
import {
  described,
  type Call,
  type Carrier,
  type Context,
  type Direction,
  type MethodInfo,
  type Observe,
  type Observer,
} from "../endpoint/index.ts";
import { endCallSpan, methodSpans, type MethodSpans } from "./call-span.ts";
import { currentTrace } from "./current.ts";
import { SAMPLED, type TraceFormat, type TraceHeaders } from "./headers.ts";
import { flagsOf, LightTrace } from "./light-trace.ts";
import { readTrace } from "./propagate.ts";
import { RecordedSpan } from "./recorded-span.ts";
import type { SpanWatch } from "./span-watch.ts";
import type { SpanLink } from "./span-data.ts";
import { coreOf, type Tracer, type TracerCore } from "./tracer.ts";
import { TRACEPARENT, unsampledFlags } from "./w3c.ts";

/**
 * Gives every call its place in a trace, and records the calls that are sampled. On a server a call goes on from the
 * headers it came with; on a client from the call it is made for; else it begins a trace. (Go kit `tracing/zipkin` and
 * `tracing/opentracing`; names as in OpenTelemetry's RPC conventions.)
 *
 * Of a `traceparent` that says not sampled nothing else is looked at. When it turns out to be malformed as an identifier
 * is first read, the call has new ones, in a trace of its own, and stays unsampled.
 *
 * @throws {TypeError} when `traces` is not made by `tracer()`.
 *
 * @example
 * ```ts
 * import { ActiveCall, backgroundContext } from "servicekit/endpoint";
 * import { memoryExporter, traceCalls, tracer } from "servicekit/trace";
 *
 * const { method } = backgroundContext();
 * const observe = traceCalls(tracer({ service: "add", ratio: 1, exporter: memoryExporter() }));
 * const call = new ActiveCall(method, { startMs: 0, timeoutMs: 1000 });
 * observe(method)?.start?.(call);
 * call.trace?.sampled; // => true
 * ```
 */
export function traceCalls(traces: Tracer): Observe {
  const core = coreOf(traces);
  return described(core.line, function traceCalls(method: MethodInfo): Observer {
    if (method.side === "client") return new ClientTracing(core, method);
    return new ServerTracing(core, method);
  });
}

/** Classes, not closures: fifty methods then share one piece of machine code (`bench/micro.ts`). */
abstract class Tracing implements Observer {
  protected readonly core: TracerCore;
  readonly #spans: MethodSpans;
  declare message?: (call: Call, direction: Direction, bytes: number) => void;

  constructor(core: TracerCore, method: MethodInfo) {
    this.core = core;
    this.#spans = methodSpans(method);
    if (this.#spans.isStream) this.message = countMessage;
  }

  end(call: Call): void {
    const { trace } = call;
    if (trace instanceof RecordedSpan) endCallSpan(trace, call, this.#spans);
  }

  /** Begins a trace, or goes on with one that is decided or left to us to decide. */
  protected begin(call: Call, parent: TraceHeaders | undefined): void {
    if (this.samples(call, parent)) this.record(call, parent);
  }

  /** Whether a call is to be recorded. One that is not has its trace afterwards, also when the sampler throws. */
  protected samples(call: Call, parent: TraceHeaders | undefined): boolean {
    const { core } = this;
    let isSampled = false;
    try {
      isSampled = parent?.sampled ?? core.decides(call, parent?.traceId ?? "");
    } finally {
      if (!isSampled || !core.isRecording) {
        const inherited = parent === undefined ? 0 : flagsOf(parent);
        call.trace = new LightTrace(core, inherited | (isSampled ? SAMPLED : 0), parent);
      }
    }
    return isSampled && core.isRecording;
  }

  protected record(call: Call, parent: TraceHeaders | undefined, links?: readonly SpanLink[]): void {
    const { name, kind } = this.#spans;
    call.trace = new RecordedSpan(this.core, { name, kind, startMs: call.startMs, parent, links });
  }

  /** Shows the call that has just begun to those who look on. */
  protected show(call: Call, watch: SpanWatch): void {
    const { trace } = call;
    if (trace instanceof RecordedSpan) trace.watch = watch;
    else if (trace instanceof LightTrace) call.trace = this.#watched(call, trace, watch);
  }

  #watched(call: Call, { origin, sampled }: LightTrace, watch: SpanWatch): RecordedSpan {
    const { name, kind } = this.#spans;
    const span = new RecordedSpan(this.core, { name, kind, startMs: call.startMs, parent: origin, sampled });
    span.watch = watch;
    return span;
  }
}

function countMessage(call: Call, direction: Direction): void {
  const { trace } = call;
  if (trace instanceof RecordedSpan) trace[direction]++;
}

class ServerTracing extends Tracing {
  /** Whether a `traceparent` that says not sampled decides, whatever else came. */
  readonly #trustsW3c: boolean;
  readonly #others: readonly TraceFormat[];

  constructor(core: TracerCore, method: MethodInfo) {
    super(core, method);
    this.#trustsW3c = core.read[0] === "w3c";
    this.#others = core.read.filter((format) => format !== "w3c");
  }

  start(call: Call): void {
    if (this.core.isPlain) this.#follow(call);
    else this.#unusually(call);
  }

  #unusually(call: Call): void {
    try {
      if (this.core.followsParent) this.#follow(call);
      else this.#beginAnew(call);
    } finally {
      const { watching } = this.core;
      if (watching?.admits()) this.show(call, watching);
    }
  }

  #follow(call: Call): void {
    let formats = this.core.read;
    if (this.#trustsW3c) {
      const header = call.incoming.get(TRACEPARENT);
      const flags = header === undefined ? -1 : unsampledFlags(header);
      if (flags >= 0) {
        call.trace = new LightTrace(this.core, flags, call.incoming);
        return;
      }
      if (header === undefined) formats = this.#others;
    }
    this.begin(call, readTrace(call.incoming, formats));
  }

  #beginAnew(call: Call): void {
    if (!this.samples(call, undefined)) return;
    const caller = readTrace(call.incoming, this.core.read);
    const links = caller === undefined || caller.traceId === "" ? undefined : [linkTo(caller)];
    this.record(call, undefined, links);
  }
}

function linkTo({ traceId, spanId }: TraceHeaders): SpanLink {
  return { traceId, spanId };
}

class ClientTracing extends Tracing {
  start(call: Call): void {
    const { parent } = call;
    const outer = parent === undefined ? undefined : currentTrace(parent);
    if (outer === undefined) {
      this.begin(call, parent && passedThrough(parent, this.core));
      const { watching } = this.core;
      if (watching?.admits()) this.show(call, watching);
      return;
    }
    if (outer.sampled && this.core.isRecording) this.record(call, outer);
    else call.trace = new LightTrace(this.core, flagsOf(outer), outer);
    // It is seen with the call that it is part of, or not at all.
    if (outer instanceof RecordedSpan && outer.call.watch !== undefined) this.show(call, outer.call.watch);
  }
}

// Tracing may be off on the server around this client: then the server's caller is who we go on from.
function passedThrough(parent: Context, core: TracerCore): TraceHeaders | undefined {
  if (parent.method.side !== "server" || !core.followsParent) return undefined;
  const carrier: Carrier = { get: (name) => parent.metadata(name) };
  return readTrace(carrier, core.read);
}
