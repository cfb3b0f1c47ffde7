// POST /sum against the floors and the peers.
//
//   node http.mjs [--rounds 9] [--seconds 4] [--warm 2] [--only name,name]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { compare, onlyAsked, plan } from "./compare.mjs";
import { generatorVersion } from "./load.mjs";
import { has, here, keep } from "./measure.mjs";

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

const isPart = onlyAsked(servers);
const rows = await compare(servers, "raw node:http");
const { rounds, seconds } = plan;
if (!isPart) keep("http", { rounds, seconds, generator: generatorVersion(), gokit: gokit !== undefined, rows });

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
