/**
 * What stands around each method: a line and a duration per call, a limit, a breaker.
 *
 * @module
 */
import type { Implementation, MethodInfo, Observer } from "servicekit";
import { logOf } from "servicekit/log";
import type { Registry } from "servicekit/metrics";
import { add, type AddService } from "./service.ts";

export function endpoints(handlers: AddService, metrics: Registry): Implementation {
  const duration = metrics.summary({
    name: "example_addsvc_request_duration_seconds",
    help: "Request duration in seconds.",
    labels: ["method", "success"],
  });

  function timed({ name }: MethodInfo): Observer {
    const method = name === "sum" ? "Sum" : "Concat";
    const [ok, failed] = [duration.with({ method, success: "true" }), duration.with({ method, success: "false" })];
    return {
      end({ context, error, durationMs }) {
        // A declared error is an answer, no failure: Go kit's Failer, kept by the type.
        const failure = error?.origin === "declared" ? undefined : error;
        (failure === undefined ? ok : failed).observe(durationMs / 1000);
        const took = `${durationMs.toFixed(3)}ms`;
        logOf(context).info("", { method, transport_error: failure?.message ?? null, took });
      },
    };
  }

  // Go kit's breaker trips on more than five failures in a row. The limit stands outside it, before the body is read: in
  // Go kit it is inside, so that six callers who were too fast shut Sum for everybody, for a minute.
  const breaker = { consecutive: 6, openMs: 60_000 };
  return add.implement(handlers, {
    observers: [timed],
    methods: {
      sum: { limit: { perSecond: 1, burst: 1 }, breaker },
      concat: { limit: { perSecond: 1, burst: 100 }, breaker },
    },
  });
}
