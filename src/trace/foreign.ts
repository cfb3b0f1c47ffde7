/**
 * A trace that another tracer keeps, such as OpenTelemetry's SDK: the doors here hand on to it what a handler notes, and
 * let it write its own headers.
 *
 * @module
 */
import type { Trace } from "../endpoint/index.ts";
import type { SetHeader } from "./headers.ts";
import type { Attributes, AttributeValue } from "./span-data.ts";

/**
 * A call's place in a trace of another tracer: extend it, and set it as `call.trace` when the call starts. Then `span`,
 * `annotate`, `noteEvent` and `injectTrace` work as they do with a tracer of this toolkit. Nothing here may throw.
 *
 * @example
 * ```ts
 * import { ActiveCall, backgroundContext } from "servicekit/endpoint";
 * import { ForeignTrace, injectTrace, type SetHeader } from "servicekit/trace";
 *
 * class Mine extends ForeignTrace {
 *   readonly traceId = "0af7651916cd43dd8448eb211c80319c";
 *   readonly spanId = "b7ad6b7169203331";
 *   readonly sampled = false;
 *   readonly state = "";
 *   readonly call = this;
 *   annotate(): void {}
 *   addEvent(): void {}
 *   open(): this {
 *     return this;
 *   }
 *   close(): void {}
 *   inject(set: SetHeader): void {
 *     set("x-mine", this.traceId);
 *   }
 * }
 * const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: 1000 });
 * call.trace = new Mine();
 * const sent: string[] = [];
 * injectTrace(call.context, (name) => sent.push(name));
 * sent; // => ["x-mine"]
 * ```
 */
export abstract class ForeignTrace implements Trace {
  abstract readonly traceId: string;
  abstract readonly spanId: string;
  abstract readonly sampled: boolean;
  abstract readonly state: string;
  /** The trace of the call that this one belongs to: itself, unless a handler opened it. */
  abstract readonly call: ForeignTrace;
  /** Writes the headers that carry it, names in lower case. */
  abstract inject(set: SetHeader): void;
  /** Adds or replaces an attribute of the span. */
  abstract annotate(name: string, value: AttributeValue): void;
  /** Notes that something happened, with the time. */
  abstract addEvent(name: string, attributes: Attributes): void;
  /** Begins a span inside this one; asked only when `sampled`. */
  abstract open(name: string): ForeignTrace;
  /** Ends a span that was opened, with what was thrown in it, if anything was. */
  abstract close(failed: boolean, error: unknown): void;
}
