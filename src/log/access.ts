/**
 * The access log: one line for each call when it is over, also for those that never reach a handler.
 *
 * @module
 */
import { checkNames, checkNumber } from "../internal/check.ts";
import { described, type MethodInfo, type Observe, type Observer } from "../endpoint/index.ts";
import { systemRandom, type Random } from "../time/index.ts";
import { FieldsAccess } from "./access-fields.ts";
import { jsonAccess } from "./access-json.ts";
import type { AccessRules } from "./access-rules.ts";
import type { Logger } from "./logger.ts";

/** What an access log may be given. */
export interface AccessLogOptions {
  /** The share of calls that end well and in time of which a line is written, from 0 to 1. Default: 1, all of them. */
  readonly sample?: number | undefined;
  /**
   * A call that takes longer, in milliseconds, is written at level "warn" with `slow`, whatever `sample` says. Default:
   * no limit, since what is slow differs from service to service.
   */
  readonly slowMs?: number | undefined;
  /** Decides which lines of a sample are written. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/**
 * Writes one line for each call at its end. "request" on a server, "call" on a client, with `service`, `method`,
 * `transport`, `code` ("ok" or the error's), `reason`, `status`, `ms`, `in` and `out` (bytes), `peer`, `request_id`,
 * `trace_id`, `sampled`; `attempts` when a client made more than one; `target` when no method fits; `error` with stack and causes when nobody expected it. The level is
 * "info" for answers and for the caller's own errors, "warn" for overload and time-outs, "error" for faults.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { accessLog, logger } from "servicekit/log";
 * import { ActiveCall, backgroundContext } from "servicekit/endpoint";
 *
 * const lines: string[] = [];
 * const observe = accessLog(logger({ batchBytes: 0, write: (text) => lines.push(text) }));
 * const call = new ActiveCall(backgroundContext().method, { startMs: 0, timeoutMs: 3000 });
 * call.outcome = "ok";
 * observe(call.method)!.end!(call);
 * JSON.parse(lines[0]!).code; // => "ok"
 * ```
 */
export function accessLog(logger: Logger, options: AccessLogOptions = {}): Observe {
  checkNames("accessLog", options, ["sample", "slowMs", "random"]);
  const sample = checkNumber("sample", options.sample ?? 1, { min: 0, max: 1 });
  const slowMs = checkNumber("slowMs", options.slowMs ?? Infinity, { min: 0 });
  const rules: AccessRules = { sample, slowMs, random: options.random ?? systemRandom };
  const fast = jsonAccess(logger, rules);
  const text = `access log${sample < 1 ? ` sample ${sample}` : ""}${slowMs < Infinity ? ` slow ${slowMs} ms` : ""}`;
  return described(text, function observe(method: MethodInfo): Observer {
    return fast?.(method) ?? new FieldsAccess(logger, rules, method);
  });
}
