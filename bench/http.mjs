// POST /sum against the floors and the peers: every server restarted in every round, the rounds interleaved, so that a slow
// minute of the machine hits all alike. CPU time per answer first, since it holds when the machine is shared.
//
//   node http.mjs [--rounds 9] [--seconds 4] [--warm 2] [--only name,name]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { generatorVersion, load } from "./load.mjs";
import {
  answering,
  cpuMicros,
  freePort,
  has,
  here,
  keep,
  median,
  quantile,
  residentMb,
  start,
  stop,
} from "./measure.mjs";

const option = (name, value) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? value : process.argv[at + 1];
};
const rounds = Number(option("rounds", 9));
const seconds = Number(option("seconds", 4));
const warm = Number(option("warm", 2));

const node = (...args) => ({ command: process.execPath, args });
const servers = new Map([
  ["raw node:http", node("servers/raw.mjs")],
  ["raw, reads its headers", node("servers/raw.mjs", "headers")],
  ["Service Kit, everything on, sync", node("servers/ours.mjs", "sync")],
  ["Service Kit, everything on, async", node("servers/ours.mjs", "async")],
  ["fastify, same features, OpenTelemetry by hand", node("servers/fastify.mjs", "hand")],
  ["fastify, same features, auto-instrumented", node("servers/fastify.mjs", "auto")],
]);
const gokit = buildGokit();
if (gokit !== undefined)
  servers.set("Go kit, whole stack without tracing, one core", { command: gokit, args: [], env: { GOMAXPROCS: "1" } });

const only = option("only", "").split(",").filter(Boolean);
for (const name of servers.keys())
  if (only.length > 0 && !only.some((part) => name.includes(part))) servers.delete(name);

const runs = new Map([...servers.keys()].map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  // The order turns, so that nobody always follows the same neighbour.
  const names = [...servers.keys()];
  const order = names.map((_, i) => names[(i + round) % names.length]);
  for (const name of order) runs.get(name).push(await measure(name, servers.get(name)));
  console.log(
    `round ${round + 1} of ${rounds}: ${[...runs].map(([name, all]) => `${name} ${all.at(-1).cpu.toFixed(2)}`).join(" | ")}`,
  );
}

const ratios = (name, base, of) =>
  runs
    .get(name)
    .map((run, i) => (of === "cpu" ? runs.get(base)[i].cpu / run.cpu : run.perSecond / runs.get(base)[i].perSecond));
const rows = [...runs].map(([name, all]) => ({
  name,
  cpu: median(all.map(({ cpu }) => cpu)),
  perSecond: median(all.map(({ perSecond }) => perSecond)),
  idleMb: median(all.map(({ idleMb }) => idleMb)),
  loadedMb: median(all.map(({ loadedMb }) => loadedMb)),
  bad: all.reduce((sum, { bad }) => sum + bad, 0),
  against: Object.fromEntries(
    [...runs.keys()].map((base) => [
      base,
      {
        cpu: median(ratios(name, base, "cpu")),
        cpuLow: quantile(ratios(name, base, "cpu"), 0.25),
        perSecond: median(ratios(name, base, "perSecond")),
        perSecondLow: quantile(ratios(name, base, "perSecond"), 0.25),
      },
    ]),
  ),
}));
for (const { name, cpu, perSecond, against } of rows) {
  const { cpu: ratio, cpuLow, perSecond: throughput } = against["raw node:http"] ?? {};
  console.log(
    `${name.padEnd(48)} ${cpu.toFixed(2)} µs  ${perSecond.toFixed(0)}/s  ${ratio?.toFixed(3)}x (low ${cpuLow?.toFixed(3)}) throughput ${throughput?.toFixed(3)}x`,
  );
}
if (only.length === 0)
  keep("http", { rounds, seconds, generator: generatorVersion(), gokit: gokit !== undefined, rows });

async function measure(name, { command, args, env }) {
  const port = await freePort();
  const server = start(0, [command, ...args], {
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), ...env },
  });
  try {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1,"b":2}' };
    await answering(`http://127.0.0.1:${port}/sum`, { ...init, expect: '{"v":3}' });
    const idleMb = residentMb(server.pid);
    await load(port, warm);
    const before = cpuMicros(server.pid);
    const { answers, bad } = await load(port, seconds);
    const cpu = (cpuMicros(server.pid) - before) / answers;
    if (bad > answers / 1000) throw new Error(`${name}: ${bad} of ${answers} answers were no success`);
    return { cpu, perSecond: answers / seconds, idleMb, loadedMb: residentMb(server.pid), bad };
  } finally {
    await stop(server);
  }
}

/** Builds Go kit's stack where there is a Go toolchain; else says so, and its row is left out. */
function buildGokit() {
  const binary = `${here}results/.gokit`;
  if (!has("go")) return void console.log("no Go toolchain: Go kit's row is left out");
  mkdirSync(`${here}results`, { recursive: true });
  try {
    execFileSync("go", ["build", "-o", binary, "."], {
      cwd: `${here}gokit`,
      env: { ...process.env, GOFLAGS: "-mod=mod" },
      stdio: "inherit",
    });
  } catch {
    return void console.log("Go kit could not be built: its row is left out");
  }
  return existsSync(binary) ? binary : undefined;
}
