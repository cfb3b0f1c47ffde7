// Compiles consumer/ against the packed tarball, as a user's project would, with every TypeScript we support and with
// `skipLibCheck: false`: our declarations must hold without our own tsconfig, devDependencies or sources. Then loads every
// door of the installed tarball in plain Node.
//
// The project is laid out in the system's temporary folder: inside this repository a declaration could lean on a package
// of ours without anybody noticing.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doors, presentDoors, root } from "./doors.mjs";
import { pack } from "./pack.mjs";

/** The compilers, by the name of their package in consumer/package.json. */
const compilers = ["typescript-5.9", "typescript-6.0", "typescript-7.0"];

/** Packages whose own declarations do not hold with `exactOptionalPropertyTypes`: what is wrong in their files is theirs. */
const theirs = /^\S*\/node_modules\/@nats-io\/nats-core\/lib\/(?:msg|nats)\.d\.ts\(\d+,\d+\): error TS2420:/;

/** The doors a program outside Node may open: they must compile without @types/node. */
const core = ["", "time", "errors", "endpoint", "contract"];

/** Those a worker serves with: without @types/node too, but with `await using`. */
const web = ["server", "transport/fetch"];

const own = `${root}consumer/node_modules`;
const installed = `${own}/.package-lock.json`;
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(`${root}consumer/package-lock.json`).mtimeMs) {
  execFileSync("npm", ["ci", "--ignore-scripts", "--silent"], { cwd: `${root}consumer`, stdio: "inherit" });
}

const project = mkdtempSync(join(tmpdir(), "servicekit-consumer-"));
let failed = false;
try {
  layOut();
  for (const compiler of compilers)
    for (const config of ["tsconfig.node.json", "tsconfig.core.json", "tsconfig.web.json"]) compile(compiler, config);
  load();
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function layOut() {
  writeFileSync(`${project}/package.json`, JSON.stringify({ name: "user", private: true, type: "module" }));
  const options = { cwd: project, stdio: ["ignore", "ignore", "inherit"] };
  execFileSync(
    "npm",
    ["install", "--offline", "--ignore-scripts", "--no-save", "--no-package-lock", "--silent", pack()],
    options,
  );
  for (const name of readdirSync(own)) {
    if (name.startsWith(".") || existsSync(`${project}/node_modules/${name}`)) continue;
    mkdirSync(`${project}/node_modules`, { recursive: true });
    symlinkSync(`${own}/${name}`, `${project}/node_modules/${name}`);
  }
  for (const name of readdirSync(`${root}consumer`)) {
    if (name.endsWith(".ts") || name.startsWith("tsconfig.")) cpSync(`${root}consumer/${name}`, `${project}/${name}`);
  }
  writeFileSync(`${project}/every-door.ts`, imports(presentDoors));
  writeFileSync(`${project}/web-doors.ts`, imports(presentDoors.filter(({ room }) => web.includes(room))));
  writeFileSync(`${project}/core-doors.ts`, imports(presentDoors.filter(({ room }) => core.includes(room))));
}

function imports(list) {
  const names = list.map((_, index) => `door${index}`);
  return `${list.map(({ door }, index) => `import * as door${index} from "${door}";`).join("\n")}\nexport const all: object[] = [${names.join(", ")}];\n`;
}

function compile(compiler, config) {
  const started = performance.now();
  const args = [`node_modules/${compiler}/bin/tsc`, "-p", config, "--listFiles"];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8", maxBuffer: 1 << 26 });
  const lines = stdout.split("\n");
  const read = lines.filter(
    (line) => line.includes("/node_modules/servicekit/dist/") && !line.includes("error TS"),
  ).length;
  const errors = lines.filter((line) => line !== "" && !line.startsWith("/"));
  // The lines below an error are indented.
  const ours = errors.filter((line) => !/^\s/.test(line) && !theirs.test(line));
  const ok = (status === 0 || (errors.length > 0 && ours.length === 0)) && read > 0;
  failed ||= !ok;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${compiler} ${config}: ${ok ? "ok" : "FAILED"}, ${read} of our declarations read, ${seconds} s${ok && status !== 0 ? ", with errors in @nats-io's own" : ""}`,
  );
  if (!ok) console.log(errors.slice(0, 40).join("\n") || "nothing of the package was read");
}

function load() {
  const code = `for (const door of ${JSON.stringify(presentDoors.map(({ door }) => door))}) if (Object.keys(await import(door)).length === 0) throw new Error(door + " exports nothing");`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    cwd: project,
    encoding: "utf8",
  });
  failed ||= status !== 0;
  console.log(
    `node loads ${presentDoors.length} of ${doors.length} doors of the tarball: ${status === 0 ? "ok" : `FAILED\n${stderr}`}`,
  );
}
