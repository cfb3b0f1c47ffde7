// How long the compiler, and a person in an editor, wait for a contract of 500 methods: written with zod, valibot and
// arktype, and typed by interfaces as a generated one is; each beside the same schemas without a contract.
//
// Goals: tsc (TypeScript 7) at most 1.5 s with zod; a completion after an edit at most 0.2 s with interfaces, and at most
// 4 times the bare schemas' where the types are inferred. Needs a build (dist/): users compile against declarations.
//
//   node tools/type-speed.mjs [--runs 7]
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { root } from "./doors.mjs";
import { startServer } from "./lsp.mjs";

const METHODS = 500;
const runs = Number(process.argv[process.argv.indexOf("--runs") + 1] || 0) || 7;
const native = (
  await import(
    pathToFileURL(
      createRequire(`${root}package.json`)
        .resolve("typescript/package.json")
        .replace("package.json", "lib/getExePath.js"),
    ).href
  )
).default();

const each = (line) => Array.from({ length: METHODS }, (_, index) => line(index)).join("\n");

// Every method differs a little, or the compiler would have done all of them with the first.
const schemas = {
  zod: {
    head: `import { z } from "zod";`,
    types: `import type { z } from "zod";\n`,
    request: (i) => `z.object({ id: z.string(), a${i}: z.int(), tags: z.array(z.string()).optional() })`,
    response: (i) => `z.object({ v${i}: z.int(), at: z.string(), page: z.object({ next: z.string().optional() }) })`,
    output: (schema) => `z.output<typeof ${schema}>`,
  },
  valibot: {
    head: `import * as v from "valibot";`,
    types: `import type * as v from "valibot";\n`,
    request: (i) => `v.object({ id: v.string(), a${i}: v.number(), tags: v.optional(v.array(v.string())) })`,
    response: (i) =>
      `v.object({ v${i}: v.number(), at: v.string(), page: v.object({ next: v.optional(v.string()) }) })`,
    output: (schema) => `v.InferOutput<typeof ${schema}>`,
  },
  arktype: {
    head: `import { type } from "arktype";`,
    types: "",
    request: (i) => `type({ id: "string", a${i}: "number", "tags?": "string[]" })`,
    response: (i) => `type({ v${i}: "number", at: "string", page: { "next?": "string" } })`,
    output: (schema) => `(typeof ${schema})["infer"]`,
  },
};

const handlers = `export const served = big.implement({
${each((i) => `  m${i}: ({ id, a${i} }) => ({ v${i}: a${i} + id.length, at: id, page: {} }),`)}
});\n`;

const calls = `import type { Client } from "servicekit";
import type { big } from "./contract.ts";
declare const remote: Client<(typeof big)["methods"]>;
export async function use(): Promise<number> {
  let sum = 0;
${each((i) => `  sum += (await remote.m${i}({ id: "x", a${i}: 1 })).v${i};`)}
  return sum;
}\n`;

/** Where the person types: the call's answer, whose fields can only come from the whole contract. */
const edited = (at) => `import type { Client } from "servicekit";
import type { big } from "./contract.ts";
declare const remote: Client<(typeof big)["methods"]>;
export const answer${at} = await remote.m250({ id: "x", a250: ${at} });
answer${at}.`;

const flavours = {};
for (const [name, library] of Object.entries(schemas)) {
  flavours[`${name}, bare`] = {
    "contract.ts": `${library.head}
export const big = {
${each((i) => `  m${i}: { request: ${library.request(i)}, response: ${library.response(i)} },`)}
};\n`,
    "calls.ts": `${library.types}import type { big } from "./contract.ts";
${each((i) => `export declare const m${i}: ${library.output(`big.m${i}.response`)};\nexport const n${i}: number = m${i}.v${i};`)}\n`,
    edited: (at) => `${library.types}import type { big } from "./contract.ts";
declare const answer${at}: ${library.output("big.m250.response")};
answer${at}.`,
  };
  flavours[name] = {
    "contract.ts": `import { method, service } from "servicekit";
${library.head}
export const big = service("big", {
${each((i) => `  m${i}: method({ request: ${library.request(i)}, response: ${library.response(i)} }),`)}
});\n`,
    "handlers.ts": `import { big } from "./contract.ts";\n${handlers}`,
    "calls.ts": calls,
    edited,
  };
}
flavours.interfaces = {
  "contract.ts": `import type { Service } from "servicekit";
import type { Method, Types } from "servicekit/contract";
${each(
  (
    i,
  ) => `export interface Request${i} { readonly id: string; readonly a${i}: number; readonly tags?: readonly string[] }
export interface Response${i} { readonly v${i}: number; readonly at: string; readonly page: { readonly next?: string } }
export interface Types${i} extends Types { reqIn: Request${i}; reqOut: Request${i}; resIn: Response${i}; resOut: Response${i}; failIn: never; failOut: never; kind: "unary" }`,
)}
export type BigMethods = {
${each((i) => `  readonly m${i}: Method<Types${i}>;`)}
};
export declare const big: Service<BigMethods>;\n`,
  "handlers.ts": `import { big } from "./contract.ts";\n${handlers}`,
  "calls.ts": calls,
  edited,
};

// Round after round through all of them, never one after the other, and the best of each: whatever else the machine does
// can only add.
const rows = Object.entries(flavours).map(([name, files]) => {
  const folder = lay(name, files);
  return { name, folder, editor: openEditor(folder, files.edited), tscMs: Infinity, completionMs: Infinity };
});
try {
  // The first completion loads the project; an editor has done that long before anybody types.
  for (const { editor } of rows) await editor.complete();
  for (let run = 0; run < runs; run++) {
    for (const row of rows) {
      row.tscMs = Math.min(row.tscMs, compile(row.folder));
      row.completionMs = Math.min(row.completionMs, await row.editor.complete());
    }
  }
} finally {
  for (const { editor } of rows) editor.close();
}
report(rows);

function lay(name, files) {
  const folder = `${root}.cache/type-speed/${name.replace(/\W+/g, "-")}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) if (file.endsWith(".ts")) writeFileSync(`${folder}/${file}`, text);
  writeFileSync(`${folder}/edited.ts`, "export {};\n");
  const { compilerOptions } = JSON.parse(readFileSync(`${root}tsconfig.json`, "utf8"));
  // No paths: the contract's types come from dist, as a user's do.
  const { paths: _paths, rootDir: _rootDir, ...options } = compilerOptions;
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  return folder;
}

function compile(folder) {
  const started = performance.now();
  const { status, stdout } = spawnSync(native, ["--noEmit", "-p", folder], { encoding: "utf8" });
  const took = performance.now() - started;
  if (status !== 0) throw new Error(`${folder} does not compile:\n${stdout.slice(0, 2000)}`);
  return took;
}

/** An editor with one file open; `complete()` types something new into it and says how long the completion took. */
function openEditor(folder, edit) {
  const server = startServer(native, ["--lsp", "--stdio"], folder);
  const uri = pathToFileURL(`${folder}/edited.ts`).href;
  const root = { processId: process.pid, rootUri: pathToFileURL(folder).href, capabilities: {} };
  let version = 1;
  const opened = server.request("initialize", root).then(() => {
    server.notify("initialized", {});
    const textDocument = { uri, languageId: "typescript", version, text: "export {};\n" };
    server.notify("textDocument/didOpen", { textDocument });
  });
  return {
    close: () => server.stop(),
    async complete() {
      await opened;
      const text = edit(++version);
      const lines = text.split("\n");
      const position = { line: lines.length - 1, character: lines.at(-1).length };
      const started = performance.now();
      server.notify("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
      const answer = await server.request("textDocument/completion", { textDocument: { uri }, position });
      const took = performance.now() - started;
      const labels = (answer?.items ?? answer ?? []).map(({ label }) => label);
      if (labels.includes("v250")) return took;
      throw new Error(`${folder}: the completion is ${labels.slice(0, 10).join(", ") || "empty"}, not v250`);
    },
  };
}

function report(rows) {
  const of = (name) => rows.find((row) => row.name === name);
  console.log(`${METHODS} methods, the best of ${runs} runs\n`);
  console.log("| contract | tsc, s | completion after an edit, s | of the bare schemas |\n|---|---|---|---|");
  for (const { name, tscMs, completionMs } of rows) {
    const bare = of(`${name}, bare`);
    const ratio = bare ? `${(completionMs / bare.completionMs).toFixed(1)}x` : "";
    console.log(`| ${name} | ${(tscMs / 1000).toFixed(2)} | ${(completionMs / 1000).toFixed(3)} | ${ratio} |`);
  }
  const goals = [
    ["tsc with zod <= 1.5 s", of("zod").tscMs <= 1500],
    ["completion with interfaces <= 0.2 s", of("interfaces").completionMs <= 200],
    ...Object.keys(schemas).map((name) => [
      `completion with ${name} <= 4x bare`,
      of(name).completionMs <= 4 * of(`${name}, bare`).completionMs,
    ]),
  ];
  console.log(`\n${goals.map(([goal, reached]) => `${reached ? "reached" : "MISSED "} ${goal}`).join("\n")}`);
  process.exitCode = goals.every(([, reached]) => reached) ? 0 : 1;
}
