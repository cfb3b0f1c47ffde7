/**
 * What a client tells of its instances: when one is put out, when it is back, when its breaker turns. To its log, and to whoever
 * listens.
 *
 * @module
 */
import type { BalanceEvent } from "../balance/index.ts";
import type { Logger } from "../log/index.ts";
import type { BreakerEvent } from "../resilience/index.ts";
import { nameOf } from "./upstream.ts";

/** What has happened to the instances of a client. */
export type ClientEvent =
  | BalanceEvent
  /** The breaker before an instance has turned; `change.name` is the instance. */
  | { readonly kind: "breaker"; readonly change: BreakerEvent };

/** Who is told. */
export interface Told {
  readonly log: Logger | undefined;
  readonly onEvent: ((event: ClientEvent) => void) | undefined;
  readonly service: string;
}

/** What breakers are given; undefined when nobody wants to know. */
export function onBreaker({ log, onEvent, service }: Told): ((event: BreakerEvent) => void) | undefined {
  return both(log && breakerLog(log, service), onEvent && ((change) => onEvent({ kind: "breaker", change })));
}

/** What the balancer is given; undefined when nobody wants to know. */
export function onBalance({ log, onEvent, service }: Told): ((event: BalanceEvent) => void) | undefined {
  return both(log && balanceLog(log, service), onEvent);
}

function both<E>(
  first: ((event: E) => void) | undefined,
  second: ((event: E) => void) | undefined,
): ((event: E) => void) | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return function tellBoth(event) {
    first(event);
    second(event);
  };
}

/** Writes what breakers do. */
function breakerLog(log: Logger, service: string): (event: BreakerEvent) => void {
  return function logBreaker(event) {
    const fields = { service, instance: event.name };
    if (event.type === "open") log.warn("breaker open", { ...fields, open_ms: Math.round(event.openMs) });
    else log.info(`breaker ${event.type}`, fields);
  };
}

/** Writes what the balancer does. */
function balanceLog(log: Logger, service: string): (event: BalanceEvent) => void {
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
