// What the compiler says of the likeliest mistakes: the first lines of an error are all that most editors show, so the name
// of what is wrong should be in them.
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}.cache/messages/${process.pid}`;

const head = `
import { error, method, service, type Middleware, type StreamMiddleware } from "servicekit";
import { client } from "servicekit/client";
import { serve } from "servicekit/server";
import { httpClient, httpServer, routes } from "servicekit/transport/http";
import { z } from "zod";

export const twoZeroes = error("two_zeroes", { code: "invalid_argument" });
export const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.number() }) });
export const add = service("add", {
  sum: method({ request: z.object({ a: z.int(), b: z.int() }), response: z.object({ v: z.int() }), errors: [twoZeroes] }),
  concat: method({ request: z.object({ a: z.string(), b: z.string() }), response: z.object({ v: z.string() }) }),
});
export const sum = ({ a, b }: { a: number; b: number }) => ({ v: a + b });
export const concat = ({ a, b }: { a: string; b: string }) => ({ v: a + b });
export const get = method({ request: z.object({ id: z.string(), fields: z.string().optional() }), response: z.object({ name: z.string() }) });
export const profiles = service("profiles", { get });
export const tenant: Middleware<{ tenant: string }> = (next) => next;
export const streams: StreamMiddleware = (next) => next;
`;

interface Mistake {
  readonly what: string;
  readonly code: string;
  /** What the first 300 characters of the error have to name. */
  readonly names: RegExp;
}

const mistakes: readonly Mistake[] = [
  { what: "a handler is missing", code: "add.implement({ sum });", names: /'concat' is missing/ },
  { what: "a handler has no method", code: "add.implement({ sum, concat, product: sum });", names: /'product'/ },
  {
    what: "a response has another field",
    code: "add.implement({ concat, sum: ({ a, b }) => ({ w: a + b }) });",
    names: /w: number.* not assignable .*v: number/s,
  },
  {
    what: "a field of a response has another type",
    code: "add.implement({ concat, sum: ({ a }) => ({ v: String(a) }) });",
    names: /'string' is not assignable to type 'number'/,
  },
  {
    what: "a handler reads a field that the request does not have",
    code: "add.implement({ concat, sum: ({ a, c }) => ({ v: a + c }) });",
    names: /'c' does not exist/,
  },
  {
    what: "an error is not declared",
    code: "add.implement({ concat, sum: ({ a }) => (a > 9 ? tooBig({ max: 9 }) : { v: a }) });",
    names: /"too_big".*"two_zeroes"/s,
  },
  {
    what: "a middleware wants what the request does not have",
    code: "add.implement({ sum, concat }, { methods: { sum: { use: [tenant] } } });",
    names: /tenant/,
  },
  {
    what: "a middleware for streams stands before a method that answers once",
    code: "add.implement({ sum, concat }, { methods: { sum: { use: [streams] } } });",
    names: /StreamMiddleware/,
  },
  {
    what: "a policy is for a method that does not exist",
    code: "add.implement({ sum, concat }, { methods: { summ: { timeoutMs: 5 } } });",
    names: /'summ' does not exist/,
  },
  {
    what: "a path names a field that the request does not have",
    code: 'routes(profiles, { get: "GET /profiles/{uid}" });',
    names: /the path names no field of the request.*"uid"/s,
  },
  {
    what: "the path of a longer route names a field that the request does not have",
    code: 'routes(profiles, { get: { path: "GET /profiles/{uid}", query: ["fields"] } });',
    names: /the path names no field of the request.*"uid"/s,
  },
  {
    what: "a query names a field that the request does not have",
    code: 'routes(profiles, { get: { path: "GET /profiles/{id}", query: ["feilds"] } });',
    names: /"feilds".* not assignable .*"fields"/s,
  },
  {
    what: "a route is for a method that does not exist",
    code: 'routes(profiles, { fetch: "GET /profiles/{id}" });',
    names: /'fetch' does not exist/,
  },
  {
    what: "a client is given a server's transport",
    code: 'client(add, httpServer({ port: 1 }), { from: "http://127.0.0.1:1" });',
    names: /ServerTransport.*ClientTransport/s,
  },
  {
    what: "a server is given a client's transport",
    code: "serve(add.implement({ sum, concat }), { on: [httpClient()] });",
    names: /ClientTransport.*ServerTransport/s,
  },
  {
    what: "a call lacks a field",
    code: 'client(add, httpClient(), { from: "http://127.0.0.1:1" }).sum({ a: 1 });',
    names: /'b' is missing/,
  },
  {
    what: "a request is no schema but its fields",
    code: "method({ request: { a: z.int() }, response: z.object({}) });",
    names: /a: z\.ZodInt.*Schema/s,
  },
  {
    what: "a response is forgotten",
    code: "method({ request: z.object({}) });",
    names: /response: Schema/,
  },
  {
    what: "a kind of stream is misspelt",
    code: 'method({ request: z.object({}), response: z.object({}), stream: "sever" });',
    names: /"sever".*Did you mean '"server"'/s,
  },
];

let errors: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = { extends: "../../../tsconfig.json", compilerOptions: { rootDir: "../../.." }, include: ["*.ts"] };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  writeFileSync(`${folder}/head.ts`, head);
  const names = [...head.matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
  const imports = `import { ${names.join(", ")} } from "./head.ts";
import { method } from "servicekit";
import { client } from "servicekit/client";
import { serve } from "servicekit/server";
import { httpClient, httpServer, routes } from "servicekit/transport/http";
import { z } from "zod";
`;
  mistakes.forEach(({ code }, index) => writeFileSync(`${folder}/mistake-${index}.ts`, `${imports}\n${code}\n`));
  errors = await compile();
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what the compiler says when", () => {
  it.each(mistakes.map((mistake, index) => ({ ...mistake, index })))("$what", ({ index, names }) => {
    const found = errors.get(`mistake-${index}.ts`) ?? [];
    expect(found, "one mistake, one error").toHaveLength(1);
    expect(found[0]!.slice(0, 300)).toMatch(names);
  });
});

it("says nothing of what is right", () => {
  expect(errors.get("head.ts")).toBeUndefined();
  expect([...errors.keys()].filter((file) => !file.startsWith("mistake-"))).toEqual([]);
});

/** The errors of all files by file, each with all its lines. */
async function compile(): Promise<ReadonlyMap<string, readonly string[]>> {
  const args = [`${root}node_modules/typescript/bin/tsc`, "--noEmit", "--pretty", "false", "-p", folder];
  const tsc = spawn(process.execPath, args, { cwd: folder });
  let output = "";
  tsc.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => tsc.once("close", resolve));
  const found = new Map<string, string[]>();
  for (const [, file, message] of output.matchAll(/^(\S+)\(\d+,\d+\): error TS\d+: (.*(?:\n .*)*)$/gm)) {
    found.set(file!, [...(found.get(file!) ?? []), message!]);
  }
  return found;
}
