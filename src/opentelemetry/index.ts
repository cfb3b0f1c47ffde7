/**
 * A bridge to `@opentelemetry/api`, both ways: its SDK records our calls, and libraries that speak its API record into our
 * tracer. Not needed to send traces to a collector: that is an exporter's work.
 *
 * @module
 */
export { openTelemetryCalls, type OpenTelemetryOptions } from "./calls.ts";
export { activeSpan, openTelemetryContext } from "./active.ts";
export { openTelemetryProvider } from "./provider.ts";
export { openTelemetryPropagator, type PropagatorOptions } from "./propagator.ts";
