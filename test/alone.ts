/**
 * A script in a process of its own, with the sources as they are: for what only a whole process shows, such as whether it
 * ends.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { root } from "../tools/source.ts";

const run = promisify(execFile);

/** Runs a TypeScript module whose imports start with `src/`; gives what it printed. Throws when it takes over a minute. */
export async function alone(script: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "servicekit-alone-"));
  try {
    const input = join(folder, "script.ts");
    writeFileSync(input, script.replaceAll(/from "src\//g, `from "${root}src/`));
    const bundle = await rolldown({ input, platform: "node", logLevel: "silent" });
    const file = join(folder, "script.mjs");
    await bundle.write({ file, format: "esm" });
    await bundle.close();
    return (await run(process.execPath, [file], { timeout: 60_000 })).stdout.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
