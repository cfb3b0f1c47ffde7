// Request and reply over NATS: ours, the package's own request(), Moleculer. The responder on one core, the requester and
// nats-server on the other, 64 in flight; every program restarted in every round, the rounds interleaved. CPU time per call
// first.
//
//   node nats.mjs [--rounds 7]
import { connect } from "node:net";
import { option } from "./compare.mjs";
import { cpuMicros, freePort, has, keep, median, quantile, start, stop } from "./measure.mjs";

const rounds = Number(option("rounds", 7));
const kinds = option("only", "request,moleculer,ours").split(",");
if (!has("nats-server")) throw new Error("nats-server is needed: apt-get install nats-server");

const runs = new Map(kinds.map((kind) => [kind, []]));
for (let round = 0; round < rounds; round++) {
  // The order turns, so that nobody always follows the same neighbour.
  for (const kind of kinds.map((_, i) => kinds[(i + round) % kinds.length])) runs.get(kind).push(await run(kind));
  console.log(
    `round ${round + 1} of ${rounds}: ${kinds.map((kind) => `${kind} ${runs.get(kind).at(-1).cpu.toFixed(2)}`).join(" | ")}`,
  );
}

const ratios = (kind, base, of) =>
  runs
    .get(kind)
    .map((one, i) => (of === "perSecond" ? one[of] / runs.get(base)[i][of] : runs.get(base)[i][of] / one[of]));
const rows = kinds.map((kind) => ({
  name: kind,
  cpu: median(runs.get(kind).map(({ cpu }) => cpu)),
  responder: median(runs.get(kind).map(({ responder }) => responder)),
  perSecond: median(runs.get(kind).map(({ perSecond }) => perSecond)),
  against: Object.fromEntries(
    kinds.map((base) => [
      base,
      Object.fromEntries(
        ["cpu", "responder", "perSecond"].map((of) => [
          of,
          { median: median(ratios(kind, base, of)), low: quantile(ratios(kind, base, of), 0.25) },
        ]),
      ),
    ]),
  ),
}));
for (const { name, cpu, responder, perSecond, against } of rows) {
  const ratioTexts = Object.entries(against)
    .filter(([base]) => base !== name)
    .map(([base, { perSecond: all }]) => `${all.median.toFixed(2)}x ${base} (low ${all.low.toFixed(2)})`);
  console.log(
    `${name.padEnd(10)} requester ${cpu.toFixed(2)} µs, responder ${responder.toFixed(2)} µs, ${Math.round(perSecond)}/s, ${ratioTexts.join(", ")}`,
  );
}
if (option("only", "") === "") keep("nats", { rounds, rows });

async function run(kind) {
  const port = await freePort();
  const env = { ...process.env, NODE_ENV: "production", NATS_URL: `nats://127.0.0.1:${port}` };
  const server = start(1, ["nats-server", "-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  try {
    await accepting(port);
    const responder = start(0, [process.execPath, "servers/nats.mjs", "responder", kind], { env });
    try {
      return await measured(kind, responder.pid, env);
    } finally {
      await stop(responder);
    }
  } finally {
    await stop(server);
  }
}

async function measured(kind, pid, env) {
  const child = start(1, [process.execPath, "servers/nats.mjs", "requester", kind], {
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

async function accepting(port) {
  for (let tries = 0; tries < 200; tries++) {
    const isThere = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("nats-server does not listen");
}
