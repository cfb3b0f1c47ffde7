/**
 * Finds how many calls at once are right from how long they take: while they take no longer than usual the limit grows by
 * the square root of itself, when they take longer it falls in proportion. (Netflix concurrency-limits, Gradient2.)
 *
 * What is usual is learnt only while the limit is not used up, and by looking: under lasting overload calls are always slow,
 * and a long average would come to find that usual and raise the limit for ever. So every now and then the limit is halved
 * until a few calls have passed, which shows how long they take when they are few. (Envoy's gradient controller looks too,
 * with a limit of 3.)
 *
 * @module
 */
import type { AdaptiveSettings } from "./adaptive-options.ts";
import type { AdaptiveEvent } from "./adaptive-state.ts";
import type { Slots, SlotsListener } from "./concurrency-slots.ts";

/** Fewer calls say nothing. */
const SAMPLES = 10;
const PROBE_SAMPLES = 20;

/** The part of the way that the usual time goes toward a longer and a shorter one. */
const UP = 0.05;
const DOWN = 0.3;

/** The first look comes soon, and so does the next after one that changed much. */
const SOON_MS = 1000;

/** Learns the limit of some places. */
export class GradientLimit implements SlotsListener {
  settings: AdaptiveSettings;
  /** With its fraction; the places have the whole number. */
  limit: number;
  latencyMs = 0;
  baselineMs = 0;
  readonly #slots: () => Slots;
  #sumMs = 0;
  #count = 0;
  #windowEndMs = 0;
  #pushedBackMs = -Infinity;
  /** When the next look is due; Infinity while the limit is not used up. */
  #probeAtMs = Infinity;
  #probe: Probe | undefined = undefined;

  constructor(settings: AdaptiveSettings, slots: () => Slots) {
    this.settings = settings;
    this.limit = settings.initial;
    this.#slots = slots;
  }

  sample(durationMs: number, nowMs: number): void {
    if (this.#probe !== undefined) return this.#look(this.#probe, durationMs, nowMs);
    this.#sumMs += durationMs;
    if (++this.#count >= SAMPLES && nowMs >= this.#windowEndMs) this.#turn(nowMs);
  }

  pushedBack(nowMs: number): void {
    if (nowMs < this.#pushedBackMs + this.settings.windowMs) return;
    this.#pushedBackMs = nowMs;
    this.#change(this.limit * 0.9, "pushed_back");
  }

  /** After a change of settings. */
  changed(): void {
    this.#probe = undefined;
    this.#change(this.limit, "set");
  }

  #turn(nowMs: number): void {
    const slots = this.#slots();
    const { peak } = slots;
    const shortMs = this.#restart(nowMs);
    const isUsedUp = peak >= slots.limit;
    this.latencyMs = shortMs;
    if (this.baselineMs === 0) this.baselineMs = shortMs;
    else if (shortMs < this.baselineMs) this.baselineMs += (shortMs - this.baselineMs) * DOWN;
    else if (!isUsedUp) this.baselineMs += (shortMs - this.baselineMs) * UP;
    // What nobody uses tells nothing, and must not grow until it limits no more.
    if (peak * 2 > this.limit) this.#step(shortMs);
    if (!isUsedUp) this.#probeAtMs = Infinity;
    else if (this.#probeAtMs === Infinity) this.#probeAtMs = nowMs + Math.min(SOON_MS, this.settings.probeMs);
    else if (nowMs >= this.#probeAtMs) this.#beginProbe(nowMs);
  }

  /** Begins a new window; the mean of the one before. */
  #restart(nowMs: number): number {
    const slots = this.#slots();
    const meanMs = this.#sumMs / this.#count;
    this.#sumMs = 0;
    this.#count = 0;
    this.#windowEndMs = nowMs + this.settings.windowMs;
    slots.peak = slots.inFlight;
    return meanMs;
  }

  #step(shortMs: number): void {
    const { tolerance, smoothing } = this.settings;
    const gradient = shortMs > 0 ? Math.min(1, Math.max(0.5, (tolerance * this.baselineMs) / shortMs)) : 1;
    const target = this.limit * gradient + Math.sqrt(this.limit);
    const next = this.limit + (target - this.limit) * smoothing;
    this.#change(next, next < this.limit ? "slower" : "grown");
  }

  #beginProbe(nowMs: number): void {
    const slots = this.#slots();
    const limit = Math.max(this.settings.min, Math.floor(slots.limit / 2));
    this.#probeAtMs = nowMs + this.settings.probeMs;
    if (limit >= slots.limit) return;
    const patienceMs = Math.max(this.settings.windowMs, 20 * this.latencyMs);
    this.#probe = { limit, readyMs: undefined, untilMs: nowMs + patienceMs, sumMs: 0, count: 0 };
    slots.limit = limit;
  }

  // Only calls that began when the others were gone.
  #look(probe: Probe, durationMs: number, nowMs: number): void {
    const slots = this.#slots();
    if (probe.readyMs === undefined) {
      if (slots.inFlight <= probe.limit + 1) probe.readyMs = nowMs;
    } else if (nowMs - durationMs >= probe.readyMs) {
      probe.sumMs += durationMs;
      probe.count++;
    }
    if (probe.count < PROBE_SAMPLES && nowMs < probe.untilMs) return;
    this.#probe = undefined;
    this.#sumMs = 0;
    this.#count = 0;
    this.#windowEndMs = nowMs + this.settings.windowMs;
    if (probe.count >= SAMPLES) {
      const foundMs = probe.sumMs / probe.count;
      if (Math.abs(foundMs - this.baselineMs) > 0.2 * this.baselineMs)
        this.#probeAtMs = Math.min(this.#probeAtMs, nowMs + SOON_MS);
      this.baselineMs = foundMs;
    }
    this.#change(this.limit, "probe");
  }

  #change(limit: number, because: AdaptiveEvent["because"]): void {
    const { min, max, name, onEvent } = this.settings;
    const slots = this.#slots();
    this.limit = Math.min(max, Math.max(min, limit));
    const from = slots.limit;
    const to = Math.floor(this.limit);
    if (to === from || this.#probe !== undefined) return;
    slots.limit = to;
    // Who waits goes in when a call leaves, which is just about to happen; `set` has to see to it itself.
    if (onEvent === undefined || because === "probe") return;
    const { latencyMs, baselineMs } = this;
    try {
      onEvent({ type: "limit", name, from, to, because, latencyMs, baselineMs });
    } catch {
      // News must not fail a call.
    }
  }
}

/** A look at how long calls take when they are few. */
interface Probe {
  readonly limit: number;
  /** Since when they are few. */
  readyMs: number | undefined;
  readonly untilMs: number;
  sumMs: number;
  count: number;
}
