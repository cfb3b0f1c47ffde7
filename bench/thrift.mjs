// Calls over Thrift: ours on both ends, with headers as by default and in plain frames, and the package `thrift` on both ends, in
// plain frames. Binary, 64 in flight on one connection, server on one core, client on the other; both restarted in every round,
// the rounds interleaved. CPU time per call first. Ours validates and has a deadline, the package has neither.
//
//   node thrift.mjs [--rounds 7] [--seconds 4]
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { thriftText } from "servicekit/transport/thrift";
import { option } from "./compare.mjs";
import { cpuMicros, freePort, has, here, keep, median, quantile, start, stop } from "./measure.mjs";
import { add } from "./servers/thrift-contract.mjs";

const rounds = Number(option("rounds", 7));
const seconds = Number(option("seconds", 4));
const kinds = ["thrift", "framed", "ours"];
const NAMES = { thrift: "thrift", framed: "Service Kit, plain frames", ours: "Service Kit" };
const generated = `${here}results/.thrift`;

if (!has("thrift")) throw new Error("the Thrift compiler is needed: apt-get install thrift-compiler");
mkdirSync(generated, { recursive: true });
const runs = new Map(kinds.map((kind) => [kind, []]));
try {
  writeFileSync(`${generated}/idl.thrift`, thriftText(add));
  // What the compiler makes are no ES modules, as all else here is.
  writeFileSync(`${generated}/package.json`, '{"type":"commonjs"}');
  execFileSync("thrift", ["--gen", "js:node,es6", "-out", generated, `${generated}/idl.thrift`], { stdio: "inherit" });
  for (let round = 0; round < rounds; round++) {
    // The order turns, so that nobody always follows the same neighbour.
    for (const kind of kinds.map((_, i) => kinds[(i + round) % kinds.length])) runs.get(kind).push(await run(kind));
    const texts = kinds.map((kind) => {
      const { cpu, server } = runs.get(kind).at(-1);
      return `${kind} ${cpu.toFixed(2)} + ${server.toFixed(2)}`;
    });
    console.log(`round ${round + 1} of ${rounds}: ${texts.join(" | ")}`);
  }
} finally {
  rmSync(generated, { recursive: true, force: true });
}

const ofKind = (kind, of) => runs.get(kind).map((one) => one[of]);
const rows = kinds.map((kind) => ({
  name: NAMES[kind],
  cpu: median(ofKind(kind, "cpu")),
  server: median(ofKind(kind, "server")),
  perSecond: median(ofKind(kind, "perSecond")),
  // The package's CPU time over this one's.
  against: Object.fromEntries(
    ["cpu", "server"].map((of) => {
      const ratios = runs.get(kind).map((one, i) => runs.get("thrift")[i][of] / one[of]);
      return [of, { median: median(ratios), low: quantile(ratios, 0.25) }];
    }),
  ),
}));
for (const { name, cpu, server, perSecond, against } of rows)
  console.log(
    `${name.padEnd(26)} client ${cpu.toFixed(2)} µs (${against.cpu.median.toFixed(2)}x thrift, low ${against.cpu.low.toFixed(2)}), server ${server.toFixed(2)} µs (${against.server.median.toFixed(2)}x, low ${against.server.low.toFixed(2)}), ${Math.round(perSecond)}/s`,
  );
keep("thrift", { rounds, seconds, rows });

async function run(kind) {
  const port = await freePort();
  const env = {
    ...process.env,
    NODE_ENV: "production",
    PORT: String(port),
    SECONDS: String(seconds),
    GENERATED: generated,
  };
  const server = start(0, [process.execPath, "servers/thrift.mjs", "server", kind], { env });
  try {
    await accepting(port);
    return await called(kind, server.pid, env);
  } finally {
    await stop(server);
  }
}

async function called(kind, pid, env) {
  const child = start(1, [process.execPath, "servers/thrift.mjs", "client", kind], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  // The first message says that the first calls are over.
  const warm = new Promise((resolve) => child.stdout.once("data", resolve)).then(() => cpuMicros(pid));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${kind} ended with ${code}`);
  const { cpu, perSecond, calls } = JSON.parse(text.trim());
  return { cpu, perSecond, server: (cpuMicros(pid) - (await warm)) / calls };
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
  throw new Error("the server does not listen");
}
