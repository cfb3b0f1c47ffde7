// What every benchmark here shares: programs pinned to a core, CPU time as the kernel counts it, medians and ratios.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL(".", import.meta.url));

/** Whether a command is on the PATH. */
export function has(command) {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const pins = has("taskset") && cpus().length > 1;

/** Starts a program on one core: servers on 0, load on 1. */
export function start(core, [command, ...args], options = {}) {
  const [program, ...rest] = pins ? ["taskset", "-c", String(core), command, ...args] : [command, ...args];
  return spawn(program, rest, { cwd: here, stdio: ["ignore", "ignore", "inherit"], ...options });
}

/** Ends a program that `start` started. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** CPU time of a process so far, user and system, in microseconds. */
export function cpuMicros(pid) {
  // Nanoseconds on the CPU of all threads; /proc/pid/stat counts in ticks of 10 ms.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(stat[11]) + Number(stat[12])) * 10_000;
}

/** Resident memory of a process in MB. */
export function residentMb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

export async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Asks again until the answer comes. */
export async function answering(url, { expect, ...init }) {
  const tries = 200;
  for (let i = 0; i < tries; i++) {
    try {
      const answer = await fetch(url, init);
      const text = await answer.text();
      if (text.trim() === expect) return;
      throw new Error(`${url} answered ${answer.status} ${text}`);
    } catch (error) {
      if (i === tries - 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

/** The value below which a part of the numbers lies. */
export function quantile(numbers, part) {
  const all = sorted(numbers);
  const at = (all.length - 1) * part;
  const low = Math.floor(at);
  return all[low] + ((all[low + 1] ?? all[low]) - all[low]) * (at - low);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** Keeps the results of one benchmark for the page. */
export function keep(name, results) {
  mkdirSync(`${here}results`, { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
    load: loadavg()[0].toFixed(2),
  };
  writeFileSync(
    `${here}results/${name}.json`,
    `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), machine, ...results }, null, 1)}\n`,
  );
}
