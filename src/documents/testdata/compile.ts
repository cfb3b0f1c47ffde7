/**
 * Compiles generated files with tsc, strictly, against this package's sources.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { root } from "../../../tools/doors.mjs";

/** What tsc says of the files, by their names; nothing when all is well. Errors of other people's files are not told. */
export async function compiled(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await mkdir(`${root}.cache`, { recursive: true });
  const folder = await mkdtemp(`${root}.cache/generate-`);
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(`${folder}/${name}`, text);
    const compilerOptions = {
      rootDir: "../..",
      noUnusedLocals: true,
      isolatedDeclarations: true,
      declaration: true,
      paths: { servicekit: ["../../src/index.ts"], "servicekit/*": ["../../src/*/index.ts"] },
    };
    const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] };
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
    const output = await tsc(folder);
    const lines = output.split("\n").filter((line) => /^(?:\.cache|[\w-]+\.ts)/.test(line));
    if (lines.length === 0 && output.includes("error TS5")) throw new Error(output);
    return lines;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a file where it can be imported, for as long as `use` takes. */
export async function imported<T>(text: string, use: (module: Record<string, unknown>) => Promise<T>): Promise<T> {
  await mkdir(`${root}.cache`, { recursive: true });
  const folder = await mkdtemp(`${root}.cache/generate-`);
  try {
    await writeFile(`${folder}/made.ts`, text);
    return await use((await import(/* @vite-ignore */ `${folder}/made.ts`)) as Record<string, unknown>);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tsc(folder: string): Promise<string> {
  return new Promise((resolve) => {
    const args = [`${root}node_modules/typescript/bin/tsc`, "--noEmit", "-p", `${folder}/tsconfig.json`];
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 26 }, (_error, stdout) => resolve(stdout));
  });
}
