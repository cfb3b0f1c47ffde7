// Compares servers that answer POST /sum: every server restarted in every round, the rounds interleaved, so that a slow
// minute of the machine hits all alike. CPU time per answer first, since it holds when the machine is shared.
import { load } from "./load.mjs";
import { answering, cpuMicros, freePort, median, quantile, residentMb, start, stop } from "./measure.mjs";

/** The value of `--name value` on the command line. */
export function option(name, value) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? value : process.argv[at + 1];
}

/** Rounds and seconds, as the command line says. */
export const plan = {
  rounds: Number(option("rounds", 9)),
  seconds: Number(option("seconds", 4)),
  warm: Number(option("warm", 2)),
};

/** Only the servers that `--only name,name` asks for; all of them without it. Returns whether some were left out. */
export function onlyAsked(servers) {
  const only = option("only", "").split(",").filter(Boolean);
  for (const name of servers.keys())
    if (only.length > 0 && !only.some((part) => name.includes(part))) servers.delete(name);
  return only.length > 0;
}

/** Runs them all; a row for each server, with its ratios against every other. */
export async function compare(servers, base) {
  const runs = new Map([...servers.keys()].map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    // The order turns, so that nobody always follows the same neighbour.
    const names = [...servers.keys()];
    const order = names.map((_, i) => names[(i + round) % names.length]);
    for (const name of order) runs.get(name).push(await measure(name, servers.get(name)));
    console.log(
      `round ${round + 1} of ${plan.rounds}: ${[...runs].map(([name, all]) => `${name} ${all.at(-1).cpu.toFixed(2)}`).join(" | ")}`,
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
    const { cpu: ratio, cpuLow, perSecond: throughput } = against[base] ?? {};
    console.log(
      `${name.padEnd(48)} ${cpu.toFixed(2)} µs  ${perSecond.toFixed(0)}/s  ${ratio?.toFixed(3)}x (low ${cpuLow?.toFixed(3)}) throughput ${throughput?.toFixed(3)}x`,
    );
  }
  return rows;
}

async function measure(name, { command, args, env }) {
  const port = await freePort();
  const server = start(0, [command, ...args], {
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), ...env },
  });
  try {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1,"b":2}' };
    await answering(`http://127.0.0.1:${port}/sum`, { ...init, expect: '{"v":3}' });
    const idleMb = residentMb(server.pid);
    await load(port, plan.warm);
    const before = cpuMicros(server.pid);
    const { answers, bad } = await load(port, plan.seconds);
    const cpu = (cpuMicros(server.pid) - before) / answers;
    if (bad > answers / 1000) throw new Error(`${name}: ${bad} of ${answers} answers were no success`);
    return { cpu, perSecond: answers / plan.seconds, idleMb, loadedMb: residentMb(server.pid), bad };
  } finally {
    await stop(server);
  }
}
