// Start-up: from spawn until the first connection is accepted, and the memory at rest, against bare node:http.
import { cpuMicros, freePort, keep, median, residentMb, start, stop } from "./measure.mjs";
import { connect } from "node:net";

const rounds = 15;
const programs = new Map([
  ["bare node:http", { args: ["servers/raw.mjs"] }],
  ["server door, one method, no schema library", { args: ["servers/bare-door.mjs"] }],
  ["the add service with zod", { args: ["../build/examples/addsvc/main.js"], flags: true }],
]);

const runs = new Map([...programs.keys()].map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, program] of programs) runs.get(name).push(await measure(program));
}
const rows = [...runs].map(([name, all]) => ({
  name,
  ms: median(all.map(({ ms }) => ms)),
  cpuMs: median(all.map(({ cpuMs }) => cpuMs)),
  mb: median(all.map(({ mb }) => mb)),
}));
for (const { name, ms, cpuMs, mb } of rows)
  console.log(`${name.padEnd(46)} ${ms.toFixed(0)} ms (${cpuMs.toFixed(0)} ms CPU), ${mb.toFixed(1)} MB idle`);
keep("loading", { rounds, rows });

async function measure({ args, flags }) {
  const port = await freePort();
  const others = flags ? [await freePort(), await freePort()] : [];
  const more = flags
    ? [
        "-http-addr",
        `127.0.0.1:${port}`,
        "-debug.addr",
        `127.0.0.1:${others[0]}`,
        "-jsonrpc-addr",
        `127.0.0.1:${others[1]}`,
      ]
    : [];
  const begun = performance.now();
  const child = start(0, [process.execPath, ...args, ...more], { env: { ...process.env, PORT: String(port) } });
  try {
    while (!(await accepts(port))) await new Promise((resolve) => setTimeout(resolve, 1));
    const ms = performance.now() - begun;
    const cpuMs = cpuMicros(child.pid) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 400));
    return { ms, cpuMs, mb: residentMb(child.pid) };
  } finally {
    await stop(child);
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
