// Request and reply over RabbitMQ: ours, and amqplib alone with one consumer of replies and no deadline. The responder on one
// core, the requester and the broker on the other, 64 in flight; both ends restarted in every round, the rounds interleaved. CPU
// time per call first.
//
//   AMQP_URL=amqp://guest:guest@127.0.0.1 node amqp.mjs [--rounds 7]
import { option } from "./compare.mjs";
import { cpuMicros, keep, median, quantile, start, stop } from "./measure.mjs";

const rounds = Number(option("rounds", 7));
const kinds = ["amqplib", "ours"];
if (process.env.AMQP_URL === undefined) throw new Error("AMQP_URL should be the address of a broker");
const env = { ...process.env, NODE_ENV: "production" };

const runs = new Map(kinds.map((kind) => [kind, []]));
for (let round = 0; round < rounds; round++) {
  // The order turns, so that nobody always follows the same neighbour.
  for (const kind of kinds.map((_, i) => kinds[(i + round) % kinds.length])) runs.get(kind).push(await run(kind));
  const texts = kinds.map((kind) => `${kind} ${runs.get(kind).at(-1).cpu.toFixed(2)}`);
  console.log(`round ${round + 1} of ${rounds}: ${texts.join(" | ")}`);
}

const rows = kinds.map((kind) => ({
  name: kind,
  cpu: median(runs.get(kind).map(({ cpu }) => cpu)),
  responder: median(runs.get(kind).map(({ responder }) => responder)),
  perSecond: median(runs.get(kind).map(({ perSecond }) => perSecond)),
}));
const ratios = (of) => runs.get("ours").map((one, i) => one[of] / runs.get("amqplib")[i][of]);
const against = Object.fromEntries(
  ["cpu", "responder", "perSecond"].map((of) => [of, { median: median(ratios(of)), low: quantile(ratios(of), 0.25) }]),
);
for (const { name, cpu, responder, perSecond } of rows)
  console.log(
    `${name.padEnd(8)} requester ${cpu.toFixed(2)} µs, responder ${responder.toFixed(2)} µs, ${Math.round(perSecond)}/s`,
  );
console.log(
  `ours against amqplib: requester ${against.cpu.median.toFixed(2)}x, responder ${against.responder.median.toFixed(2)}x the CPU, ${against.perSecond.median.toFixed(2)}x the round trips`,
);
keep("amqp", { rounds, rows, against });

async function run(kind) {
  const responder = start(0, [process.execPath, "servers/amqp.mjs", "responder", kind], { env });
  try {
    return await measured(kind, responder.pid);
  } finally {
    await stop(responder);
  }
}

async function measured(kind, pid) {
  const child = start(1, [process.execPath, "servers/amqp.mjs", "requester", kind], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let before;
  // Without start-up and the first calls: those are over when it has run for two of its six seconds.
  const warm = setTimeout(() => (before = cpuMicros(pid)), 3000);
  child.stdout.on("data", (chunk) => (text += chunk));
  const began = performance.now();
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(warm);
  if (code !== 0) throw new Error(`${kind} ended with ${code}`);
  const { cpu, perSecond } = JSON.parse(text);
  const seconds = (performance.now() - began - 3000) / 1000;
  return { cpu, perSecond, responder: (cpuMicros(pid) - before) / (perSecond * seconds) };
}
