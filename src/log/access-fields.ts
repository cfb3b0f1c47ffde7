/**
 * Access lines through a logger's own methods: for every format and for other people's loggers.
 *
 * @module
 */
import type { Call, MethodInfo, Observer } from "../endpoint/index.ts";
import { isSampled, levelOf, messageOf, microsOf, targetOf, type AccessRules } from "./access-rules.ts";
import type { Fields, Logger } from "./logger.ts";
import { behind } from "./report.ts";

/** Writes the access lines of one method. */
export class FieldsAccess implements Observer {
  readonly #logger: Logger;
  readonly #rules: AccessRules;
  readonly #message: string;

  constructor(logger: Logger, rules: AccessRules, method: MethodInfo) {
    this.#logger = logger.with({ service: method.service, method: method.name });
    this.#rules = rules;
    this.#message = messageOf(method);
  }

  end(call: Call): void {
    const outcome = call.outcome ?? "unknown";
    const isSlow = call.durationMs > this.#rules.slowMs;
    const level = levelOf(outcome, isSlow);
    if (!this.#logger.enabled(level)) return;
    if (outcome === "ok" && !isSlow && !isSampled(this.#rules)) return;
    this.#logger[level](this.#message, accessFields(call, isSlow, level === "error"));
  }
}

function accessFields(call: Call, isSlow: boolean, isFault: boolean): Fields {
  return {
    transport: call.transport === "" ? undefined : call.transport,
    code: call.outcome ?? "unknown",
    reason: call.error?.reason,
    status: call.status === 0 ? undefined : call.status,
    ms: microsOf(call.durationMs) / 1000,
    in: call.requestBytes,
    out: call.responseBytes,
    peer: call.peer === "" ? undefined : call.peer,
    request_id: call.context.requestId,
    trace_id: call.trace?.traceId,
    sampled: call.trace?.sampled === true ? true : undefined,
    slow: isSlow ? true : undefined,
    attempts: call.attempts > 1 ? call.attempts : undefined,
    target: targetOf(call),
    error: isFault && call.error !== undefined ? behind(call.error) : undefined,
  };
}
