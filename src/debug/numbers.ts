/**
 * The numbers of every method, read from the metrics, and the states of its layers: as they stand at one moment, counted
 * since the start. Rates are differences, which whoever looks makes by looking twice.
 *
 * @module
 */
import type { LayerState } from "../endpoint/index.ts";
import type { MetricFamily, MetricPoint } from "../metrics/index.ts";
import type { App } from "../transport/index.ts";

/** One method at one moment. */
export interface MethodNumbers {
  /** Calls that ended, by outcome: "ok" or a code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly inFlight: number;
  /** How many ended, and how long they took together, in seconds. */
  readonly count: number;
  readonly seconds: number;
  /** Calls by duration: how many fell between two bounds, the last ones above all of them. */
  readonly buckets: readonly number[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The layers that have a state, by their place in the stack. */
  readonly states: readonly (LayerState & { readonly layer: number })[];
}

/** All methods at one moment. */
export interface Numbers {
  /** The bounds of the duration histograms, in seconds; undefined when metrics are off. */
  readonly bounds: readonly number[] | undefined;
  /** By `service.method`. */
  readonly methods: ReadonlyMap<string, MethodNumbers>;
}

type Draft = { -readonly [Name in keyof MethodNumbers]: MethodNumbers[Name] } & { codes: Record<string, number> };

/** Reads the numbers of an app. */
export function numbersOf(app: App): Numbers {
  const methods = new Map<string, Draft>();
  for (const { name, methods: bound } of app.services) {
    for (const [method, { layers }] of bound) {
      const states = layers.flatMap(({ state }, layer) => {
        const now = state === undefined ? undefined : stateNow(state);
        return now === undefined ? [] : [{ ...now, layer }];
      });
      methods.set(`${name}.${method}`, { ...nothing(), states });
    }
  }
  let bounds: readonly number[] | undefined;
  for (const family of app.collect?.() ?? []) {
    const add = READERS.find(([end]) => family.name.endsWith(end))?.[1];
    if (add === undefined) continue;
    if (family.kind === "histogram") bounds = family.bounds;
    for (const point of family.points) add(draftOf(methods, point), point);
  }
  return { bounds: app.collect && (bounds ?? []), methods };
}

// A layer of the user's: what it throws would end the process, since it is asked by a timer.
function stateNow(state: () => LayerState | undefined): LayerState | undefined {
  try {
    return state();
  } catch {
    return undefined;
  }
}

type Reader = (draft: Draft, point: MetricPoint) => void;

/** By the end of the name, since a registry may have a prefix. */
const READERS: readonly (readonly [end: MetricFamily["name"], read: Reader])[] = [
  [
    "rpc_server_requests_total",
    (draft, { labels, value }) => void (draft.codes = { ...draft.codes, [labels["code"] ?? "unknown"]: value }),
  ],
  [
    "rpc_server_request_duration_seconds",
    (draft, { count, sum, buckets }) => void Object.assign(draft, { count, seconds: sum, buckets }),
  ],
  ["rpc_server_requests_in_flight", (draft, { value }) => void (draft.inFlight = value)],
  ["rpc_server_request_bytes_total", (draft, { value }) => void (draft.requestBytes = value)],
  ["rpc_server_response_bytes_total", (draft, { value }) => void (draft.responseBytes = value)],
];

function draftOf(methods: Map<string, Draft>, { labels }: MetricPoint): Draft {
  const name = `${labels["service"]}.${labels["method"]}`;
  let draft = methods.get(name);
  // Calls that fit no method, and methods of another server that shares the registry.
  if (draft === undefined) methods.set(name, (draft = nothing()));
  return draft;
}

function nothing(): Draft {
  return { codes: {}, inFlight: 0, count: 0, seconds: 0, buckets: [], requestBytes: 0, responseBytes: 0, states: [] };
}
