/**
 * A line and numbers for each call, written once for every method that is given a text. Go kit's are written once more for
 * each method.
 *
 * @module
 */
import { ServiceError, type Middleware } from "servicekit";
import { logOf } from "servicekit/log";
import type { Registry } from "servicekit/metrics";
import { systemClock } from "servicekit/time";

type Text = { readonly s: string };

/** Writes what came in, what went out, and how long it took. */
export const logging: Middleware<Text> = (next, { name: method }) =>
  async function logged(request, context) {
    const beganMs = systemClock.now();
    const result = await outcome(next(request, context));
    const [output, err] = ServiceError.is(result) ? ["", result.message] : [valueOf(result), null];
    const took = `${(systemClock.now() - beganMs).toFixed(3)}ms`;
    logOf(context).info("", { method, input: request.s, output, err, took });
    return result;
  };

/** Counts calls, how long they took, and what `count` answered, under Go kit's names. */
export function instrumenting(metrics: Registry): Middleware<Text> {
  const labels = ["method", "error"] as const;
  const name = (what: string): string => `my_group_string_service_${what}`;
  const requests = metrics.counter({ name: name("request_count"), help: "Number of requests received.", labels });
  // Misnamed in Go kit, which observes seconds. The name stays, and here the unit is the one that it says.
  const help = "Total duration of requests in microseconds.";
  const latency = metrics.summary({ name: name("request_latency_microseconds"), help, labels });
  const counted = metrics.summary({ name: name("count_result"), help: "The result of each count method." });

  return (next, { name: method }) => {
    const seriesOf = (error: string) => ({
      requests: requests.with({ method, error }),
      latency: latency.with({ method, error }),
    });
    const [succeeded, failed] = [seriesOf("false"), seriesOf("true")];
    return async function instrumented(request, context) {
      const beganMs = systemClock.now();
      const result = await outcome(next(request, context));
      const series = ServiceError.is(result) ? failed : succeeded;
      series.requests.inc();
      series.latency.observe((systemClock.now() - beganMs) * 1000);
      if (method === "count") counted.observe(valueOf(result) as number);
      return result;
    };
  };
}

function valueOf(result: unknown): unknown {
  return (result as { readonly v: unknown }).v;
}

/** What came of a call. A client in the handler's place throws the errors that a handler returns. */
async function outcome<R>(called: R | Promise<R>): Promise<R> {
  try {
    return await called;
  } catch (error) {
    if (ServiceError.is(error)) return error as R;
    throw error;
  }
}
