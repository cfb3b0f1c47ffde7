/**
 * Checks a scenario once, so that a misspelt fault is an error and not a run without it.
 *
 * @module
 */
import { codes } from "../errors/index.ts";
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";
import { sampler } from "./latency.ts";
import type { Backend, FailingFault, Fault } from "./backend.ts";
import type { Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";

/** The service of back-ends that name none. */
export const SERVICE = "backend";

const SCENARIO = ["name", "seed", "durationMs", "warmupMs", "backends", "load", "clients", "client"];
const BACKEND = [
  ...["name", "service", "count", "workers", "queue", "maxQueue", "latency", "errors", "dropsCanceled", "faults"],
  ...["calls", "client", "server", "instance"],
];
const KINDS = ["slow", "capacity", "fail", "down", "hang", "stall", "unlisted", "marked"];
const LOAD = ["perSecond", "arrivals", "callers", "thinkMs", "timeoutMs", "idempotent", "keys", "service"];

const WORD = { pattern: /^[^\s]{1,100}$/, says: "a word" };

/** @throws {TypeError | RangeError} with the place, the rule and the value. */
export function checkScenario(scenario: Scenario): void {
  checkObject("scenario", scenario, SCENARIO);
  const { name, seed, durationMs, warmupMs, backends, load, clients, client } = scenario;
  if (name !== undefined) checkString("name", name);
  if (seed !== undefined) checkSeed(seed);
  checkNumber("durationMs", durationMs, { min: 1, max: 86_400_000 });
  checkNumber("warmupMs", warmupMs ?? 0, { min: 0, max: durationMs });
  checkNumber("clients", clients ?? 1, { min: 1, max: 10_000, integer: true });
  if (client !== false) checkMaker("client", client);
  checkList("backends", backends);
  const names = new Set<string>();
  for (const [i, backend] of backends.entries()) {
    checkBackend(`backends[${i}]`, backend);
    if (names.has(backend.name))
      throw new RangeError(`backends should each have a name of its own, got "${backend.name}" twice`);
    names.add(backend.name);
  }
  checkCalls(backends);
  const services = [...new Set(backends.map(({ service = SERVICE }) => service))];
  const loads: readonly Load[] = Array.isArray(load) ? (load as readonly Load[]) : [load as Load];
  checkList("load", loads);
  for (const [i, one] of loads.entries()) checkLoad(loads.length === 1 ? "load" : `load[${i}]`, one, services);
}

/** @throws {RangeError} when it is none. */
export function checkSeed(seed: unknown): number {
  return checkNumber("seed", seed, { min: 0, max: 0xffff_ffff, integer: true });
}

function checkBackend(where: string, backend: Backend): void {
  checkObject(where, backend, BACKEND);
  const { count, workers, queue, maxQueue, errors, faults, calls, client, server } = backend;
  checkString(`${where}.name`, backend.name, WORD);
  if (backend.service !== undefined) checkString(`${where}.service`, backend.service, WORD);
  checkNumber(`${where}.count`, count ?? 1, { min: 1, max: 10_000, integer: true });
  checkNumber(`${where}.workers`, workers ?? Infinity, {
    min: 1,
    integer: workers !== undefined && workers !== Infinity,
  });
  checkNumber(`${where}.maxQueue`, maxQueue ?? Infinity, { min: 0 });
  checkOneOf(`${where}.queue`, queue ?? "fifo", ["fifo", "lifo"]);
  sampler(`${where}.latency`, backend.latency ?? 10);
  if (errors !== undefined) {
    checkObject(`${where}.errors`, errors, ["ratio", "code"]);
    checkNumber(`${where}.errors.ratio`, errors.ratio, { min: 0, max: 1 });
    checkOneOf(`${where}.errors.code`, errors.code ?? "unavailable", codes);
  }
  if (calls !== undefined) checkList(`${where}.calls`, calls);
  checkMaker(`${where}.client`, client);
  checkMaker(`${where}.server`, server);
  if (faults === undefined) return;
  if (!Array.isArray(faults)) throw new TypeError(`${where}.faults should be a list, got ${shown(faults)}`);
  for (const [i, fault] of faults.entries()) checkFault(`${where}.faults[${i}]`, fault as Fault);
}

function checkFault(where: string, fault: Fault): void {
  checkObject(where, fault, ["name", "atMs", "untilMs", ...KINDS]);
  const { atMs = 0, untilMs = Infinity, slow, capacity, fail, marked, stall } = fault;
  checkNumber(`${where}.atMs`, atMs, { min: 0, max: 86_400_000 });
  checkNumber(`${where}.untilMs`, untilMs, { min: atMs });
  if (!KINDS.some((kind) => fault[kind as keyof Fault] !== undefined))
    throw new RangeError(`${where} should say what happens (${KINDS.join(", ")}), got none of these`);
  if (slow !== undefined) checkNumber(`${where}.slow`, slow, { min: 0, max: 1e6 });
  if (capacity !== undefined) checkNumber(`${where}.capacity`, capacity, { min: 0, max: 1 });
  if (marked !== undefined) checkOneOf(`${where}.marked`, marked, ["down", "draining"]);
  if (stall === true) checkNumber(`${where}.untilMs`, untilMs, { min: atMs, max: 86_400_000 });
  if (fail !== undefined) checkFail(`${where}.fail`, fail);
}

function checkFail(where: string, fail: FailingFault): void {
  checkObject(where, fail, ["code", "afterMs", "ratio"]);
  checkOneOf(`${where}.code`, fail.code ?? "unavailable", codes);
  checkNumber(`${where}.afterMs`, fail.afterMs ?? 0, { min: 0, max: 86_400_000 });
  checkNumber(`${where}.ratio`, fail.ratio ?? 1, { min: 0, max: 1 });
}

function checkLoad(where: string, load: Load, services: readonly string[]): void {
  checkObject(where, load, LOAD);
  const { perSecond, arrivals, callers, thinkMs, timeoutMs, keys, service } = load;
  if ((perSecond === undefined) === (callers === undefined))
    throw new RangeError(
      `${where} should have perSecond or callers, got ${callers === undefined ? "neither" : "both"}`,
    );
  if (typeof perSecond === "object") {
    checkList(`${where}.perSecond`, perSecond);
    let beforeMs = -1;
    for (const [i, step] of perSecond.entries()) {
      checkObject(`${where}.perSecond[${i}]`, step, ["atMs", "perSecond"]);
      beforeMs = checkNumber(`${where}.perSecond[${i}].atMs`, step.atMs, { min: beforeMs });
      checkNumber(`${where}.perSecond[${i}].perSecond`, step.perSecond, { min: 0, max: 1e6 });
    }
  } else if (perSecond !== undefined) checkNumber(`${where}.perSecond`, perSecond, { min: 0.001, max: 1e6 });
  checkOneOf(`${where}.arrivals`, arrivals ?? "poisson", ["poisson", "constant"]);
  checkNumber(`${where}.callers`, callers ?? 1, { min: 1, max: 100_000, integer: true });
  checkNumber(`${where}.thinkMs`, thinkMs ?? 1, { min: 0.1, max: 86_400_000 });
  checkNumber(`${where}.timeoutMs`, timeoutMs ?? 1, { min: 1, max: 86_400_000 });
  checkNumber(`${where}.keys`, keys ?? 1, { min: 1, max: 1e6, integer: true });
  if (service !== undefined) checkOneOf(`${where}.service`, service, services);
}

// A circle of calls would go on until every deadline has passed.
function checkCalls(backends: readonly Backend[]): void {
  const calls = new Map<string, Set<string>>();
  for (const { service = SERVICE, calls: called = [] } of backends)
    calls.set(service, new Set([...(calls.get(service) ?? []), ...called]));
  const visit = (service: string, way: readonly string[]): void => {
    if (way.includes(service))
      throw new RangeError(`calls should go in no circle, got ${[...way, service].join(" > ")}`);
    for (const next of calls.get(service) ?? []) {
      checkOneOf(`calls of ${service}`, next, [...calls.keys()]);
      visit(next, [...way, service]);
    }
  };
  for (const service of calls.keys()) visit(service, []);
}

function checkObject(where: string, value: object, names: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`${where} should be an object, got ${shown(value)}`);
  checkNames(where, value, names);
}

function checkList(where: string, value: readonly unknown[]): void {
  if (!Array.isArray(value) || value.length === 0)
    throw new TypeError(`${where} should be a list of at least one, got ${shown(value)}`);
}

function checkMaker(where: string, value: unknown): void {
  if (value === undefined || (typeof value === "object" && value !== null)) return;
  checkFunction(where, value);
}
