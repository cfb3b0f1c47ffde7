/**
 * What happened, in columns of numbers: a million requests are a few arrays, and every question is asked afterwards.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";

/** The outcome of what is not over. */
const OPEN = 255;
/** The outcome of what succeeded. */
export const OK = 0;

type Numbers = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A column that grows. */
export class Column<T extends Numbers> {
  data: T;
  length = 0;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.data = make(1024);
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const grown = this.#make(this.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length++] = value;
  }
}

const float64 = (length: number): Float64Array<ArrayBuffer> => new Float64Array(length);
const int32 = (length: number): Int32Array<ArrayBuffer> => new Int32Array(length);
const uint8 = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length);

/** Requests and attempts, each in order of its beginning. */
export class Recorder {
  readonly requestStart: Column<Float64Array<ArrayBuffer>> = new Column(float64);
  readonly requestEnd: Column<Float64Array<ArrayBuffer>> = new Column(float64);
  readonly requestOutcome: Column<Uint8Array<ArrayBuffer>> = new Column(uint8);
  readonly attemptStart: Column<Float64Array<ArrayBuffer>> = new Column(float64);
  readonly attemptEnd: Column<Float64Array<ArrayBuffer>> = new Column(float64);
  readonly attemptOutcome: Column<Uint8Array<ArrayBuffer>> = new Column(uint8);
  /** Which request an attempt was made for; -1: for one of another service's. */
  readonly attemptRequest: Column<Int32Array<ArrayBuffer>> = new Column(int32);
  readonly attemptPlace: Column<Int32Array<ArrayBuffer>> = new Column(int32);
  /** What outcomes mean, by number: code and reason. */
  readonly outcomes: { readonly code: string; readonly reason: string }[] = [{ code: "ok", reason: "ok" }];
  readonly #numbers = new Map<string, number>();

  /** A request begins; its number. */
  request(nowMs: number): number {
    this.requestStart.push(nowMs);
    this.requestEnd.push(Infinity);
    this.requestOutcome.push(OPEN);
    return this.requestStart.length - 1;
  }

  requestEnded(request: number, nowMs: number, outcome: number): void {
    this.requestEnd.data[request] = nowMs;
    this.requestOutcome.data[request] = outcome;
  }

  /** An attempt begins; its number. */
  attempt(nowMs: number, request: number, place: number): number {
    this.attemptStart.push(nowMs);
    this.attemptEnd.push(Infinity);
    this.attemptOutcome.push(OPEN);
    this.attemptRequest.push(request);
    this.attemptPlace.push(place);
    return this.attemptStart.length - 1;
  }

  attemptEnded(attempt: number, nowMs: number, outcome: number): void {
    this.attemptEnd.data[attempt] = nowMs;
    this.attemptOutcome.data[attempt] = outcome;
  }

  /** The number of an error's outcome. Further ones than fit are counted as one. */
  outcomeOf({ code, reason }: Pick<ServiceError, "code" | "reason">): number {
    const name = `${code}/${reason}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.outcomes.length === OPEN - 1) return this.outcomeOf({ code: "unknown", reason: "unknown" });
    this.outcomes.push({ code, reason });
    this.#numbers.set(name, this.outcomes.length - 1);
    return this.outcomes.length - 1;
  }
}

/** Where in an ascending column the first value stands that is at least `value`. */
export function firstAt({ data, length }: Column<Float64Array<ArrayBuffer>>, value: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
