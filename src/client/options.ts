/**
 * What a client may be told.
 *
 * @module
 */
import type { MethodPolicy, Methods, Policy, Types, TypesIn } from "../contract/index.ts";
import type { Gate, MethodInfo, Middleware, Observe, StreamMiddleware } from "../endpoint/index.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { Tracer } from "../trace/index.ts";

/** Options of a client whose transport needs no address. */
export interface LocalClientOptions<M extends Methods> extends Policy {
  /** Left out: `ClientOptions` has it, for transports that need an address. */
  readonly from?: undefined;
  /** Writes a line for each call. Default: false, since the server's access log has one already. */
  readonly log?: Logger | false | undefined;
  /** Counts calls. Default: false: a registry that is not given would be scraped by nobody. */
  readonly metrics?: Registry | false | undefined;
  /** Gives each call a span of its own. Default: false: the trace of the context is passed on all the same. */
  readonly trace?: Tracer | false | undefined;
  /** Watch every call, inside the client's own observers. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
  /** Decide before anything is sent, in order; may add metadata to `context.reply`. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** Policies and middlewares by method. Default: none. */
  readonly methods?: ClientMethods<M> | undefined;
  /** Is told of what an observer threw. Default: the log, else a process warning. */
  readonly report?: ((error: unknown, method: MethodInfo) => void) | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Chooses where the round begins, so that many clients do not begin at the same instance. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** Options of a client. */
export interface ClientOptions<M extends Methods> extends Omit<LocalClientOptions<M>, "from"> {
  /** The instances to call: one URL or several. One that stands there twice gets twice the calls. */
  readonly from: string | readonly string[];
}

/** Policies and middlewares by method. A middleware here sees the request as the caller gave it. */
export type ClientMethods<M extends Methods> = {
  readonly [P in keyof M]?: Policy & {
    /** Wrap the call, outermost first. Default: none. */
    readonly use?: TypesIn<M[P]>["kind"] extends "server" | "bidi"
      ? readonly StreamMiddleware<Sent<TypesIn<M[P]>>>[]
      : readonly Middleware<Sent<TypesIn<M[P]>>>[];
  };
};

type Sent<X extends Types> = X["kind"] extends "client" | "bidi" ? AsyncIterable<X["reqIn"]> : X["reqIn"];

/** The names of the options. */
export const NAMES: readonly string[] = [
  ...["from", "timeoutMs", "limit", "breaker", "log", "metrics", "trace"],
  ...["observers", "gates", "methods", "report", "clock", "random"],
];

/** Options, the methods' types forgotten. */
export type AnyClientOptions = Omit<LocalClientOptions<Methods>, "from" | "methods"> & {
  readonly from?: string | readonly string[] | undefined;
  readonly methods?: Readonly<Record<string, MethodPolicy | undefined>> | undefined;
};
