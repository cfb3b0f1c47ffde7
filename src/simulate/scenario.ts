/**
 * What is simulated, as plain data: back-ends, what befalls them, who calls them, and with which policies.
 *
 * @module
 */
import type { ClientOptions } from "../client/index.ts";
import type { MethodPolicy } from "../contract/index.ts";
import type { InstanceHealth, InstanceInput } from "../discovery/index.ts";
import type { Gate, Observe } from "../endpoint/index.ts";
import type { Code } from "../errors/index.ts";
import type { Clock, Random } from "../time/index.ts";
import type { SimulatedMethods } from "./contract.ts";
import type { Latency } from "./latency.ts";

/** Something to simulate. All times are milliseconds from the beginning. */
export interface Scenario {
  /** For people. Default: "scenario". */
  readonly name?: string | undefined;
  /** Where chance begins, an integer from 0: the same seed gives the same run, to the last digit. Default: 1. */
  readonly seed?: number | undefined;
  /** How long requests come. Calls that are open then are waited for. */
  readonly durationMs: number;
  /** So much of the beginning is left out of the totals. Default: 0. */
  readonly warmupMs?: number | undefined;
  /** Who answers, at least one. Those with `calls` call others in turn. */
  readonly backends: readonly Backend[];
  /** Who asks. */
  readonly load: Load | readonly Load[];
  /** How many clients share the load, each with what it has learned by itself. Default: 1. */
  readonly clients?: number | undefined;
  /**
   * The options of the clients, as `client()` takes them; a function, where they hold what needs a clock. false: no client
   * at all, requests go to the instances in turn and nothing stands between. Default: `client()`'s own defaults.
   */
  readonly client?: ClientData | ((world: World) => ClientData) | false | undefined;
}

/** Options of a simulated client: all of `client()`'s but what the simulation gives it. */
export type ClientData = Omit<ClientOptions<SimulatedMethods>, "from" | "clock" | "random">;

/** What policies inside a simulation are built with. */
export interface World {
  /** The simulated time. Whatever waits or measures takes this, or it would never move. */
  readonly clock: Clock;
  /** The simulated chance. */
  readonly random: Random;
  /** Which client or instance this is for, from 0. */
  readonly index: number;
}

/** Some instances of one kind. */
export interface Backend {
  /** The instance's address is this name, followed by `-1`, `-2`, … where there are several. */
  readonly name: string;
  /** What they serve. Default: "backend". */
  readonly service?: string | undefined;
  /** How many. Default: 1. */
  readonly count?: number | undefined;
  /** How many requests each works on at once. Default: any number. */
  readonly workers?: number | undefined;
  /** Who is next when a worker is free: who waits longest, or who came last. Default: "fifo". */
  readonly queue?: "fifo" | "lifo" | undefined;
  /** How many may wait; one more is answered `overloaded`. Default: any number. */
  readonly maxQueue?: number | undefined;
  /** How long a worker works on one request. Default: 10 ms. */
  readonly latency?: Latency | undefined;
  /** A part of the requests is worked on and then answered with an error. Default: none. */
  readonly errors?: { readonly ratio: number; readonly code?: Code | undefined } | undefined;
  /** Whether it takes a request whose caller has left out of its queue. Default: false: it works for nobody, as most do. */
  readonly dropsCanceled?: boolean | undefined;
  /** What befalls all of them. Default: nothing. */
  readonly faults?: readonly Fault[] | undefined;
  /** The services they call for each request, one after the other, when their own work is done. Default: none. */
  readonly calls?: readonly string[] | undefined;
  /** The options of their clients. Default: those of the scenario. */
  readonly client?: ClientData | ((world: World) => ClientData) | undefined;
  /** What stands before the work: gates, observers, middleware and policies of a real server. Default: nothing. */
  readonly server?: ServerData | ((world: World) => ServerData) | undefined;
  /** What a registry tells of them: weight, zone, priority, version. Default: nothing. */
  readonly instance?: Omit<InstanceInput, "address" | "id" | "health"> | undefined;
}

/** What stands before the work of a back-end. */
export interface ServerData extends MethodPolicy {
  /** Decide before the work, in order. Default: none. */
  readonly gates?: readonly Gate[] | undefined;
  /** Watch each call. Default: none. */
  readonly observers?: readonly Observe[] | undefined;
}

/** Something that befalls back-ends for a while. Several kinds may be named at once. */
export interface Fault {
  /** For people, in tables and plots. Default: its kind. */
  readonly name?: string | undefined;
  /** Default: from the beginning. */
  readonly atMs?: number | undefined;
  /** Default: to the end. */
  readonly untilMs?: number | undefined;
  /** Work takes so many times as long. */
  readonly slow?: number | undefined;
  /** This part of the workers is there, at least one. */
  readonly capacity?: number | undefined;
  /** Requests, or this part of them, are answered with an error at once, without work. */
  readonly fail?: FailingFault | undefined;
  /** Nobody is there: what was at work is lost, what comes cannot connect. */
  readonly down?: boolean | undefined;
  /** Requests are taken and never answered. */
  readonly hang?: boolean | undefined;
  /** The process stands still, and goes on later where it was. */
  readonly stall?: boolean | undefined;
  /** The registry does not know them. */
  readonly unlisted?: boolean | undefined;
  /** The registry says that they are not well, whether that is true or not. */
  readonly marked?: Exclude<InstanceHealth, "up"> | undefined;
}

/** How requests are answered by one that fails. */
export interface FailingFault {
  /** Default: "unavailable". */
  readonly code?: Code | undefined;
  /** How long that takes. Default: 0.5 ms. */
  readonly afterMs?: number | undefined;
  /** Which part of them, from 0 to 1. Default: 1. */
  readonly ratio?: number | undefined;
}

/** Requests that come. Either so many per second, whatever becomes of them, or from callers that wait for their answers. */
export interface Load {
  /** Requests per second, or how that changes over time. */
  readonly perSecond?: number | readonly LoadStep[] | undefined;
  /** By chance, as from many independent callers, or evenly. Default: "poisson". */
  readonly arrivals?: "poisson" | "constant" | undefined;
  /** So many callers, each of which asks again when it was answered. */
  readonly callers?: number | undefined;
  /** How long such a caller waits before it asks again, at least 0.1. Default: 1 ms. */
  readonly thinkMs?: number | undefined;
  /** How long a caller waits for its answer. Default: 3 s. */
  readonly timeoutMs?: number | undefined;
  /** Whether a request may be sent twice. Default: true. */
  readonly idempotent?: boolean | undefined;
  /** Each request has one of so many keys, by chance; see `client({ key })`. Default: 1. */
  readonly keys?: number | undefined;
  /** Whom they ask. Default: the service of the first back-end. */
  readonly service?: string | undefined;
}

/** From this moment on, so many per second. */
export interface LoadStep {
  readonly atMs: number;
  readonly perSecond: number;
}
