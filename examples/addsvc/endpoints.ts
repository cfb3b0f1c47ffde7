/**
 * What stands around each method: limit, breaker, a line and a duration per call.
 *
 * @module
 */
import type { Implementation, Observe } from "servicekit";
import type { Logger } from "servicekit/log";
import type { Registry } from "servicekit/metrics";
import { add, type AddService } from "./service.ts";

const NAMES: Readonly<Record<string, string>> = { sum: "Sum", concat: "Concat" };

export function endpoints(handlers: AddService, log: Logger, metrics: Registry): Implementation {
  const duration = metrics.summary({
    name: "example_addsvc_request_duration_seconds",
    help: "Request duration in seconds.",
    labels: ["method", "success"],
  });
  const timed: Observe = ({ name }) => {
    const method = NAMES[name];
    if (method === undefined) return undefined;
    const [success, failure] = ["true", "false"].map((success) => duration.with({ method, success }));
    return {
      end({ error, durationMs }) {
        // A declared error is an answer: Go kit's Failer does not count it either.
        const failed = error !== undefined && error.origin !== "declared";
        (failed ? failure! : success!).observe(durationMs / 1000);
        log.info("", { method, transport_error: failed ? error.message : null, took: `${durationMs.toFixed(3)}ms` });
      },
    };
  };
  const breaker = { consecutive: 6, openMs: 60_000 };
  return add.implement(handlers, {
    observers: [timed],
    methods: {
      sum: { limit: { perSecond: 1, burst: 1 }, breaker },
      concat: { limit: { perSecond: 1, burst: 100 }, breaker },
    },
  });
}
