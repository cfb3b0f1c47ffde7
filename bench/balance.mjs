// What a pick costs with each strategy among ten and among ten thousand instances, in nanoseconds of CPU over a bare loop; what it
// leaves for the collector; and what a change of 100 instances in 10,000 costs. Candidates take turns within each round, and the lower
// quartile counts, since neighbours only ever add.
//
//   node --expose-gc balance.mjs
import {
  balancer,
  consistentHash,
  leastRequest,
  p2c,
  random,
  roundRobin,
  sticky,
  weightedRandom,
  weightedRoundRobin,
} from "servicekit/balance";
import { instance } from "servicekit/discovery";
import { keep, quantile } from "./measure.mjs";

const ROUNDS = 31;
const CALLS = 100_000;
const SIZES = [10, 10_000];
const KEYS = Array.from({ length: 1024 }, (_, i) => `user ${i}`);

/** Goals in nanoseconds, where there are any. */
const strategies = [
  { strategy: p2c(), goal: 40 },
  { strategy: p2c(), title: "p2c, begin and end too" },
  { strategy: p2c(), title: "p2c, uneven weights", isUneven: true },
  { strategy: leastRequest() },
  { strategy: roundRobin() },
  { strategy: random() },
  { strategy: weightedRoundRobin(), isUneven: true },
  { strategy: weightedRandom(), isUneven: true },
  { strategy: consistentHash(), isKeyed: true },
  { strategy: consistentHash({ kind: "maglev" }), isKeyed: true },
  { strategy: consistentHash({ kind: "jump" }), isKeyed: true },
  { strategy: sticky(), isKeyed: true },
];

let sink = 0;
const nowMs = 100;
const list = (size, isUneven) =>
  Array.from({ length: size }, (_, i) => ({ address: `h${i}:1`, weight: isUneven ? 1 + (i % 3) : 1 }));

function made({ strategy, isUneven }, size) {
  const one = balancer({ from: list(size, isUneven), open: ({ id }) => id.length, strategy, ejection: false });
  for (const [i, member] of one.members.entries()) {
    member.begin(0);
    member.end(0, 50 + (i % 50), "success");
  }
  return one;
}

const cases = strategies.flatMap((entry) =>
  SIZES.map((size) => {
    const one = made(entry, size);
    const { title = entry.strategy.text } = entry;
    const picks = () => one.pick(nowMs).value;
    const keyed = (i) => one.pick(nowMs, KEYS[i & 1023]).value;
    const calls = () => {
      const member = one.pick(nowMs);
      member.begin(nowMs);
      member.end(nowMs - 50, nowMs, "success");
      return 1;
    };
    const run = title.includes("begin") ? calls : entry.isKeyed ? keyed : picks;
    return { title, size, goal: entry.goal, run, rounds: [] };
  }),
);

function time(run) {
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i++) sink += run(i);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / CALLS;
}

const floor = (i) => KEYS[i & 1023].length;
for (const { run } of cases) time(run);
for (let round = 0; round < ROUNDS; round++) {
  const bare = time(floor);
  for (const one of cases) one.rounds.push(time(one.run) - bare);
}

/** Bytes left behind by a pick: 0 but for the noise of measuring. */
function allocated(run) {
  const least = [];
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) sink += run(i);
    least.push((process.memoryUsage().heapUsed - before) / CALLS);
  }
  return Math.max(0, Math.min(...least));
}

const rows = cases.map(({ title, size, goal, run, rounds }) => ({
  title,
  size,
  goal,
  ns: Math.max(0, quantile(rounds, 0.25)),
  median: Math.max(0, quantile(rounds, 0.5)),
  bytes: allocated(run),
}));
for (const { title, size, ns, median, bytes } of rows)
  console.log(
    `${title.padEnd(36)} ${String(size).padStart(6)} ${ns.toFixed(1).padStart(7)} ns (median ${median.toFixed(1)}), ${bytes.toFixed(2)} bytes`,
  );

// 50 go and 50 come, there and back.
const updates = strategies
  .filter(({ title }) => title === undefined)
  .map(({ strategy }) => {
    const all = Array.from({ length: 10_050 }, (_, i) => instance(`h${i}:1`));
    const [first, last] = [all.slice(0, 50), all.slice(10_000)];
    let listener;
    const listing = { instances: all.slice(0, 10_000), state: "fresh", error: undefined, updatedMs: 0 };
    const source = {
      name: "bench",
      listing,
      subscribe: (listen) => ((listener = listen), { cancel() {} }),
      ready: () => Promise.resolve(listing),
      find: () => undefined,
      explain: () => [],
      "~source": true,
    };
    const one = balancer({ from: source, open: ({ id }) => id.length, strategy });
    const times = [];
    // What is made anew lazily, or at most so often, is paid with the first pick that needs it: one with a key, a second after the last.
    let atMs = nowMs;
    sink += one.pick(atMs, KEYS[0]).value;
    for (let round = 0; round < 60; round++) {
      const [added, removed] = round % 2 === 0 ? [last, first] : [first, last];
      atMs += 1000;
      const start = performance.now();
      listener({ listing, added, removed, changed: [] });
      sink += one.pick(atMs, KEYS[round]).value;
      times.push(performance.now() - start);
    }
    return { title: strategy.text, ms: quantile(times, 0.25), median: quantile(times, 0.5) };
  });
for (const { title, ms, median } of updates)
  console.log(
    `100 changes in 10,000, ${title.padEnd(36)} ${ms.toFixed(3).padStart(8)} ms (median ${median.toFixed(3)})`,
  );
if (Number.isNaN(sink)) throw new Error("the results were not used");
keep("balance", { rounds: ROUNDS, calls: CALLS, rows, updates });
