// How many requests the simulator plays in a second: a million, through the client as it comes and through one with everything off.
import { scenario, simulate } from "servicekit/simulate";
import { keep, quantile } from "./measure.mjs";

const REQUESTS = 1_000_000;
const ROUNDS = 3;
const OFF = { retry: false, budget: false, breaker: false, balance: { ejection: false } };
const described = (client) =>
  scenario({
    durationMs: 100_000,
    backends: [{ name: "one", count: 20, workers: 20, latency: { medianMs: 10, sigma: 0.5 } }],
    load: { perSecond: REQUESTS / 100 },
    client,
  });
const cases = [
  ["everything off", described(OFF)],
  ["the client as it comes", described({})],
];
const samples = cases.map(() => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, [, one]] of cases.entries()) {
    const start = performance.now();
    const report = await simulate(one, { seed: round + 1 });
    samples[i].push((report.total.offered / (performance.now() - start)) * 1000);
  }
}
const rows = cases.map(([name], i) => ({ name, perSecond: quantile(samples[i], 0.5) }));
for (const { name, perSecond } of rows) console.log(`${name.padEnd(24)} ${Math.round(perSecond)} requests/s`);
keep("simulate", { requests: REQUESTS, rounds: ROUNDS, rows });
