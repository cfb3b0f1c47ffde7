/**
 * The span of a call in OpenTelemetry's context: where libraries look for their parent.
 *
 * @module
 */
import {
  context as contexts,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Context as OtelContext,
  type Span,
} from "@opentelemetry/api";
import {
  described,
  type Context,
  type Endpoint,
  type MethodInfo,
  type Middleware,
  type StreamEndpoint,
  type StreamMiddleware,
  type Trace,
} from "../endpoint/index.ts";
import { currentTrace } from "../trace/current.ts";
import { RecordedSpan } from "../trace/recorded-span.ts";
import { CallSpanView, QuietSpan } from "./our-span.ts";
import { SdkTrace } from "./sdk-trace.ts";

/** Under this key a context says whose call it belongs to. */
export const CALL: symbol = createContextKey("servicekit call");

/** `base` with a place in a trace as the active span. */
export function contextIn(place: Trace, base: OtelContext): OtelContext {
  if (!(place instanceof SdkTrace)) return trace.setSpan(base, spanOf(place)).setValue(CALL, place);
  if (base === ROOT_CONTEXT) return place.context.setValue(CALL, place);
  const baggage = propagation.getBaggage(base) ?? propagation.getBaggage(place.context);
  const inside = trace.setSpan(base, place.span).setValue(CALL, place);
  return baggage === undefined ? inside : propagation.setBaggage(inside, baggage);
}

function spanOf(place: Trace): Span {
  return place instanceof RecordedSpan ? new CallSpanView(place) : new QuietSpan(place);
}

/**
 * The OpenTelemetry context of a call, in which its span is the active one: to hand to `startSpan` and the like without
 * `activeSpan()`. It goes for calls that the SDK traces and for those that our tracer does. Without a trace it is `base`.
 *
 * @param base what else is in it. Default: the active context.
 *
 * @example
 * ```ts
 * import { trace } from "@opentelemetry/api";
 * import { ActiveCall, backgroundContext } from "servicekit/endpoint";
 * import { openTelemetryContext } from "servicekit/opentelemetry";
 * import { memoryExporter, traceCalls, tracer } from "servicekit/trace";
 *
 * const { method } = backgroundContext();
 * const call = new ActiveCall(method, { startMs: 0, timeoutMs: 1000 });
 * traceCalls(tracer({ service: "add", ratio: 1, exporter: memoryExporter() }))(method)?.start?.(call);
 * trace.getSpan(openTelemetryContext(call.context))?.spanContext().traceId === call.trace?.traceId; // => true
 * ```
 */
export function openTelemetryContext(context: Context, base: OtelContext = contexts.active()): OtelContext {
  const place = currentTrace(context);
  return place === undefined ? base : contextIn(place, base);
}

/**
 * Makes the span of a call the active one while the handler runs, also across its awaits and in each step of a stream:
 * what instrumented libraries record becomes its children. Goes on a server around the handler, and on a client around the
 * transport. It takes a context manager, which an SDK registers; without one it changes nothing.
 *
 * Opt in where such libraries are in use: it costs about 0.4 µs a call, and once a context manager is in use every
 * `await` of the process costs 0.1 µs more (`docs/opentelemetry.md`).
 *
 * @example
 * ```ts
 * import { trace } from "@opentelemetry/api";
 * import { backgroundContext } from "servicekit";
 * import { activeSpan } from "servicekit/opentelemetry";
 *
 * const context = backgroundContext();
 * const sum = activeSpan()(({ a, b }: { a: number; b: number }) => a + b, context.method);
 * sum({ a: 1, b: 2 }, context); // => 3
 * trace.getActiveSpan(); // => undefined
 * ```
 */
export function activeSpan(): Middleware & StreamMiddleware {
  function activate(next: AnyEndpoint, method: MethodInfo): AnyEndpoint {
    return method.kind === "server" || method.kind === "bidi" ? activateStream(next) : activateUnary(next);
  }
  return described("active OpenTelemetry span", activate) as unknown as Middleware & StreamMiddleware;
}

type AnyEndpoint = Endpoint<unknown, unknown> & StreamEndpoint<unknown, unknown>;

function activateUnary(next: AnyEndpoint): AnyEndpoint {
  function active(request: unknown, context: Context): unknown {
    const place = currentTrace(context);
    if (place === undefined) return next(request, context);
    return contexts.with(contextIn(place, contexts.active()), next, undefined, request, context);
  }
  return active as AnyEndpoint;
}

function activateStream(next: StreamEndpoint<unknown, unknown>): AnyEndpoint {
  function activeStream(request: unknown, context: Context): AsyncIterable<unknown> {
    const place = currentTrace(context);
    if (place === undefined) return next(request, context);
    const inside = contextIn(place, contexts.active());
    const messages = contexts.with(inside, next, undefined, request, context);
    return { [Symbol.asyncIterator]: () => stepsIn(inside, messages[Symbol.asyncIterator]()) };
  }
  return activeStream as AnyEndpoint;
}

// Whoever takes the next message is in a context of their own: each step of the handler runs in the call's.
function stepsIn(inside: OtelContext, messages: AsyncIterator<unknown>): AsyncIterator<unknown> {
  const steps: AsyncIterator<unknown> = { next: () => contexts.with(inside, () => messages.next()) };
  if (messages.return !== undefined) steps.return = (value) => contexts.with(inside, () => messages.return!(value));
  if (messages.throw !== undefined) steps.throw = (error) => contexts.with(inside, () => messages.throw!(error));
  return steps;
}
