/**
 * What a client's log says of its instances: a line when one is put out, when it is back, and when its breaker turns.
 *
 * @module
 */
import type { BalanceEvent } from "../balance/index.ts";
import type { Logger } from "../log/index.ts";
import type { BreakerEvent } from "../resilience/index.ts";
import { nameOf } from "./upstream.ts";

/** Writes what breakers do. */
export function breakerLog(log: Logger, service: string): (event: BreakerEvent) => void {
  return function logBreaker(event) {
    const fields = { service, instance: event.name };
    if (event.type === "open") log.warn("breaker open", { ...fields, open_ms: Math.round(event.openMs) });
    else log.info(`breaker ${event.type}`, fields);
  };
}

/** Writes what the balancer does. */
export function balanceLog(log: Logger, service: string): (event: BalanceEvent) => void {
  return function logBalance(event) {
    if (event.kind === "panic") {
      const fields = { service, usable: event.usable, of: event.of };
      if (event.isOn) log.warn("too few instances are well: all are used", fields);
      else log.info("enough instances are well again", fields);
      return;
    }
    const fields = { service, instance: nameOf(event.instance.address) };
    if (event.kind === "ejected")
      log.warn("instance ejected", { ...fields, because: event.because, for_ms: Math.round(event.forMs) });
    else if (event.kind === "returned") log.info("instance back", fields);
    else log.debug(`instance ${event.kind}`, fields);
  };
}
