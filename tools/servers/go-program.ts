/**
 * Programs of our own in Go, each a folder of sources, built on what is pinned in its go.mod and go.sum.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { command, fetched, type Fetched } from "./fetched.ts";

/** The program of a folder, e.g. `new URL("./gokit/", import.meta.url)`; its name is that of the folder. */
export function goProgram(folder: URL): Fetched {
  const path = fileURLToPath(folder);
  const name = path.split("/").at(-2)!;
  const sources = readdirSync(path)
    .filter((file) => /\.(?:go|mod|sum)$/.test(file))
    .sort();
  const hash = createHash("sha256");
  for (const source of sources) hash.update(source).update(readFileSync(path + source));
  return fetched(`${name}-${hash.digest("hex").slice(0, 16)}`, (into) => {
    // No other toolchain is fetched for what is pinned.
    const env = { ...process.env, GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
    for (const source of sources) copyFileSync(path + source, `${into}/${source}`);
    command(["go", "mod", "download"], { cwd: into, env, timeoutMs: 120_000 });
    command(["go", "build", "-mod=readonly", "-o", "program", "."], { cwd: into, env, timeoutMs: 180_000 });
    return "program";
  });
}
