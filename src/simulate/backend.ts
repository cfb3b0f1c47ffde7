/**
 * Who answers in a simulation, and what befalls them, as plain data.
 *
 * @module
 */
import type { MethodPolicy } from "../contract/index.ts";
import type { InstanceHealth, InstanceInput } from "../discovery/index.ts";
import type { Gate, Observe } from "../endpoint/index.ts";
import type { Code } from "../errors/index.ts";
import type { Latency } from "./latency.ts";
import type { ClientData, World } from "./scenario.ts";

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
