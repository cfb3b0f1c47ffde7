/**
 * A call's place in a trace that this process does not record: what nearly every call gets, so it holds five words and
 * makes its identifiers when somebody reads them.
 *
 * @module
 */
import type { Carrier, Trace } from "../endpoint/index.ts";
import type { Random } from "../time/index.ts";
import { DEBUG, RANDOM, SAMPLED } from "./headers.ts";
import type { TraceFormat, TraceHeaders } from "./headers.ts";
import { cleanState } from "./trace-state.ts";
import { flagsIn, readW3c, TRACEPARENT, TRACESTATE } from "./w3c.ts";

/** Where identifiers come from, and how they are written. */
export interface IdSource {
  readonly random: Random;
  readonly write: readonly TraceFormat[];
}

/** What a light trace goes on from: a message with a `traceparent` not looked into yet, a trace, or nothing. */
export type Origin = Carrier | TraceHeaders | undefined;

export class LightTrace implements Trace {
  readonly source: IdSource;
  #flags: number;
  readonly #from: Origin;
  #traceId: string | undefined = undefined;
  #spanId: string | undefined = undefined;

  constructor(source: IdSource, flags: number, from: Origin) {
    this.source = source;
    this.#flags = flags;
    this.#from = from;
  }

  get sampled(): boolean {
    return (this.#flags & SAMPLED) !== 0;
  }

  get random(): boolean {
    return (this.#flags & RANDOM) !== 0;
  }

  get debug(): boolean {
    return (this.#flags & DEBUG) !== 0;
  }

  get traceId(): string {
    return (this.#traceId ??= this.#inherited() ?? this.#fresh());
  }

  get spanId(): string {
    return (this.#spanId ??= this.source.random.hex(8));
  }

  get state(): string {
    const from = this.#from;
    if (from === undefined) return "";
    if (!isCarrier(from)) return from.state;
    return flagsIn(from.get(TRACEPARENT)) >= 0 ? cleanState(from.get(TRACESTATE)) : "";
  }

  /** What it goes on from, read in full; undefined when it begins a trace. For the few calls that somebody watches. */
  get origin(): TraceHeaders | undefined {
    const from = this.#from;
    return from !== undefined && isCarrier(from) ? readW3c(from) : from;
  }

  #inherited(): string | undefined {
    const from = this.#from;
    if (from === undefined) return undefined;
    if (!isCarrier(from)) return from.traceId === "" ? undefined : from.traceId;
    const header = from.get(TRACEPARENT);
    const flags = flagsIn(header);
    if (flags < 0) return undefined;
    this.#flags = flags;
    return header!.slice(3, 35);
  }

  #fresh(): string {
    this.#flags |= RANDOM;
    return this.source.random.hex(16);
  }
}

function isCarrier(from: Carrier | TraceHeaders): from is Carrier {
  return typeof (from as Partial<Carrier>).get === "function";
}

/** The flags that a child of `trace` has. */
export function flagsOf(trace: TraceHeaders): number {
  return (
    (trace.sampled === true ? SAMPLED : 0) | (trace.random === true ? RANDOM : 0) | (trace.debug === true ? DEBUG : 0)
  );
}
