// Runs every gate, says how long each took and what it looked at, and fails at the end if one of them failed, or looked
// at nothing: a tool that silently reads no file reports success.
//
//   node tools/check.mjs                    all of them
//   node tools/check.mjs lint format        only these
//   node tools/check.mjs --except tests     all but these
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { doors, root } from "./doors.mjs";
import { pack } from "./pack.mjs";

const code = ["src", "test", "tools", "examples", "bench", "consumer"];

/** @type {{ name: string, run: () => Promise<{ ok: boolean, output: string, looked: number, at: string }> }[]} */
const gates = [
  {
    // The build is a gate as well: isolatedDeclarations. What follows looks at what it built.
    name: "build",
    run: async () => ({
      ...(await node("tools/build.mjs")),
      looked: count("dist", /\.(js|d\.ts)$/),
      at: "files built",
    }),
  },
  { name: "types", run: () => tsc("tsconfig.json", "/src/") },
  { name: "types-examples", run: () => tsc("tsconfig.examples.json", "/examples/") },
  {
    name: "lint",
    run: async () => {
      const result = await bin(
        "oxlint",
        "--type-aware",
        "--deny-warnings",
        "--report-unused-disable-directives",
        ...present(code),
      );
      return { ...result, looked: number(/on (\d+) files/, result.output), at: "files" };
    },
  },
  {
    name: "format",
    run: async () => {
      const result = await bin("oxfmt", "--check", ".");
      return { ...result, looked: number(/on (\d+) files/, result.output), at: "files" };
    },
  },
  {
    name: "tests",
    run: async () => {
      const result = await bin("vitest", "run");
      return {
        ...result,
        looked: number(/^(\d+) passed, \d+ failed, \d+ skipped$/m, result.output),
        at: "tests passed",
      };
    },
  },
  {
    name: "consumer",
    run: async () => {
      const result = await node("tools/consumer.mjs");
      return { ...result, looked: number(/ok, (\d+) of our declarations/, result.output), at: "declarations" };
    },
  },
  {
    name: "publint",
    run: async () => ({ ...(await bin("publint", "run", "--strict", pack())), looked: doors.length, at: "doors" }),
  },
  {
    name: "attw",
    run: async () => {
      const result = await bin(
        "attw",
        "--profile",
        "esm-only",
        "--format",
        "ascii",
        "--no-emoji",
        "--no-definitely-typed",
        pack(),
      );
      return {
        ...result,
        looked: (result.output.match(/^node16 \(from ESM\): OK/gm) ?? []).length,
        at: "doors resolved",
      };
    },
  },
  {
    name: "knip",
    run: async () => {
      const result = await bin(
        "knip",
        "--no-progress",
        "--reporter",
        "symbols",
        "--reporter",
        "./tools/knip-count.mjs",
      );
      return { ...result, looked: number(/knip read (\d+) files/, result.output), at: "files" };
    },
  },
];

const names = process.argv.slice(2);
const except = names[0] === "--except";
const unknown = names.filter((name, index) => !(except && index === 0) && !gates.some((gate) => gate.name === name));
if (unknown.length > 0) {
  console.error(`there is no gate ${unknown.join(", ")}, there are ${gates.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const failed = [];
for (const { name, run } of gates.filter((gate) => names.length === 0 || names.includes(gate.name) !== except)) {
  const started = performance.now();
  const { ok, output, looked, at } = await run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const passed = ok && looked > 0;
  if (!passed) failed.push(name);
  console.log(`${passed ? "ok    " : "FAILED"} ${name.padEnd(16)}${seconds} s  ${looked} ${at}`);
  if (!passed) console.log(`${output.trimEnd() || "it looked at nothing"}\n`);
}
console.log(failed.length === 0 ? "\nevery gate passed" : `\nfailed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);

async function tsc(project, wanted) {
  const result = await node("node_modules/typescript/bin/tsc", "--noEmit", "--listFiles", "-p", project);
  const lines = result.output.split("\n");
  const listed = (line) => line.startsWith("/");
  const ours = (line) => listed(line) && line.includes(wanted) && !line.includes("/node_modules/");
  return {
    ...result,
    output: lines.filter((line) => !listed(line)).join("\n"),
    looked: lines.filter(ours).length,
    at: "files",
  };
}

/** Runs a package's program by name, without npx: it costs a third of a second a time. */
function bin(name, ...args) {
  return start(`${root}node_modules/.bin/${name}`, args);
}

function node(script, ...args) {
  return start(process.execPath, [script, ...args]);
}

function start(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ ok: false, output: String(error) }));
    child.once("close", (status) => resolve({ ok: status === 0, output }));
  });
}

function number(pattern, output) {
  return Number(pattern.exec(output)?.[1] ?? 0);
}

function present(folders) {
  const here = readdirSync(root);
  return folders.filter((folder) => here.includes(folder));
}

function count(folder, wanted) {
  return readdirSync(root + folder, { recursive: true }).filter((name) => wanted.test(name)).length;
}
