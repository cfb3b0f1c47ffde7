/**
 * What a service says of its health, to probes and to its own log.
 *
 * @module
 */

/**
 * Where a service is in its life: `starting → ready ⇄ not_ready → draining`. It never comes back from draining.
 */
export type HealthState = "starting" | "ready" | "not_ready" | "draining";

/** One part as a report shows it. Everything here may be shown in public. */
export interface PartReport {
  readonly ok: boolean;
  /** Why it is not ok, or what `set` said. Of a thrown error only a ServiceError's message is shown, else "failed". */
  readonly message?: string | undefined;
  /** How long the last check took, in milliseconds; 0 for parts that are told by `set`. */
  readonly durationMs: number;
  /** How long ago that was, in milliseconds; undefined before the first time. */
  readonly checkedAgoMs?: number | undefined;
}

/** The answer to one probe, fit to be sent as JSON. */
export interface HealthReport {
  readonly ok: boolean;
  readonly state: HealthState;
  /** The parts this probe looks at, by name. */
  readonly parts: Readonly<Record<string, PartReport>>;
}

/** A part began or ceased to be ok. `error` is for the log only: it holds what a report must not show. */
export interface PartEvent {
  readonly kind: "part";
  readonly part: string;
  readonly ok: boolean;
  readonly message: string | undefined;
  readonly error: unknown;
  readonly durationMs: number;
}

/** The service came into another state. */
export interface StateEvent {
  readonly kind: "state";
  readonly state: HealthState;
  readonly previous: HealthState;
}

/** What changed. */
export type HealthEvent = PartEvent | StateEvent;
