/**
 * The trace that work under a context belongs to: a span the handler opened, or the call's own.
 *
 * @module
 */
import { key, type Context, type Key, type Trace } from "../endpoint/index.ts";
import { ForeignTrace } from "./foreign.ts";
import { RecordedSpan } from "./recorded-span.ts";

/** The innermost span that a handler opened. */
export const OPEN_SPAN: Key<RecordedSpan | ForeignTrace> = key("open span");

/** The innermost trace of a context. */
export function currentTrace(context: Context): Trace | undefined {
  const { trace } = context;
  if (!(trace instanceof RecordedSpan) && !(trace instanceof ForeignTrace)) return trace;
  const open = context.get(OPEN_SPAN);
  // A client's context may hold the values of the call around it: its own span is the inner one then.
  return open !== undefined && open.call === trace ? open : trace;
}
