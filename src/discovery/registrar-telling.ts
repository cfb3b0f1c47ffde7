/**
 * Tells what happens to a registration: to its listener of events, to the log, to the metrics, to the health of the service.
 *
 * @module
 */
import type { Counter, Gauge } from "../metrics/index.ts";
import type { RegistrarEvent, RegistrarOptions } from "./registrar-options.ts";
import { tellUnheard } from "./unheard.ts";

/** Tells the events of one registrar. */
export class RegistrarTelling {
  readonly #options: RegistrarOptions;
  readonly #registered: Gauge | undefined;
  readonly #failures: Counter | undefined;
  #hasWarned = false;

  constructor(name: string, options: RegistrarOptions) {
    this.#options = options;
    this.#registered = options.metrics
      ?.gauge({ name: "discovery_registered", help: "1 while the instance is registered.", labels: ["registrar"] })
      .with({ registrar: name });
    this.#failures = options.metrics
      ?.counter({
        name: "discovery_registration_failures_total",
        help: "Times that a registry did not do what it was asked.",
        labels: ["registrar"],
      })
      .with({ registrar: name });
    this.#show(false, "not registered yet");
  }

  event(event: RegistrarEvent): void {
    if (event.kind === "registered") this.#show(true, "registered");
    if (event.kind === "lost" || event.kind === "gone") this.#show(false, "not registered");
    if (event.kind === "retry") this.#failures?.inc();
    try {
      this.#options.onEvent?.(event);
    } catch {
      // See `onEvent`.
    }
    this.#write(event);
    this.#warn(event);
  }

  /** Once per spell. */
  #warn(event: RegistrarEvent): void {
    if (event.kind === "registered") this.#hasWarned = false;
    const error = "error" in event ? event.error : undefined;
    if (error === undefined || this.#hasWarned) return;
    this.#hasWarned = true;
    const what = event.kind === "gone" ? "could not be taken out" : "is not known to its registry";
    tellUnheard(this.#options, `${event.registrar}: the instance ${what}: ${error.message}`);
  }

  #show(isRegistered: boolean, message: string): void {
    this.#registered?.set(isRegistered ? 1 : 0);
    const { health, healthPart = "registration" } = this.#options;
    // The message is public: what the registry said is not in it.
    health?.set(healthPart, isRegistered, message);
  }

  #write(event: RegistrarEvent): void {
    const { log } = this.#options;
    const { registrar } = event;
    switch (event.kind) {
      case "registered":
        return log?.info(event.isAgain ? "registered again" : "registered", { registrar, instance: event.instance.id });
      case "updated":
        return log?.info("registration updated", { registrar, instance: event.instance.id });
      case "lost":
        return log?.warn("registration lost", { registrar, error: event.error });
      case "retry":
        return log?.warn("registry will be asked again", {
          registrar,
          delay_ms: Math.round(event.delayMs),
          error: event.error,
        });
      case "draining":
        return log?.info("registration is draining", { registrar });
      case "gone":
        if (event.error === undefined) return log?.info("deregistered", { registrar });
        return log?.warn("could not be deregistered", { registrar, error: event.error });
    }
  }
}
