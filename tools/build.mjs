// Builds dist/ (the package) and build/ (the examples). Runs at `npm install`, because Node 20 cannot run TypeScript.
//
// Types are emitted file by file by tsc. Code is emitted as one file per door plus the chunks that doors share: a server's
// start took 56 ms more than bare Node with a file per module, and 20 so, on the machine and day that this was measured. Nothing is minified: whoever steps into
// dist/ reads our code, without comments, which stand in the declarations.
//
//   node tools/build.mjs               builds
//   node tools/build.mjs --if-stale    builds only when a source is newer than the last build
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { rolldown } from "rolldown";
import { doors, packageJson, presentDoors, programs, root } from "./doors.mjs";

const stamp = `${root}build/.stamp`;
const next = "dist.next";
const sources = [
  "src",
  "examples",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "tsconfig.examples.json",
  "tools/build.mjs",
];

if (
  process.argv.includes("--if-stale") &&
  lastChange(stamp) >= Math.max(...sources.map((name) => lastChange(root + name)))
)
  process.exit(0);

const within = (room, ...names) => new RegExp(`[\\\\/]src[\\\\/]${room}[\\\\/](${names.join("|")})`);

const either = (...tests) => new RegExp(tests.map(({ source }) => source).join("|"));

// At the start of a process a file costs what 36 KiB of code cost (0.9 ms, where bare node took 66). So what nearly every door needs
// stays one file, and so does what mostly comes together: a transport's parts, a call's trace, policies, HTTP on node.
const groups = [
  {
    name: "core",
    test: either(
      within("(time|errors|endpoint|contract)", "."),
      within("internal", "check", "clock", "ids", "promise", "random", "wheel"),
      within("transport", "names"),
    ),
  },
  {
    name: "transport",
    test: either(
      within("transport", "hooks", "limits", "observe", "one-way", "push-back", "server-call", "timeout"),
      within("transport", "client-hooks", "outgoing"),
      within("internal", "turn"),
    ),
  },
  {
    name: "codec",
    test: either(
      within("transport", "bytes", "codec"),
      within(
        "transport[\\\\/]json",
        ...[
          "alternatives",
          "coerce",
          "form",
          "match",
          "merge",
          "misfit",
          "own",
          "parse",
          "plain",
          "scan",
          "schema",
          "text",
        ],
        ...["write-", "writer"],
      ),
    ),
  },
  {
    name: "call-trace",
    test: within(
      "trace",
      ...[
        "b3",
        "bounds",
        "call-span",
        "current",
        "failure",
        "foreign",
        "inject",
        "light-trace",
        "propagate",
        "recorded-span",
      ],
      ...["redaction", "span-queue", "span-watch", "trace-calls", "trace-state", "tracer", "w3c"],
    ),
  },
  {
    name: "policies",
    test: either(
      within(
        "resilience",
        ...[
          "breaker",
          "circuit-breaker",
          "count-window",
          "guard-function",
          "stall",
          "tally",
          "time-window",
          "trip",
          "verdict",
        ],
      ),
      within("transport", "stack"),
    ),
  },
  // What gRPC shares with HTTP: with node's connections, and without a platform.
  {
    name: "connections",
    test: within(
      "transport[\\\\/]http",
      ...["connection", "front", "http2-connection", "node-chunks", "node-outlet", "peer-identity", "server-tls"],
    ),
  },
  {
    name: "http-basics",
    test: either(
      within("transport[\\\\/]http", "client-url", "compression"),
      within("transport", "incoming-messages", "stream-driver"),
    ),
  },
  {
    name: "http-node",
    test: within(
      "transport[\\\\/]http",
      ...["answer\\.", "body", "client", "dispatcher", "endpoint", "handler", "listener", "node-", "server", "upgrade"],
    ),
  },
  { name: "http-rules", test: within("transport[\\\\/]http", "(?!http2)") },
];

/**
 * Each entry is a facade of its door, not the door's own index.ts: a room that takes one name from an index.ts which is an
 * entry would load all that is behind it (the client loaded the server's half of transport: 209 KiB instead of 130).
 */
const facades = {
  name: "facades",
  resolveId: (id) => (id.startsWith("door:") ? `\0${id}` : undefined),
  load: (id) =>
    id.startsWith("\0door:") ? `export * from ${JSON.stringify(`${root}src/${id.slice(6)}.ts`)};` : undefined,
};

/** `import text from "./page.css?raw"`: the file as text. The tests' loader does the same by itself. */
const raw = {
  name: "raw",
  resolveId: (id, importer) =>
    id.endsWith("?raw") ? `\0raw:${resolve(dirname(importer), id.slice(0, -4))}` : undefined,
  load: (id) =>
    id.startsWith("\0raw:")
      ? { code: `export default ${JSON.stringify(readFileSync(id.slice(5), "utf8"))};`, moduleType: "js" }
      : undefined,
};

process.chdir(root);
// Made beside the old one and put in its place at the end: what does not compile leaves the last build standing.
rmSync(next, { recursive: true, force: true });
tsc("tsconfig.build.json", "--outDir", next);
await bundle();
rmSync("dist", { recursive: true, force: true });
renameSync(next, "dist");
rmSync("build", { recursive: true, force: true });
if (files("examples").some((name) => name.endsWith(".ts"))) {
  tsc("tsconfig.examples.json");
  // The examples are checked against src, and run against dist, as a user's code would: the copy of src is of no use.
  rmSync("build/src", { recursive: true, force: true });
}
mkdirSync("build", { recursive: true });
writeFileSync(stamp, "");

async function bundle() {
  const missing = doors.filter((door) => !presentDoors.includes(door));
  if (missing.length > 0) console.warn(`no source yet behind ${missing.map(({ door }) => door).join(", ")}`);
  const external = Object.keys({ ...packageJson.dependencies, ...packageJson.peerDependencies });
  const made = await rolldown({
    input: Object.fromEntries([
      ...presentDoors.map(({ name }) => [name, `door:${name}`]),
      // No facade: a program exports nothing, so one that does nothing but export would leave it out.
      ...programs.map(({ name }) => [name, `${root}src/${name}.ts`]),
    ]),
    plugins: [facades, raw],
    external: (id) => id.startsWith("node:") || external.some((name) => id === name || id.startsWith(`${name}/`)),
    platform: "neutral",
    // What `includeDependenciesRecursively` asks for; the test of the names behind each door sees that nothing is added.
    preserveEntrySignatures: "allow-extension",
    transform: { target: "es2022" },
    // A name that nothing provides would otherwise become an external import, found missing by the user.
    onLog: (_level, log) => {
      throw new Error(`rolldown: ${log.message}`);
    },
  });
  await made.write({
    dir: next,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    // What nearly every door needs stays one file; the rest is split by who reaches it.
    codeSplitting: { groups, includeDependenciesRecursively: false },
    banner: ({ name }) => (programs.some((one) => one.name === name) ? "#!/usr/bin/env node" : ""),
    minify: false,
    minifyInternalExports: false,
    comments: { annotation: true, jsdoc: false, legal: true },
  });
  await made.close();
}

function tsc(project, ...more) {
  try {
    execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", project, ...more], { stdio: "inherit" });
  } catch {
    console.error(`tsc -p ${project} failed`);
    process.exit(1);
  }
}

function files(folder) {
  try {
    return readdirSync(folder, { recursive: true });
  } catch {
    return [];
  }
}

/** When a file, or anything in a folder, was last changed; 0 when it does not exist. */
function lastChange(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(
    stat.mtimeMs,
    ...readdirSync(path, { withFileTypes: true }).map((entry) => lastChange(`${path}/${entry.name}`)),
  );
}
