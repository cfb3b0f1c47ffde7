/**
 * Who asks: requests as they come, each recorded from its beginning to its end.
 *
 * @module
 */
import type { CallOptions } from "../contract/index.ts";
import { policyError, toServiceError, type ServiceError } from "../errors/index.ts";
import { TIMEOUT_MS } from "../endpoint/index.ts";
import type { Random, Timer } from "../time/index.ts";
import { SERVICE } from "./check-scenario.ts";
import type { SimulatedRequest } from "./contract.ts";
import { exponential } from "./latency.ts";
import { OK } from "./recorder.ts";
import type { Load, LoadStep } from "./load.ts";
import type { Remote, Simulation } from "./simulation.ts";
import type { Place } from "./transport.ts";
import type { Work } from "./site.ts";

/** Sends one request, and says how it ended. */
export type Ask = (request: SimulatedRequest, ended: (outcome: number) => void) => void;

/** The requests of one load. */
export class Callers {
  /** How many are not answered yet. */
  open = 0;
  readonly #simulation: Simulation;
  readonly #load: Load;
  readonly #random: Random;
  readonly #keys: readonly string[];
  readonly #ask: Ask;

  constructor(simulation: Simulation, load: Load) {
    this.#simulation = simulation;
    this.#load = load;
    this.#random = simulation.random();
    this.#keys = Array.from({ length: load.keys ?? 1 }, (_, i) => `key-${i}`);
    this.#ask = simulation.scenario.client === false ? plainly(simulation, load) : byClients(simulation, load);
    if (load.callers === undefined) this.#arrive(stepsOf(load.perSecond!), 0);
    else this.#circle(load.callers, load.thinkMs ?? 1);
  }

  #arrive(steps: readonly LoadStep[], step: number): void {
    const { time, scenario } = this.#simulation;
    const { perSecond } = steps[step]!;
    const endMs = Math.min(steps[step + 1]?.atMs ?? Infinity, scenario.durationMs);
    const isEven = this.#load.arrivals === "constant";
    const gapMs = (): number =>
      perSecond === 0 ? Infinity : (isEven ? 1000 : 1000 * exponential(this.#random)) / perSecond;
    const arrival = {
      expire: (): void => {
        this.#begin();
        next();
      },
    };
    // At a step chance begins anew: it has no memory.
    const next = (): void => {
      const waitMs = gapMs();
      if (time.now() + waitMs < endMs) time.expire(waitMs, arrival);
      else if (endMs < scenario.durationMs) time.at(endMs, { expire: () => this.#arrive(steps, step + 1) });
    };
    if (time.now() < steps[0]!.atMs) time.at(steps[0]!.atMs, { expire: next });
    else next();
  }

  #circle(callers: number, thinkMs: number): void {
    const { time, scenario } = this.#simulation;
    const again = (delayMs: number): void => {
      if (time.now() + delayMs < scenario.durationMs) time.after(delayMs, () => this.#begin(() => again(thinkMs)));
    };
    for (let i = 0; i < callers; i++) again(thinkMs * this.#random.fraction());
  }

  #begin(then?: () => void): void {
    const { time, recorder } = this.#simulation;
    const id = recorder.request(time.now());
    const key = this.#keys[this.#keys.length === 1 ? 0 : Math.floor(this.#random.fraction() * this.#keys.length)]!;
    this.open++;
    this.#ask({ id, key }, (outcome) => {
      this.open--;
      recorder.requestEnded(id, time.now(), outcome);
      then?.();
    });
  }
}

function stepsOf(perSecond: number | readonly LoadStep[]): readonly LoadStep[] {
  return typeof perSecond === "number" ? [{ atMs: 0, perSecond }] : perSecond;
}

function serviceOf({ scenario }: Simulation, load: Load): string {
  return load.service ?? scenario.backends[0]!.service ?? SERVICE;
}

function byClients(simulation: Simulation, load: Load): Ask {
  const { recorder } = simulation;
  const random = simulation.random();
  const remotes = simulation.remotes(serviceOf(simulation, load));
  const options: CallOptions | undefined = load.timeoutMs === undefined ? undefined : { timeoutMs: load.timeoutMs };
  const method = load.idempotent === false ? "write" : "read";
  return function ask(request, ended) {
    const remote: Remote = remotes[remotes.length === 1 ? 0 : Math.floor(random.fraction() * remotes.length)]!;
    remote[method](request, options).then(
      () => ended(OK),
      (error: unknown) => ended(recorder.outcomeOf(toServiceError(error))),
    );
  };
}

// In turn, and nothing in between: what arrives when its caller has left is no answer.
function plainly(simulation: Simulation, load: Load): Ask {
  const { recorder } = simulation;
  const { timeoutMs = TIMEOUT_MS } = load;
  const places = simulation.sitesOf(serviceOf(simulation, load)).map(({ address }) => simulation.places.get(address)!);
  const method = load.idempotent === false ? "write" : "read";
  const late = recorder.outcomeOf(policyError("deadline_exceeded"));
  let next = 0;
  return function ask(request, ended) {
    const place = places[next]!;
    next = next + 1 === places.length ? 0 : next + 1;
    const sent = new PlainlySent(simulation, place, { id: request.id, late, ended });
    sent.begin(method, request, timeoutMs);
  };
}

interface Ending {
  readonly id: number;
  readonly late: number;
  readonly ended: (outcome: number) => void;
}

class PlainlySent implements Work {
  isGone = false;
  readonly #simulation: Simulation;
  readonly #place: Place;
  readonly #ending: Ending;
  readonly #attempt: number;
  #isWaiting = true;
  #timer: Timer | undefined = undefined;

  constructor(simulation: Simulation, place: Place, ending: Ending) {
    const { recorder, time } = simulation;
    this.#simulation = simulation;
    this.#place = place;
    this.#ending = ending;
    this.#attempt = recorder.attempt(time.now(), ending.id, place.site.place);
  }

  begin(method: string, request: SimulatedRequest, timeoutMs: number): void {
    const { site, serving } = this.#place;
    this.#timer = this.#simulation.time.expire(timeoutMs, this);
    if (serving === undefined || site.condition.isDown || site.condition.hangs) site.accept(this);
    else serving.accept(method, { request, timeoutMs, attempt: 1, metadata: undefined }, this);
  }

  done(error: ServiceError | undefined): void {
    const { recorder, time } = this.#simulation;
    const outcome = error === undefined ? OK : recorder.outcomeOf(error);
    recorder.attemptEnded(this.#attempt, time.now(), outcome);
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#timer?.cancel();
    this.#ending.ended(outcome);
  }

  /** Its caller leaves. */
  expire(): void {
    this.#isWaiting = false;
    this.isGone = this.#place.site.backend.dropsCanceled === true;
    this.#ending.ended(this.#ending.late);
  }
}
