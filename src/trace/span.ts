/**
 * A handler's own spans and notes. All of it costs next to nothing in a call that is not recorded.
 *
 * @module
 */
import { settle, type Context } from "../endpoint/index.ts";
import { currentTrace, OPEN_SPAN } from "./current.ts";
import { MAX_NAME_CHARS } from "./bounds.ts";
import { ForeignTrace } from "./foreign.ts";
import { RecordedSpan } from "./recorded-span.ts";
import type { Attributes, AttributeValue } from "./span-data.ts";

const NO_ATTRIBUTES: Attributes = {};

/**
 * Runs `run` inside a span of its own when the call is recorded, else just runs it. The span ends with the value or the
 * promise; what is thrown is noted on it and thrown on. A plain value stays a plain value.
 *
 * @param run is given the context to hand on: calls made with it become children of the span.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { span } from "servicekit/trace";
 *
 * span(backgroundContext(), "add up", () => 1 + 2); // => 3
 * ```
 */
export function span<T>(context: Context, name: string, run: (context: Context) => T): T {
  const outer = currentTrace(context);
  if (outer instanceof ForeignTrace && outer.sampled) return foreignSpan(outer, { context, name, run });
  if (!(outer instanceof RecordedSpan)) return run(context);
  const { source } = outer;
  const start = {
    name: String(name).slice(0, MAX_NAME_CHARS),
    kind: "internal",
    startMs: source.clock.now(),
    parent: outer,
    sampled: outer.sampled,
  } as const;
  const inner = new RecordedSpan(source, start, outer.call);
  return settle(
    () => run(context.with(OPEN_SPAN, inner)),
    (value) => {
      inner.end(source.clock.now() - inner.startMs);
      return value;
    },
    (error) => {
      inner.fail(error);
      inner.end(source.clock.now() - inner.startMs);
      throw error;
    },
  ) as T;
}

interface Opened<T> {
  readonly context: Context;
  readonly name: string;
  readonly run: (context: Context) => T;
}

function foreignSpan<T>(outer: ForeignTrace, { context, name, run }: Opened<T>): T {
  const inner = outer.open(String(name).slice(0, MAX_NAME_CHARS));
  return settle(
    () => run(context.with(OPEN_SPAN, inner)),
    (value) => {
      inner.close(false, undefined);
      return value;
    },
    (error) => {
      inner.close(true, error);
      throw error;
    },
  ) as T;
}

/**
 * Adds an attribute to the span that is open, when the call is sampled. Bounds: 32 attributes a span, names of 128
 * characters, values cut at 1024; what is refused is counted on the span. A name that speaks of a secret, such as
 * `authorization`, `cookie`, `password` or `token`, keeps its value back: "[redacted]".
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { annotate } from "servicekit/trace";
 *
 * annotate(backgroundContext(), "cart.items", 3); // => undefined
 * ```
 */
export function annotate(context: Context, name: string, value: AttributeValue): void {
  const trace = currentTrace(context);
  if (trace instanceof RecordedSpan || trace instanceof ForeignTrace) trace.annotate(name, value);
}

/**
 * Notes that something happened, with the time, on the span that is open, when the call is sampled: a retry, a cache
 * miss. Bounds: 32 events a span, and those of `annotate` for the attributes of each.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { noteEvent } from "servicekit/trace";
 *
 * noteEvent(backgroundContext(), "cache miss", { key: "user:7" }); // => undefined
 * ```
 */
export function noteEvent(context: Context, name: string, attributes: Attributes = NO_ATTRIBUTES): void {
  const trace = currentTrace(context);
  if (trace instanceof RecordedSpan || trace instanceof ForeignTrace) trace.addEvent(name, attributes);
}
