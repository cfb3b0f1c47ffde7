/**
 * What a server transport is, and what it is given to serve.
 *
 * @module
 */
import type { MetricFamily } from "../metrics/index.ts";
import type { Clock } from "../time/index.ts";
import type { SpanData } from "../trace/index.ts";
import type { BoundMethod, BoundService } from "./bind.ts";

/** What a server transport serves: every service bound to its pipelines, and what a debug page may show. */
export interface App {
  readonly services: readonly BoundService[];
  /** Observes calls that fit no method. */
  readonly other: BoundMethod;
  readonly clock: Clock;
  /** Whether the process is alive, ready, started: one line of JSON each. */
  readonly health: HealthView;
  /** The metrics, in the form the scraper accepts; undefined when metrics are off. */
  readonly metrics:
    | ((accept: string | undefined) => { readonly contentType: string; readonly body: string })
    | undefined;
  /** The stacks of all methods, as text. */
  describe(): string;
  /** The metrics as data, for one who shows them. Default: none, when metrics are off. */
  readonly collect?: (() => readonly MetricFamily[]) | undefined;
  /** Shows the spans of some calls, sampled or not, while somebody watches. Default: none, when tracing is off. */
  readonly watchSpans?: Watch<SpanData> | undefined;
  /** Shows the lines of the log as they are written. Default: none, when the logger cannot. */
  readonly watchLines?: Watch<string> | undefined;
}

/** Looks on from now until the returned function is called. It costs nothing while nobody does. */
export type Watch<T> = (onEach: (one: T) => void) => () => void;

/** Health as transports answer it. */
export interface HealthView {
  live(): HealthAnswer | Promise<HealthAnswer>;
  ready(): HealthAnswer | Promise<HealthAnswer>;
  startup(): HealthAnswer | Promise<HealthAnswer>;
}

/** One health answer: for machines `ok`, for people the report. */
export interface HealthAnswer {
  readonly ok: boolean;
  readonly state?: string | undefined;
  readonly parts?: Readonly<Record<string, object>> | undefined;
}

/** A transport that serves, as a value: options are checked when it is made, ports opened when it is listened on. */
export interface ServerTransport {
  readonly name: string;
  /**
   * Opens the port and serves. Resolves when connections are accepted.
   *
   * @throws {Error} when the port cannot be opened, or a method cannot be served (names it).
   */
  listen(app: App): Promise<Listening>;
  readonly "~server": true;
}

/** A transport that serves now. */
export interface Listening {
  /** Where, e.g. `http://127.0.0.1:8081`; empty when it is mounted elsewhere. */
  readonly addresses: readonly string[];
  /**
   * Stops accepting, tells peers, and resolves when nothing is in flight any more. Unless somebody waits for the end, connections on which
   * a request may be on its way are left open for a moment, where the protocol has no other way to lose none.
   */
  drain(isAwaited?: boolean): Promise<void>;
  /** Cuts what is left and frees the port. */
  close(): Promise<void>;
}
