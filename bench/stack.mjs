// What the default stack of a client adds to a call, in nanoseconds: deadline, budgeted retry, a breaker for each of ten instances, p2c by
// latency and load, outlier ejection; 50 methods. Over the same asynchronous call with all that off, by a transport that hands messages over
// as they are.
import { service, method } from "servicekit";
import { client, close } from "servicekit/client";
import { keep, quantile } from "./measure.mjs";

const METHODS = 50;
const INSTANCES = 10;
const CALLS = 100_000;
const ROUNDS = 21;

/** A schema that lets everything pass: what is measured is not validation. */
const any = { "~standard": { version: 1, vendor: "bench", validate: (value) => ({ value }) } };
const names = Array.from({ length: METHODS }, (_, i) => `method${i}`);
const bench = service(
  "bench",
  Object.fromEntries(names.map((name) => [name, method({ request: any, response: any, idempotent: true })])),
);

const answer = { v: 1 };
const senders = new Map(names.map((name) => [name, async () => answer]));
/** The same asynchronous function behind each instance. */
const transport = {
  name: "same",
  "~client": true,
  open: () => ({
    unary: (name) => senders.get(name),
    stream: () => undefined,
    close: async () => undefined,
  }),
};
const from = Array.from({ length: INSTANCES }, (_, i) => `10.0.0.${i + 1}:8081`);
const off = { retry: false, breaker: false, budget: false, balance: { ejection: false } };

const functions = (remote) => names.map((name) => remote[name]);
const direct = names.map((name) => senders.get(name));
const bare = client(bench, transport, { from: from.slice(0, 1), ...off });
const whole = client(bench, transport, { from });
const hedged = client(bench, transport, { from, hedge: {} });

const cases = [
  ["the function alone", direct],
  ["a client with everything off, one instance", functions(bare)],
  ["the default client, ten instances", functions(whole)],
  ["the same with a hedge", functions(hedged)],
];

async function time(list) {
  const request = { a: 1 };
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) await list[i % METHODS](request);
  return Number(process.hrtime.bigint() - start) / CALLS;
}

const samples = cases.map(() => []);
for (let round = 0; round < ROUNDS; round++)
  for (const [i, [, list]] of cases.entries()) samples[i].push(await time(list));

const low = samples.map((one) => quantile(one, 0.25));
const rows = cases.map(([name], i) => ({ name, ns: low[i], over: low[i] - low[0] }));
for (const { name, ns, over } of rows)
  console.log(`${name.padEnd(48)} ${ns.toFixed(0).padStart(6)} ns  +${over.toFixed(0)}`);
keep("stack", { rounds: ROUNDS, calls: CALLS, methods: METHODS, instances: INSTANCES, goal: 500, rows });
for (const one of [bare, whole, hedged]) await close(one);
