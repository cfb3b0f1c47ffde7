// The same request on Bun: `fetchHandler` behind Bun.serve against Bun.serve alone, and node:http on Node beside them.
//
//   node bun.mjs [--rounds 9] [--seconds 4] [--warm 2] [--only name,name]
import { existsSync } from "node:fs";
import { compare, onlyAsked, plan } from "./compare.mjs";
import { generatorVersion } from "./load.mjs";
import { here, keep } from "./measure.mjs";

const binary = `${here}node_modules/@oven/bun-linux-x64-baseline/bin/bun`;
if (!existsSync(binary)) {
  console.error("Bun is not installed: only its Linux x64 package is, by npm install in bench/");
  process.exit(0);
}

const servers = new Map([
  ["raw Bun.serve", { command: binary, args: ["servers/bun-raw.mjs"] }],
  ["Service Kit on Bun, everything on, sync", { command: binary, args: ["servers/bun.mjs", "sync"] }],
  ["Service Kit on Bun, everything on, async", { command: binary, args: ["servers/bun.mjs", "async"] }],
  ["raw node:http", { command: process.execPath, args: ["servers/raw.mjs"] }],
  ["Service Kit on Node, everything on, sync", { command: process.execPath, args: ["servers/ours.mjs", "sync"] }],
]);
const isPart = onlyAsked(servers);
const rows = await compare(servers, "raw Bun.serve");
const { rounds, seconds } = plan;
if (!isPart) keep("bun", { rounds, seconds, generator: generatorVersion(), rows });
