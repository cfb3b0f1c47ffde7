/**
 * A simulated instance: workers, a queue before them, and what befalls them.
 *
 * @module
 */
import { bareError, policyError, type Code, type ServiceError } from "../errors/index.ts";
import type { VirtualTime } from "../internal/virtual-time.ts";
import type { Random } from "../time/index.ts";
import { changesOf, conditionAt, doneAt, stallsOf, type Condition } from "./faults.ts";
import { sampler, type Sampler } from "./latency.ts";
import type { Backend, Fault } from "./backend.ts";

/** A request as the work it makes. */
export interface Work {
  /** Whether nobody waits for it any more. */
  readonly isGone: boolean;
  /** It is answered. */
  done(error: ServiceError | undefined): void;
}

/** A call that the instance's own server has begun. */
export interface Carried {
  /** The instance is gone. */
  lost(): void;
}

/** How long an answer takes that needs no work, in milliseconds. */
const AT_ONCE_MS = 0.5;

/** What an instance is made with. */
export interface SiteOptions {
  readonly backend: Backend;
  readonly address: string;
  /** Its number among all instances. */
  readonly place: number;
  readonly time: VirtualTime;
  readonly random: Random;
}

/** One instance. */
export class Site {
  readonly address: string;
  readonly place: number;
  readonly backend: Backend;
  condition: Condition;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #sample: Sampler;
  readonly #workers: number;
  readonly #maxQueue: number;
  readonly #isLifo: boolean;
  readonly #stalls: readonly Fault[];
  readonly #errorRatio: number;
  readonly #error: ServiceError;
  /** Those at work or waiting, kept only where a fault may cut them all off. */
  readonly #inside: Set<Work> | undefined;
  /** Calls of its server, also while they wait for other services. */
  readonly #carried = new Set<Carried>();
  #waiting: Work[] = [];
  #first = 0;
  #busy = 0;
  #capacity: number;
  /** Grows when everything inside is lost: what was begun before is nobody's. */
  #life = 0;

  constructor({ backend, address, place, time, random }: SiteOptions) {
    const { workers = Infinity, maxQueue = Infinity, queue = "fifo", latency = 10, errors, faults = [] } = backend;
    this.address = address;
    this.place = place;
    this.backend = backend;
    this.#time = time;
    this.#random = random;
    this.#sample = sampler("latency", latency);
    this.#workers = workers;
    this.#maxQueue = maxQueue;
    this.#isLifo = queue === "lifo";
    this.#stalls = stallsOf(backend);
    this.#errorRatio = errors?.ratio ?? 0;
    this.#error = answered(errors?.code ?? "unavailable");
    this.#inside = faults.some(({ down }) => down === true) ? new Set() : undefined;
    this.condition = conditionAt(faults, 0);
    this.#capacity = workers;
    this.#turn();
    for (const ms of changesOf(backend)) time.at(ms, { expire: () => this.#turn() });
  }

  /** Takes a request, and answers it some time later. */
  accept(work: Work): void {
    const { isDown, hangs, fail } = this.condition;
    if (isDown) return this.#answer(work, policyError("unreachable"), AT_ONCE_MS);
    if (hangs) return;
    if (fail !== undefined && this.#random.fraction() < (fail.ratio ?? 1))
      return this.#answer(work, answered(fail.code ?? "unavailable"), fail.afterMs ?? AT_ONCE_MS);
    this.#inside?.add(work);
    if (this.#busy < this.#capacity) this.#start(work);
    else if (this.#waiting.length - this.#first < this.#maxQueue) this.#waiting.push(work);
    else this.#answer(work, bareError("too many calls are at work", OVERLOADED), AT_ONCE_MS);
  }

  /** Its server has begun a call; what it gives back is to be called at the end. */
  carry(call: Carried): () => void {
    this.#carried.add(call);
    return () => void this.#carried.delete(call);
  }

  /** A worker has done its work. */
  finished(work: Work, life: number): void {
    if (life !== this.#life) return;
    this.#busy--;
    this.#inside?.delete(work);
    this.#fill();
    work.done(this.#errorRatio > 0 && this.#random.fraction() < this.#errorRatio ? this.#error : undefined);
  }

  #start(work: Work): void {
    this.#busy++;
    const workMs = this.#sample(this.#random) * this.condition.slow;
    const nowMs = this.#time.now();
    const tookMs = this.#stalls.length === 0 ? workMs : doneAt(this.#stalls, nowMs, workMs) - nowMs;
    this.#time.expire(tookMs, new Job(this, work, this.#life));
  }

  #fill(): void {
    while (this.#busy < this.#capacity) {
      const work = this.#take();
      if (work === undefined) return;
      if (work.isGone) this.#inside?.delete(work);
      else this.#start(work);
    }
  }

  #take(): Work | undefined {
    const waiting = this.#waiting;
    if (this.#first === waiting.length) return undefined;
    if (this.#isLifo) return waiting.pop();
    const work = waiting[this.#first++]!;
    if (this.#first === waiting.length || this.#first > 4096) {
      this.#waiting = waiting.slice(this.#first);
      this.#first = 0;
    }
    return work;
  }

  #answer(work: Work, error: ServiceError, afterMs: number): void {
    this.#time.after(afterMs, () => {
      this.#inside?.delete(work);
      work.done(error);
    });
  }

  #turn(): void {
    const { isDown } = this.condition;
    this.condition = conditionAt(this.backend.faults ?? [], this.#time.now());
    this.#capacity = Math.max(1, Math.round(this.#workers * this.condition.capacity));
    if (this.condition.isDown && !isDown) this.#lose();
    this.#fill();
  }

  #lose(): void {
    this.#life++;
    this.#busy = 0;
    this.#waiting = [];
    this.#first = 0;
    const lost = [...this.#inside!];
    this.#inside!.clear();
    // First: what becomes of their work is nobody's then.
    for (const call of [...this.#carried]) call.lost();
    for (const work of lost) work.done(policyError("connection_lost"));
  }
}

const OVERLOADED = { code: "resource_exhausted", reason: "overloaded", origin: "peer" } as const;

/** Work in progress. */
class Job {
  readonly #site: Site;
  readonly #work: Work;
  readonly #life: number;

  constructor(site: Site, work: Work, life: number) {
    this.#site = site;
    this.#work = work;
    this.#life = life;
  }

  expire(): void {
    this.#site.finished(this.#work, this.#life);
  }
}

function answered(code: Code): ServiceError {
  return bareError("the simulated back-end fails", { code, origin: "peer" });
}
