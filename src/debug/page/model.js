// What is known: the catalogue, two minutes of numbers of every method, the last calls. The server sends what has been
// counted since its start; every rate here is a difference between two readings.

/** @typedef {{ layer: number, type?: string, [name: string]: string | number | boolean | undefined }} LayerState */
/**
 * @typedef {object} Numbers one method at one moment, counted since the start
 * @property {Record<string, number>} codes
 * @property {number} inFlight
 * @property {number} count
 * @property {number} seconds
 * @property {number[]} buckets
 * @property {number} requestBytes
 * @property {number} responseBytes
 * @property {LayerState[]} states
 */
/**
 * @typedef {object} MethodEntry a method as the catalogue has it
 * @property {string} service
 * @property {string} name
 * @property {string} kind
 * @property {boolean} idempotent
 * @property {number} timeoutMs
 * @property {{ reason: string, code: string }[]} errors
 * @property {object | undefined} request
 * @property {object | undefined} response
 * @property {unknown} example
 * @property {{ kind: string, text: string }[]} stack
 */
/** @typedef {{ tryIt: boolean, metrics: boolean, traces: boolean, methods: MethodEntry[] }} Catalogue */
/** @typedef {{ atMs: number, numbers: Numbers }} Sample */
/**
 * @typedef {object} Span
 * @property {string} service
 * @property {string} traceId
 * @property {string} spanId
 * @property {string} parentSpanId
 * @property {string} name
 * @property {"server" | "client" | "internal"} kind
 * @property {number} startUnixMs
 * @property {number} durationMs
 * @property {"unset" | "error"} status
 * @property {string} statusMessage
 * @property {Record<string, string | number | boolean>} attributes
 * @property {{ name: string, unixMs: number, attributes: Record<string, string | number | boolean> }[]} events
 */
/** @typedef {{ key: string, traceId: string, spans: Span[], lines: string[], root: Span, version: number }} Trace */
/** @typedef {{ ok: boolean, state?: string, parts?: Record<string, { ok: boolean, message?: string, durationMs?: number }> }} Health */
/**
 * @typedef {object} Tick what comes once a second
 * @property {number} nowMs
 * @property {number} dateMs
 * @property {number[]} [bounds]
 * @property {Health} [health]
 * @property {Record<string, Numbers>} methods
 * @property {Span[]} spans
 * @property {{ text: string, traceId: string }[]} lines
 * @property {number} skipped
 */

/** How many readings are kept: two minutes. */
export const KEPT = 121;
/** The window of the numbers in tables, in readings. */
export const WINDOW = 60;
const MAX_CALLS = 200;
const MAX_LOOSE = 100;
/** The most spans, and the most lines, of one call: whoever calls chooses its trace, and may choose one for all. */
const MAX_OF_CALL = 500;

/** Codes that are the server's own fault; any other error is its answer, its limit, or no method of it. */
const FAULTS = new Set(["unknown", "deadline_exceeded", "internal", "unavailable", "data_loss"]);

/** @param {string} code @returns {"ok" | "refused" | "fault"} */
export function kindOf(code) {
  return code === "ok" ? "ok" : FAULTS.has(code) ? "fault" : "refused";
}

/** One method, or all of them together. */
export class Series {
  /** @type {Sample[]} */
  samples = [];
  /** What the next reading will say. @type {Numbers | undefined} */
  next = undefined;

  /** @param {string} name @param {MethodEntry} [entry] */
  constructor(name, entry) {
    this.name = name;
    this.entry = entry;
  }

  /** @param {Sample} sample */
  push(sample) {
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
  }

  get now() {
    return this.samples.at(-1)?.numbers ?? NOTHING;
  }

  /** What happened within the last readings. @param {number} [readings] */
  recent(readings = WINDOW) {
    const last = this.samples.at(-1);
    const first = this.samples.at(-1 - Math.min(readings, this.samples.length - 1));
    return last === undefined || first === undefined ? difference(NO_SAMPLE, NO_SAMPLE) : difference(first, last);
  }

  /** Rates from reading to reading, oldest first. @returns {{ ok: number, refused: number, fault: number }[]} */
  rates() {
    const rates = [];
    for (let i = 1; i < this.samples.length; i++) {
      const { seconds, kinds } = difference(this.samples[i - 1] ?? NO_SAMPLE, this.samples[i] ?? NO_SAMPLE);
      rates.push({ ok: kinds.ok / seconds, refused: kinds.refused / seconds, fault: kinds.fault / seconds });
    }
    return rates;
  }
}

/** @type {Numbers} */
const NOTHING = {
  codes: {},
  inFlight: 0,
  count: 0,
  seconds: 0,
  buckets: [],
  requestBytes: 0,
  responseBytes: 0,
  states: [],
};
/** @type {Sample} */
const NO_SAMPLE = { atMs: 0, numbers: NOTHING };

/** @param {Sample} from @param {Sample} to */
function difference(from, to) {
  const [a, b] = [from.numbers, to.numbers];
  /** @type {Record<string, number>} */
  const codes = {};
  const kinds = { ok: 0, refused: 0, fault: 0 };
  for (const [code, value] of Object.entries(b.codes)) {
    const count = a === b ? 0 : Math.max(0, value - (a.codes[code] ?? 0));
    if (count > 0) codes[code] = count;
    kinds[kindOf(code)] += count;
  }
  const total = kinds.ok + kinds.refused + kinds.fault;
  const seconds = Math.max(0.001, (to.atMs - from.atMs) / 1000);
  const buckets = b.buckets.map((value, i) => (a === b ? 0 : Math.max(0, value - (a.buckets[i] ?? 0))));
  return { seconds, codes, kinds, total, perSecond: total / seconds, buckets };
}

/**
 * Where a share of the calls has ended, in milliseconds, estimated within its bucket; `isOver` when it lies above all
 * bounds, and is at least that long.
 * @param {readonly number[]} buckets @param {readonly number[]} bounds in seconds @param {number} share
 */
export function quantile(buckets, bounds, share) {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0 || bounds.length === 0) return undefined;
  let left = share * total;
  for (let i = 0; i < buckets.length; i++) {
    const count = buckets[i] ?? 0;
    if (left > count || count === 0) {
      left -= count;
      continue;
    }
    const low = i === 0 ? 0 : (bounds[i - 1] ?? 0);
    const high = bounds[i];
    if (high === undefined) return { ms: low * 1000, place: i + 0.5, isOver: true };
    const part = left / count;
    return { ms: (low + (high - low) * part) * 1000, place: i + part, isOver: false };
  }
  return undefined;
}

/** Everything the page shows. */
export class Model {
  /** @type {Catalogue} */
  catalogue = { tryIt: false, metrics: true, traces: true, methods: [] };
  /** @type {Map<string, Series>} */
  methods = new Map();
  all = new Series("all");
  /** @type {number[]} */
  bounds = [];
  /** @type {Health | undefined} */
  health = undefined;
  /** Newest first. @type {Trace[]} */
  calls = [];
  /** Lines of the log that belong to no call, newest last. @type {string[]} */
  loose = [];
  skipped = 0;
  /** @type {Map<string, Trace>} */
  #traces = new Map();
  #nowMs = -Infinity;

  /** @param {Catalogue} catalogue */
  begin(catalogue) {
    this.catalogue = catalogue;
    for (const entry of catalogue.methods) this.#series(`${entry.service}.${entry.name}`, entry);
  }

  /** @param {Tick} tick */
  take(tick) {
    // A clock that goes back is another process: what was counted before has nothing to do with it.
    if (tick.nowMs < this.#nowMs) this.#forget();
    this.#nowMs = tick.nowMs;
    this.bounds = tick.bounds ?? this.bounds;
    this.health = tick.health ?? this.health;
    for (const [name, numbers] of Object.entries(tick.methods)) this.#series(name).next = numbers;
    for (const series of this.methods.values()) {
      series.push({ atMs: tick.nowMs, numbers: /** @type {Numbers} */ (series.next ?? series.now) });
    }
    this.all.push({ atMs: tick.nowMs, numbers: this.#sum() });
    for (const span of tick.spans) this.#addSpan(span);
    for (const { text, traceId } of tick.lines) this.#addLine(text, traceId);
    this.skipped += tick.skipped;
  }

  #forget() {
    for (const series of this.methods.values()) {
      series.samples = [];
      series.next = undefined;
    }
    this.all.samples = [];
  }

  /** @param {string} name @param {MethodEntry} [entry] @returns {Series} */
  #series(name, entry) {
    let series = this.methods.get(name);
    if (series === undefined) this.methods.set(name, (series = new Series(name, entry)));
    return series;
  }

  #sum() {
    /** @type {Numbers} */
    const sum = { ...NOTHING, codes: {}, buckets: [] };
    for (const { now } of this.methods.values()) {
      for (const [code, count] of Object.entries(now.codes)) sum.codes[code] = (sum.codes[code] ?? 0) + count;
      now.buckets.forEach((count, i) => (sum.buckets[i] = (sum.buckets[i] ?? 0) + count));
      sum.inFlight += now.inFlight;
      sum.count += now.count;
      sum.requestBytes += now.requestBytes;
      sum.responseBytes += now.responseBytes;
    }
    return sum;
  }

  /** @param {Span} span */
  #addSpan(span) {
    const known = this.#traces.get(span.traceId);
    if (known !== undefined) {
      if (known.spans.length >= MAX_OF_CALL) return;
      known.spans.push(span);
      known.version++;
      if (isAbove(span, known.root)) known.root = span;
      return;
    }
    const trace = { key: span.traceId, traceId: span.traceId, spans: [span], lines: [], root: span, version: 0 };
    this.#traces.set(span.traceId, trace);
    this.calls.unshift(trace);
    if (this.calls.length > MAX_CALLS) this.#traces.delete(this.calls.pop()?.traceId ?? "");
  }

  /** @param {string} text @param {string} traceId */
  #addLine(text, traceId) {
    const trace = this.#traces.get(traceId);
    if (trace !== undefined) {
      if (trace.lines.length >= MAX_OF_CALL) return;
      trace.lines.push(text);
      trace.version++;
    } else if (traceId === "") {
      this.loose.push(text);
      if (this.loose.length > MAX_LOOSE) this.loose.shift();
    }
  }
}

/** @param {Span} one @param {Span} other whether `one` is rather the beginning of the trace. */
function isAbove(one, other) {
  if (one.spanId === other.parentSpanId) return true;
  if (other.spanId === one.parentSpanId) return false;
  const isServer = (/** @type {Span} */ span) => (span.kind === "server" ? 0 : 1);
  return (
    isServer(one) - isServer(other) < 0 || (isServer(one) === isServer(other) && one.startUnixMs < other.startUnixMs)
  );
}

/** @param {Trace} trace the outcome of its first call. */
export function outcomeOf({ root }) {
  return String(root.attributes["rpc.response.status_code"] ?? (root.status === "error" ? "unknown" : "ok"));
}
