/**
 * A small model of callers and back-ends in virtual time, for tests of the balancer alone: arrivals at random, workers with a queue, no
 * retries.
 *
 * @module
 */
import { balancer, type BalanceEvent, type Balancer, type BalancerOptions } from "../index.ts";
import { seededRandom, type Clock, type Random } from "../../time/index.ts";

/** What a back-end does with a request at a time. */
export interface Behaviour {
  /** How long a worker is busy with it, in milliseconds. */
  readonly tookMs: number;
  readonly isFailure: boolean;
}

export interface Model {
  readonly backends: number;
  readonly workers: number;
  readonly perSecond: number;
  readonly forMs: number;
  /** Callers leave after this. */
  readonly timeoutMs: number;
  readonly seed: number;
  readonly behave: (backend: number, nowMs: number, random: Random) => Behaviour;
  readonly options?: Partial<BalancerOptions<number>>;
  /** Is called once with the balancer before the first request. */
  readonly before?: (made: Balancer<number>) => void;
}

export interface Call {
  readonly startMs: number;
  readonly backend: number;
  tookMs: number;
  ending: "success" | "failure" | "timeout";
}

export interface Result {
  readonly calls: readonly Call[];
  /** Requests for which there was no instance. */
  readonly refused: number;
  readonly events: readonly (readonly [number, BalanceEvent])[];
}

interface Happening {
  readonly atMs: number;
  readonly run: (nowMs: number) => void;
}

export function run(model: Model): Result {
  const random = seededRandom(model.seed);
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    date: () => nowMs,
    after: unused,
    expire: unused,
  };
  const events: (readonly [number, BalanceEvent])[] = [];
  const made = balancer<number>({
    from: Array.from({ length: model.backends }, (_, i) => `h${i}:1`),
    open: ({ id }) => Number(id.slice(1, -2)),
    clock,
    random: seededRandom(model.seed + 1000),
    onEvent: (event) => void events.push([nowMs, event]),
    ...model.options,
  });
  model.before?.(made);
  const agenda = new Agenda();
  const calls: Call[] = [];
  const busy = Array.from({ length: model.backends }, () => 0);
  const queues: ((nowMs: number) => void)[][] = busy.map(() => []);
  let refused = 0;

  function arrive(): void {
    const member = made.pick(nowMs);
    if (member === undefined) {
      refused++;
      return;
    }
    const backend = member.value;
    const call: Call = { startMs: nowMs, backend, tookMs: 0, ending: "timeout" };
    calls.push(call);
    member.begin(nowMs);
    let isOver = false;
    function over(ending: Call["ending"]): void {
      if (isOver) return;
      isOver = true;
      call.tookMs = nowMs - call.startMs;
      call.ending = ending;
      member!.end(call.startMs, nowMs, ending === "success" ? "success" : "failure");
    }
    agenda.add({ atMs: nowMs + model.timeoutMs, run: () => over("timeout") });
    function work(): void {
      const { tookMs, isFailure } = model.behave(backend, nowMs, random);
      busy[backend]!++;
      agenda.add({
        atMs: nowMs + tookMs,
        run() {
          over(isFailure ? "failure" : "success");
          busy[backend]!--;
          queues[backend]!.shift()?.(nowMs);
        },
      });
    }
    if (busy[backend]! < model.workers) work();
    else queues[backend]!.push(work);
  }

  for (let atMs = 0; atMs < model.forMs; atMs += (-Math.log(1 - random.fraction()) * 1000) / model.perSecond)
    agenda.add({ atMs, run: arrive });
  for (let next = agenda.take(); next !== undefined; next = agenda.take()) {
    nowMs = next.atMs;
    next.run(nowMs);
  }
  return { calls, refused, events };
}

/** A time that a lognormal distribution gives. */
export function lognormal(random: Random, medianMs: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
  return medianMs * Math.exp(sigma * normal);
}

export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(part * (values.length - 1))]!;
}

/** Events in the order of their time. */
class Agenda {
  readonly #heap: Happening[] = [];

  add(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= happening.atMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = happening;
  }

  take(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function unused(): never {
  throw new Error("a balancer sets no timer");
}
