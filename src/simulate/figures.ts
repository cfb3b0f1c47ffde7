/**
 * What came of the requests that began in a span of time: plain getters, worked out when they are asked for.
 *
 * @module
 */
import { checkNumber, checkOneOf } from "../internal/check.ts";
import { firstAt, OK, type Column, type Recorder } from "./recorder.ts";

/** What figures are worked out from. */
export interface FiguresSource {
  readonly recorder: Recorder;
  /** By the number of an instance: its address, the name of its back-ends, and its service. */
  readonly places: readonly { readonly address: string; readonly name: string; readonly service: string }[];
}

/**
 * The figures of all requests that began in a span of time. Durations are exact, and of all requests, answered or not, unless
 * a name says "served".
 */
export class Figures {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly #source: FiguresSource;
  readonly #first: number;
  readonly #end: number;
  #all: Float64Array | undefined = undefined;
  #served: Float64Array | undefined = undefined;
  #byPlace: Uint32Array | undefined = undefined;
  #byOutcome: Uint32Array | undefined = undefined;

  constructor(source: FiguresSource, fromMs: number, untilMs: number) {
    this.#source = source;
    this.fromMs = fromMs;
    this.untilMs = untilMs;
    this.#first = firstAt(source.recorder.requestStart, fromMs);
    this.#end = firstAt(source.recorder.requestStart, untilMs);
  }

  /** How many requests were made. */
  get offered(): number {
    return this.#end - this.#first;
  }

  /** How many of them were answered with success, in time for their callers. */
  get succeeded(): number {
    return this.#outcomes[OK]!;
  }

  /** The part of them that succeeded, from 0 to 1; 1 when there were none. */
  get successRatio(): number {
    return this.offered === 0 ? 1 : this.succeeded / this.offered;
  }

  /** Successes per second. */
  get goodputPerSecond(): number {
    return (this.succeeded * 1000) / (this.untilMs - this.fromMs);
  }

  /** How many ended with each code, "ok" too. */
  get codes(): Readonly<Record<string, number>> {
    return this.#named("code");
  }

  /** How many ended with each reason, "ok" too. */
  get reasons(): Readonly<Record<string, number>> {
    return this.#named("reason");
  }

  /** Half of the requests took no longer. */
  get p50Ms(): number {
    return this.quantileMs(0.5);
  }

  /** 99 of 100 requests took no longer. */
  get p99Ms(): number {
    return this.quantileMs(0.99);
  }

  /** 999 of 1000 requests took no longer. */
  get p999Ms(): number {
    return this.quantileMs(0.999);
  }

  /** The part `q` of the requests took no longer; 0 when there were none. */
  quantileMs(q: number): number {
    return quantile((this.#all ??= this.#durations(false)), q);
  }

  /** The part `q` of those that succeeded took no longer; 0 when there were none. */
  servedQuantileMs(q: number): number {
    return quantile((this.#served ??= this.#durations(true)), q);
  }

  /** How many attempts began in this time, whatever they were made for. */
  get attempts(): number {
    return this.#attempts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Attempts that reached a service, per request: 1 when nothing is asked twice. Where services call others, of the one that
   * is asked most. 0 when there were no requests.
   */
  get amplification(): number {
    if (this.offered === 0) return 0;
    const services = new Map<string, number>();
    for (const [place, count] of this.#attempts.entries()) {
      const { service } = this.#source.places[place]!;
      services.set(service, (services.get(service) ?? 0) + count);
    }
    return Math.max(...services.values()) / this.offered;
  }

  /**
   * How many attempts went to an instance (`pet-2`), to all back-ends of a name (`pet`), or to a service.
   *
   * @throws {RangeError} when there is nothing of this name.
   */
  attemptsAt(name: string): number {
    const { places } = this.#source;
    const names = new Set(places.flatMap(({ address, name: of, service }) => [address, of, service]));
    checkOneOf("name", name, [...names]);
    let sum = 0;
    for (const [place, count] of this.#attempts.entries()) {
      const { address, name: of, service } = places[place]!;
      if (address === name || of === name || service === name) sum += count;
    }
    return sum;
  }

  /** The part of all attempts that went there, from 0 to 1. @throws {RangeError} when there is nothing of this name. */
  shareOf(name: string): number {
    const attempts = this.attemptsAt(name);
    return attempts === 0 ? 0 : attempts / this.attempts;
  }

  /** The same as plain numbers. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { fromMs, untilMs, offered, succeeded, successRatio, goodputPerSecond, codes, reasons } = this;
    const { p50Ms, p99Ms, p999Ms, attempts, amplification } = this;
    const head = { fromMs, untilMs, offered, succeeded, successRatio, goodputPerSecond, p50Ms, p99Ms, p999Ms };
    const names = [...new Set(this.#source.places.map(({ name }) => name))];
    const shares = Object.fromEntries(names.map((name) => [name, this.shareOf(name)]));
    return { ...head, attempts, amplification, codes, reasons, shares };
  }

  get #attempts(): Uint32Array {
    if (this.#byPlace !== undefined) return this.#byPlace;
    const { recorder, places } = this.#source;
    const end = firstAt(recorder.attemptStart, this.untilMs);
    const counts = new Uint32Array(places.length);
    for (let i = firstAt(recorder.attemptStart, this.fromMs); i < end; i++) counts[recorder.attemptPlace.data[i]!]!++;
    return (this.#byPlace = counts);
  }

  get #outcomes(): Uint32Array {
    if (this.#byOutcome !== undefined) return this.#byOutcome;
    const { data } = this.#source.recorder.requestOutcome;
    const counts = new Uint32Array(256);
    for (let i = this.#first; i < this.#end; i++) counts[data[i]!]!++;
    return (this.#byOutcome = counts);
  }

  #named(what: "code" | "reason"): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [outcome, names] of this.#source.recorder.outcomes.entries()) {
      const count = this.#outcomes[outcome]!;
      if (count > 0) counts[names[what]] = (counts[names[what]] ?? 0) + count;
    }
    return counts;
  }

  #durations(onlyServed: boolean): Float64Array {
    const { requestStart, requestEnd, requestOutcome } = this.#source.recorder;
    const durations = new Float64Array(onlyServed ? this.succeeded : this.offered);
    let length = 0;
    for (let i = this.#first; i < this.#end; i++) {
      if (!onlyServed || requestOutcome.data[i] === OK) durations[length++] = at(requestEnd, i) - at(requestStart, i);
    }
    return durations.sort();
  }
}

function at({ data }: Column<Float64Array<ArrayBuffer>>, index: number): number {
  return data[index]!;
}

// The smallest value that at least the part `q` does not exceed.
function quantile(sorted: Float64Array, q: number): number {
  checkNumber("q", q, { min: 0, max: 1 });
  return sorted.length === 0 ? 0 : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}
