// What each piece costs by itself, in nanoseconds over the bare loop: 50 methods, so that call sites are as varied as in a
// service, and every result used. The lower quartile of the rounds, since neighbours only ever add.
import { openSync, writeSync } from "node:fs";
import { ActiveCall, backgroundContext, fuse, settle } from "servicekit/endpoint";
import { accessLog, logger } from "servicekit/log";
import { redMetrics, registry } from "servicekit/metrics";
import { keyedBuckets, tokenBucket } from "servicekit/ratelimit";
import { circuitBreaker } from "servicekit/resilience";
import { traceCalls, tracer } from "servicekit/trace";
import { keep, quantile } from "./measure.mjs";

const METHODS = 50;
const CALLS = 200_000;
const ROUNDS = 21;
const infos = Array.from({ length: METHODS }, (_, i) => ({
  service: `service${i % 7}`,
  name: `method${i}`,
  kind: "unary",
  side: "server",
  idempotent: true,
  errors: [],
  timeoutMs: 3000,
}));
const nowhere = openSync("/dev/null", "w");
let sink = 0;

/** Times `run(i)` for every i; async when it returns a promise. */
async function time(run) {
  const first = run(0);
  const waits = first instanceof Promise;
  const start = process.hrtime.bigint();
  if (waits) for (let i = 0; i < CALLS; i++) sink += await run(i);
  else for (let i = 0; i < CALLS; i++) sink += run(i);
  return Number(process.hrtime.bigint() - start) / CALLS;
}

const cases = [];
/** A case and the base it stands on, timed in turn. */
const compare = (name, goal, ...[base, full]) => cases.push({ name, goal, base, full });

const handlers = infos.map((_, i) => (request) => request + i);
const asyncHandlers = infos.map((_, i) => async (request) => request + i);
const context = backgroundContext();
const call = (i) => handlers[i % METHODS](i, context);
const callAsync = (i) => asyncHandlers[i % METHODS](i, context);

// Five observers that each count, around a call.
class Counting {
  started = 0;
  ended = 0;
  start() {
    this.started++;
  }
  end(one) {
    this.ended += one.status;
  }
}
const calls = infos.map((info) => new ActiveCall(info, { startMs: 0, timeoutMs: 1 }));
const fused = infos.map(() =>
  fuse(
    Array.from({ length: 5 }, () => new Counting()),
    () => undefined,
  ),
);
const observed = fused.map((observer, m) => (request) => {
  observer.start(calls[m]);
  const result = handlers[m](request, context);
  observer.end(calls[m]);
  return result;
});
const observedAsync = fused.map((observer, m) => {
  const end = (value) => (observer.end(calls[m]), value);
  return (request) => {
    observer.start(calls[m]);
    return asyncHandlers[m](request, context).then(end, end);
  };
});
compare("five observers, sync", 30, call, (i) => observed[i % METHODS](i));
compare("five observers, async", 70, callAsync, (i) => observedAsync[i % METHODS](i));

// Five middlewares that each settle.
const settling = (next) => {
  const count = { n: 0 };
  const ok = (value) => (count.n++, value);
  const fail = (error) => {
    throw error;
  };
  return function settled(request, ctx) {
    return settle(() => next(request, ctx), ok, fail);
  };
};
const five = (handler) => settling(settling(settling(settling(settling(handler)))));
const wrapped = handlers.map(five);
const wrappedAsync = asyncHandlers.map(five);
compare("five settling middlewares, sync", 60, call, (i) => wrapped[i % METHODS](i, context));
compare("five settling middlewares, async", 250, callAsync, (i) => wrappedAsync[i % METHODS](i, context));

const guarded = handlers.map((handler) => circuitBreaker({ consecutive: 5 }).wrap(handler));
const guardedAsync = asyncHandlers.map((handler) => circuitBreaker({ consecutive: 5 }).wrap(handler));
compare("breaker closed, sync", 80, call, (i) => guarded[i % METHODS](i, context));
compare("breaker closed, async", 80, callAsync, (i) => guardedAsync[i % METHODS](i, context));

const counter = registry().counter({ name: "c", help: "c", labels: ["m"] });
const counters = infos.map(({ name }) => counter.with({ m: name }));
const histogram = registry().histogram({ name: "h", help: "h", labels: ["m"] });
const histograms = infos.map(({ name }) => histogram.with({ m: name }));
compare(
  "bound counter",
  2,
  (i) => i % METHODS,
  (i) => (counters[i % METHODS].inc(), 1),
);
compare(
  "bound histogram",
  10,
  (i) => i % METHODS,
  (i) => (histograms[i % METHODS].observe((i & 63) / 1000), 1),
);

const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" };
const incoming = { get: (name) => headers[name] };
const fresh = (i) => {
  const one = new ActiveCall(infos[i % METHODS], { startMs: 0, timeoutMs: 1, incoming });
  one.outcome = "ok";
  one.peer = "127.0.0.1";
  return one;
};
const traced = tracer({ service: "bench", ratio: 0.01, exporter: { export: () => undefined } });
const tracing = infos.map((info) => fuse([traceCalls(traced)(info)], () => undefined));
compare(
  "trace, unsampled",
  20,
  (i) => fresh(i).startMs,
  (i) => {
    const one = fresh(i);
    tracing[i % METHODS].start(one);
    tracing[i % METHODS].end(one);
    return one.startMs;
  },
);

const lines = logger({ format: "json", write: (text) => void writeSync(nowhere, text) });
const logging = infos.map((info) => fuse([accessLog(lines)(info)], () => undefined));
compare(
  "access line with its share of the flush",
  300,
  (i) => fresh(i).startMs,
  (i) => {
    const one = fresh(i);
    logging[i % METHODS].start(one);
    logging[i % METHODS].end(one);
    return one.startMs;
  },
);

const red = registry();
const counting = infos.map((info) => fuse([redMetrics(red)(info)], () => undefined));
compare(
  "RED metrics",
  undefined,
  (i) => fresh(i).startMs,
  (i) => {
    const one = fresh(i);
    counting[i % METHODS].start(one);
    counting[i % METHODS].end(one);
    return one.startMs;
  },
);

const buckets = infos.map(() => tokenBucket({ perSecond: 1e9, burst: 1e9 }));
compare(
  "token bucket",
  60,
  (i) => i % METHODS,
  (i) => (buckets[i % METHODS].take() ? 1 : 0),
);
const keyed = keyedBuckets({ perSecond: 1e9, burst: 1e9 });
const keys = infos.map((_, i) => `10.0.0.${i}`);
compare(
  "token bucket, keyed",
  60,
  (i) => keys[i % METHODS].length,
  (i) => (keyed.take(keys[i % METHODS]) ? 1 : 0),
);

const rows = [];
for (const { name, goal, base, full } of cases) {
  await time(base);
  await time(full);
  const over = [];
  for (let round = 0; round < ROUNDS; round++) {
    const floor = await time(base);
    over.push((await time(full)) - floor);
  }
  rows.push({ name, goal, ns: Math.max(0, quantile(over, 0.25)), median: Math.max(0, quantile(over, 0.5)) });
  console.log(
    `${name.padEnd(44)} ${rows.at(-1).ns.toFixed(1).padStart(7)} ns (median ${rows.at(-1).median.toFixed(1)}), goal ${goal ?? "none"}`,
  );
}
if (Number.isNaN(sink)) throw new Error("the results were not used");
keep("micro", { methods: METHODS, calls: CALLS, rounds: ROUNDS, rows });
process.exit(0);
