/**
 * Tells what happens to a source: to its listener of events, to the log, to the metrics.
 *
 * @module
 */
import type { Fields, Logger } from "../log/index.ts";
import type { Counter, Gauge, Registry } from "../metrics/index.ts";
import type { InstanceHealth } from "./instance.ts";
import type { Listing, SourceEvent } from "./source.ts";
import { tellUnheard } from "./unheard.ts";

/** Whom to tell. */
export interface TellingOptions {
  readonly onEvent?: ((event: SourceEvent) => void) | undefined;
  readonly log?: Pick<Logger, "debug" | "info" | "warn"> | undefined;
  readonly metrics?: Pick<Registry, "gauge" | "counter"> | undefined;
}

/** Tells the events of one source. */
export class Telling {
  readonly #options: TellingOptions;
  readonly #numbers: Numbers | undefined;

  constructor(name: string, options: TellingOptions) {
    this.#options = options;
    this.#numbers = options.metrics === undefined ? undefined : new Numbers(name, options.metrics);
  }

  event(event: SourceEvent): void {
    this.#numbers?.event(event);
    try {
      this.#options.onEvent?.(event);
    } catch {
      // See `onEvent`.
    }
    if (this.#options.log !== undefined) write(this.#options.log, event);
    if (event.kind === "lost") tellUnheard(this.#options, `${event.source} cannot be asked: ${event.error.message}`);
  }

  /** What is known now. */
  listing(listing: Listing): void {
    this.#numbers?.listing(listing);
  }
}

class Numbers {
  readonly #instances: Readonly<Record<InstanceHealth, Gauge>>;
  readonly #changes: Readonly<Record<"added" | "removed" | "changed", Counter>>;
  readonly #failures: Counter;
  readonly #stale: Gauge;
  #counted: Listing["instances"] | undefined = undefined;

  constructor(source: string, metrics: Pick<Registry, "gauge" | "counter">) {
    const instances = metrics.gauge({
      name: "discovery_instances",
      help: "Instances that are known, by what the registry says of their health.",
      labels: ["source", "health"],
    });
    const changes = metrics.counter({
      name: "discovery_changes_total",
      help: "Instances that came, went, or became another.",
      labels: ["source", "kind"],
    });
    this.#instances = {
      up: instances.with({ source, health: "up" }),
      down: instances.with({ source, health: "down" }),
      draining: instances.with({ source, health: "draining" }),
    };
    this.#changes = {
      added: changes.with({ source, kind: "added" }),
      removed: changes.with({ source, kind: "removed" }),
      changed: changes.with({ source, kind: "changed" }),
    };
    this.#failures = metrics
      .counter({
        name: "discovery_failures_total",
        help: "Times that a registry could not be asked.",
        labels: ["source"],
      })
      .with({ source });
    this.#stale = metrics
      .gauge({ name: "discovery_stale", help: "1 while the list is not the registry's own.", labels: ["source"] })
      .with({ source });
  }

  event(event: SourceEvent): void {
    if (event.kind === "retry") this.#failures.inc();
    if (event.kind !== "change") return;
    this.#changes.added.inc(event.change.added.length);
    this.#changes.removed.inc(event.change.removed.length);
    this.#changes.changed.inc(event.change.changed.length);
  }

  listing({ instances, state }: Listing): void {
    this.#stale.set(state === "fresh" ? 0 : 1);
    // The same list again comes every few seconds, and may be long.
    if (instances === this.#counted) return;
    this.#counted = instances;
    const counts: Record<InstanceHealth, number> = { up: 0, down: 0, draining: 0 };
    for (const { health } of instances) counts[health]++;
    for (const health of ["up", "down", "draining"] as const) this.#instances[health].set(counts[health]);
  }
}

function write(log: Pick<Logger, "debug" | "info" | "warn">, event: SourceEvent): void {
  const { source } = event;
  switch (event.kind) {
    case "change": {
      const { added, removed, changed, listing } = event.change;
      const counts: Fields = { added: added.length, removed: removed.length, changed: changed.length };
      return log.info("instances changed", { source, ...counts, instances: listing.instances.length });
    }
    case "back":
      return log.info("registry is back", { source, after_ms: Math.round(event.afterMs) });
    case "retry":
      return log.debug("registry will be asked again", {
        source,
        delay_ms: Math.round(event.delayMs),
        error: event.error,
      });
    case "kept":
      return log.warn("instances are kept", { source, because: event.because });
    case "lost":
    case "emptied":
    case "snapshot":
    case "listener":
    case "skipped":
      return log.warn(WORDS[event.kind], { source, error: event.error });
  }
}

const WORDS = {
  lost: "registry cannot be asked",
  emptied: "instances are given up, the registry has not answered for too long",
  snapshot: "snapshot cannot be used",
  listener: "a listener to changes has thrown",
  skipped: "part of what the registry says cannot be used",
} as const;
