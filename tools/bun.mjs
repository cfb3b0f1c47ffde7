// Runs a script with Bun, which npm ships as a package; fetched once into .cache.
//
//   node tools/bun.mjs test/bun/suite.mjs [arguments]
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const VERSION = "1.4.5";
const root = fileURLToPath(new URL("..", import.meta.url));

/** Where Bun is; undefined, with the reason on stderr, where it cannot be had. */
export function bun() {
  if (process.platform !== "linux" || process.arch !== "x64") return missing("only its Linux x64 binary is fetched");
  const folder = `${root}.cache/bun${VERSION}`;
  const binary = `${folder}/node_modules/@oven/bun-linux-x64-baseline/bin/bun`;
  if (!existsSync(binary)) {
    const quiet = ["--no-save", "--no-package-lock", "--no-fund", "--no-audit", "--silent"];
    try {
      execFileSync("npm", ["install", ...quiet, "--prefix", folder, `@oven/bun-linux-x64-baseline@${VERSION}`]);
    } catch {
      return missing("the package registry does not have it");
    }
  }
  return binary;
}

function missing(why) {
  console.error(`Bun cannot be had: ${why}`);
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const binary = bun();
  process.exit(binary === undefined ? 1 : (spawnSync(binary, process.argv.slice(2), { stdio: "inherit" }).status ?? 1));
}
