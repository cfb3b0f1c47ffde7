/**
 * Programs of our own in Go, each a folder here, built on what is pinned in its go.mod and go.sum.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { command, fetched, type Fetched } from "./fetched.ts";

const here = fileURLToPath(new URL("./", import.meta.url));
const SOURCES = ["main.go", "go.mod", "go.sum"];

/** The program of the folder `name`. */
export function goProgram(name: string): Fetched {
  const folder = `${here}${name}/`;
  const hash = createHash("sha256");
  for (const source of SOURCES) hash.update(readFileSync(folder + source));
  return fetched(`${name}-${hash.digest("hex").slice(0, 16)}`, (into) => {
    // No other toolchain is fetched for what is pinned.
    const env = { ...process.env, GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
    for (const source of SOURCES) copyFileSync(folder + source, `${into}/${source}`);
    command(["go", "mod", "download"], { cwd: into, env });
    command(["go", "build", "-mod=readonly", "-o", "program", "."], { cwd: into, env, timeoutMs: 180_000 });
    return "program";
  });
}
