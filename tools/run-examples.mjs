// Runs every example as its user would, from build/ against dist/, and compares what it prints with the transcript beside
// its source. Go kit's examples rotted elsewhere; ours may not.
//
// An example declares itself in examples/NAME/example.json:
//
//   {
//     "ports": ["http"],                             free ports; {http} stands for one, here and in the transcript
//     "steps": [
//       { "server": ["nats-server", "-p", "{nats}"], "until": "ready" },   a program of the machine's; what it prints is its own
//       { "start": ["main.js", "-http-addr", "127.0.0.1:{http}"], "until": "listening" },
//       { "run": ["cli.js", "1", "2"], "exit": 0 },
//       { "fetch": "http://127.0.0.1:{http}/sum", "method": "POST", "headers": {}, "body": "{}" }
//     ],
//     "stop": "SIGINT",                              instead of SIGTERM, after which a server goes on for five seconds
//     "mask": [["took=\\S+", "took=…"]],             what differs from run to run, as regular expressions
//     "expect": "output.txt"
//   }
//
// A program that was started gets SIGTERM at the end, the last started first, must end by itself with exit code 0, and
// what it printed stands at the end of the transcript.
//
//   node tools/run-examples.mjs [NAME …] [--update]
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { root } from "./doors.mjs";

// For what hangs; a machine that is busy takes its time.
const LIMIT_MS = 120_000;

// Where the tests' Consul is, which Debian's current suite has not.
const PATH = `${process.env.PATH ?? ""}:/usr/sbin:${root}.cache/servers/bullseye-consul/usr/bin`;

const update = process.argv.includes("--update");
const asked = process.argv.slice(2).filter((name) => name !== "--update");
const all = existsSync(`${root}examples`) ? readdirSync(`${root}examples`, { withFileTypes: true }) : [];
const folders = all.filter((entry) => entry.isDirectory() && entry.name !== "node_modules").map(({ name }) => name);
const names = asked.length > 0 ? asked : folders;

let failed = 0;
let skipped = 0;
for (const name of names) {
  const started = performance.now();
  const missing = missingServer(name);
  if (missing !== undefined) {
    console.log(`skipped examples/${name}: ${missing} is not installed`);
    skipped++;
    continue;
  }
  const problem = await check(name).catch((error) => error.stack);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${problem === undefined ? "ok    " : "FAILED"} examples/${name} ${seconds} s`);
  if (problem !== undefined) console.log(problem);
  failed += problem === undefined ? 0 : 1;
}
if (names.length === 0) console.log("there is no example to run");
else console.log(`${names.length} examples, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || names.length === 0 ? 1 : 0);

/** The server an example needs and this machine has not; undefined when there is nothing in the way. */
function missingServer(name) {
  const file = `${root}examples/${name}/example.json`;
  const { steps = [] } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const servers = steps.flatMap(({ server }) => (server === undefined ? [] : [server[0]]));
  return servers.find((server) => !PATH.split(":").some((folder) => existsSync(`${folder}/${server}`)));
}

/** Runs one example; returns what is wrong with it. */
async function check(name) {
  const folder = `${root}examples/${name}`;
  if (!existsSync(`${folder}/example.json`)) return `${folder} has no example.json`;
  const example = JSON.parse(readFileSync(`${folder}/example.json`, "utf8"));
  if (!Array.isArray(example.steps) || example.steps.length === 0) return "example.json has no steps";
  const ports = new Map();
  for (const port of example.ports ?? []) ports.set(port, await freePort());
  const printed = mask(await transcript(name, example, ports), example.mask ?? [], ports);
  const file = `${folder}/${example.expect}`;
  if (update) writeFileSync(file, printed);
  const expected = existsSync(file) ? readFileSync(file, "utf8") : "";
  return printed === expected ? undefined : difference(expected, printed);
}

async function transcript(name, { steps, stop: signal = "SIGTERM" }, ports) {
  const fill = (text) => text.replace(/\{(\w+)\}/g, (whole, port) => String(ports.get(port) ?? whole));
  const running = [];
  const servers = [];
  let text = "";
  try {
    for (const step of steps) {
      if (step.server) servers.push(await ready(program(name, step.server.map(fill)), step.until));
      else if (step.start) running.push(await start(name, step.start.map(fill), step.until));
      else if (step.run) text += await run(name, step.run.map(fill), step.exit ?? 0);
      else if (step.fetch) text += await request(fill(step.fetch), step, fill(step.body ?? ""));
      else throw new Error(`a step should start, run or fetch something, got ${JSON.stringify(step)}`);
    }
    for (const program of running.toReversed()) text += await stop(program, signal);
  } finally {
    for (const { child } of [...running, ...servers]) child.kill("SIGKILL");
  }
  return text;
}

function program(name, [command, ...args]) {
  const child = spawn(command, args, {
    cwd: `${root}build/examples/${name}`,
    env: { ...process.env, PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const title = [...(command === process.execPath ? [] : [command]), ...args].join(" ");
  const made = { child, title, output: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (made.output += text));
  made.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  return made;
}

function start(name, args, until) {
  return ready(program(name, [process.execPath, ...args]), until);
}

async function ready(made, until) {
  const end = performance.now() + LIMIT_MS;
  while (!made.output.includes(until)) {
    const gone = made.child.exitCode !== null || made.child.signalCode !== null;
    if (gone || performance.now() > end) {
      made.child.kill("SIGKILL");
      throw new Error(`${made.title} never printed "${until}", only:\n${made.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return made;
}

async function run(name, args, exit) {
  const made = program(name, [process.execPath, ...args]);
  const code = await within(made, `${made.title} did not end`);
  if (code !== exit) throw new Error(`${made.title} ended with ${code}, not ${exit}:\n${made.output}`);
  return `$ ${made.title}\n${made.output}`;
}

async function stop(made, signal) {
  made.child.kill(signal);
  const code = await within(made, `${made.title} did not end after ${signal}`);
  if (code !== 0) throw new Error(`${made.title} ended with ${code} after ${signal}:\n${made.output}`);
  return `$ ${made.title}\n${made.output}`;
}

async function within(made, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => (made.child.kill("SIGKILL"), reject(new Error(`${message}:\n${made.output}`))), LIMIT_MS);
  });
  return Promise.race([made.ended, late]).finally(() => clearTimeout(timer));
}

async function request(url, { method = "GET", headers = {}, body }, filled) {
  const options = {
    method,
    headers,
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(body === undefined ? {} : { body: filled }),
  };
  const response = await fetch(url, options);
  return `$ ${method} ${url}${body === undefined ? "" : ` ${filled}`}\n${response.status} ${(await response.text()).trimEnd()}\n`;
}

function mask(text, masks, ports) {
  let masked = text;
  for (const [port, number] of ports) masked = masked.replaceAll(String(number), `{${port}}`);
  for (const [pattern, replacement] of masks) masked = masked.replace(new RegExp(pattern, "gm"), replacement);
  return masked;
}

function difference(expected, printed) {
  const [wanted, got] = [expected.split("\n"), printed.split("\n")];
  const at = got.findIndex((line, index) => line !== wanted[index]);
  const line = at === -1 ? got.length : at;
  const near = (lines) => lines.slice(Math.max(0, line - 2), line + 4).join("\n");
  return `the output differs from line ${line + 1}; expected\n${near(wanted)}\ngot\n${near(got)}`;
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
