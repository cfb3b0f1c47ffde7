/**
 * What a client may be told.
 *
 * @module
 */
import type { BalancerOptions } from "../balance/index.ts";
import type {
  BudgetPolicy,
  HedgePolicy,
  MethodPolicy,
  Methods,
  Policy,
  RetryPolicy,
  Types,
  TypesIn,
} from "../contract/index.ts";
import type { InstanceInput, Source } from "../discovery/index.ts";
import type { Gate, MethodInfo, Middleware, Observe, StreamMiddleware } from "../endpoint/index.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import type { Budget } from "../resilience/index.ts";
import type { ClientEvent } from "./events.ts";
import type { Clock, Random } from "../time/index.ts";
import type { Tracer } from "../trace/index.ts";

/** The policies of a client's method, or of all of them. */
export interface ClientPolicy extends Policy {
  /**
   * Calls again at another instance: what never got anywhere whatever the method, what failed where the method is idempotent. Default: on,
   * three attempts in all; false: never.
   */
  readonly retry?: RetryPolicy | false | undefined;
  /** Asks a second instance while the first still works on it, where the method is idempotent. Default: off. */
  readonly hedge?: HedgePolicy | false | undefined;
}

/** How a client chooses among instances: the words of `balancer` in `servicekit/balance`. */
export type BalanceOptions = Pick<
  BalancerOptions<unknown>,
  "strategy" | "ejection" | "panicRatio" | "zone" | "subset" | "canary" | "slowStartMs"
>;

/** Options of a client whose transport needs no address. */
export interface LocalClientOptions<M extends Methods> extends ClientPolicy {
  /** Left out: `ClientOptions` has it, for transports that need an address. */
  readonly from?: undefined;
  /**
   * How much may be tried again, of all calls of this client: retries and hedges together. One that is given as a `Budget` may be shared with
   * other clients. Default: a tenth of the calls, and three a second; false: as much as the policies say.
   */
  readonly budget?: BudgetPolicy | Budget | false | undefined;
  /** How an instance is chosen, and when one is put out. Default: two at random, and of them the one with less to do and the faster answers. */
  readonly balance?: BalanceOptions | undefined;
  /**
   * Is told what happens to instances: listed, put out, back, their breakers. The log has it too. What it throws is dropped. Default:
   * nobody.
   */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
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
  /** Chooses among instances and spreads retries. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** Options of a client. */
export interface ClientOptions<M extends Methods> extends Omit<LocalClientOptions<M>, "from"> {
  /**
   * The instances to call: one address or several, or a source that knows them at every moment, such as `consul("add")`. An address that
   * stands there twice gets twice the calls.
   */
  readonly from: From;
}

/** Where a client's instances come from. */
export type From = string | InstanceInput | readonly (string | InstanceInput)[] | Source;

/** Policies and middlewares by method. A middleware here sees the request as the caller gave it. */
export type ClientMethods<M extends Methods> = {
  readonly [P in keyof M]?: ClientPolicy & {
    /** Decide for this method alone, after the client's own: a bulkhead toward the upstream. Default: none. */
    readonly gates?: readonly Gate[] | undefined;
    /** What consistent hashing goes by. Default: nothing, and an instance is chosen at random there. */
    readonly key?: ((request: Sent<TypesIn<M[P]>>) => string) | undefined;
    /** Wrap the call, outermost first. Default: none. */
    readonly use?: TypesIn<M[P]>["kind"] extends "server" | "bidi"
      ? readonly StreamMiddleware<Sent<TypesIn<M[P]>>>[]
      : readonly Middleware<Sent<TypesIn<M[P]>>>[];
  };
};

type Sent<X extends Types> = X["kind"] extends "client" | "bidi" ? AsyncIterable<X["reqIn"]> : X["reqIn"];

/** The names of the options. */
export const NAMES: readonly string[] = [
  ...[
    "from",
    "timeoutMs",
    "limit",
    "breaker",
    "retry",
    "hedge",
    "budget",
    "balance",
    "onEvent",
    "log",
    "metrics",
    "trace",
  ],
  ...["observers", "gates", "methods", "report", "clock", "random"],
];

/** The policies of one method, its types forgotten. */
export type AnyMethodOptions = ClientPolicy &
  MethodPolicy & { readonly key?: ((request: never) => string) | undefined };

/** Options, the methods' types forgotten. */
export type AnyClientOptions = Omit<LocalClientOptions<Methods>, "from" | "methods"> & {
  readonly from?: From | undefined;
  readonly methods?: Readonly<Record<string, AnyMethodOptions | undefined>> | undefined;
};
