// The program is bundled here, and the user's modules import another copy of the toolkit, as an installed one is.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import process from "node:process";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { root } from "../../tools/source.ts";

const folder = `${root}.cache/generate-proto-${process.pid}`;
const program = `${folder}/program/main.js`;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function generate(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, "generate", "proto", ...args], { cwd: `${folder}/user` }, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });
}

const file = (name: string): string => `${folder}/user/${name}`;
const read = (name: string): string => readFileSync(file(name), "utf8");

/** Writes a user's contract with these fields in its request. */
function contract(fields: string, more = ""): void {
  const head = `import { z } from "zod";\nimport { service, method, numbered, proto, Orders } from "./servicekit.js";\n`;
  const methods = `{ sum: method({ request: z.object({ ${fields} }), response: z.object({ v: z.int() }) }) }`;
  writeFileSync(file("add.js"), `${head}export const add = service("add", ${methods});\n${more}`);
}

const files = ["--lock", "add.lock.json", "--out", "add.proto"];

beforeAll(async () => {
  const entry = `${folder}/servicekit.ts`;
  mkdirSync(`${folder}/user`, { recursive: true });
  writeFileSync(
    entry,
    [
      'contract/index.ts"',
      'transport/index.ts"',
      'transport/protobuf/index.ts"',
      'transport/protobuf/testdata/gen/order_pb.ts"',
    ]
      .map((path) => `export * from "${root}src/${path};\n`)
      .join(""),
  );
  writeFileSync(`${folder}/package.json`, '{"type":"module"}');
  for (const [input, to] of [
    [{ main: `${root}src/cli/main.ts` }, "program"],
    [{ servicekit: entry }, "user"],
  ] as const) {
    const made = await rolldown({ input, external: /^(@|node:|zod)/, platform: "node" });
    await made.write({ dir: `${folder}/${to}`, format: "esm" });
    await made.close();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ["add.lock.json", "add.proto"]) rmSync(file(name), { force: true });
  contract("a: z.int(), b: z.int()");
});

// Each test starts the program some times, which takes long where others work too.
describe("servicekit generate proto", () => {
  it("writes the text to stdout", async () => {
    const { code, out, err } = await generate("add.js");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("message SumRequest {\n  int64 a = 1;\n  int64 b = 2;\n}\n");
  });

  it("ends without a word when nobody reads what it writes", async () => {
    const child = spawn(process.execPath, [program, "generate", "proto", "add.js"], { cwd: `${folder}/user` });
    child.stdout.destroy();
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect({ code, err }).toEqual({ code: 1, err: "" });
  });

  it("writes the lock and the file, and says so", async () => {
    expect(await generate("add.js", ...files)).toEqual({
      code: 0,
      out: "",
      err: "add.lock.json is written\nadd.proto is written\n",
    });
    expect(read("add.lock.json").split("\n").slice(0, 6)).toEqual([
      "{",
      '  "service": "add",',
      '  "messages": {',
      '    "SumRequest": [',
      '      { "name": "a", "number": 1, "type": "int64" },',
      '      { "name": "b", "number": 2, "type": "int64" }',
    ]);
    expect(read("add.proto")).toContain("int64 b = 2;");
    expect((await generate("add.js", ...files)).err).toBe("add.lock.json is up to date\nadd.proto is up to date\n");
  });

  it("keeps numbers over changes of the contract", async () => {
    await generate("add.js", ...files);
    contract("c: z.string(), b: z.int()");
    await generate("add.js", ...files);
    expect(read("add.lock.json")).toContain('{ "name": "a", "number": 1, "type": "int64", "removed": true }');
    expect(read("add.proto")).toContain(
      'message SumRequest {\n  reserved 1;\n  reserved "a";\n  int64 b = 2;\n  string c = 3;\n}\n',
    );
  });

  it("reads a contract that has its lock already, and is behind", async () => {
    await generate("add.js", ...files);
    contract(
      "c: z.string(), b: z.int(), a: z.int()",
      `import { readFileSync } from "node:fs";
       const lock = JSON.parse(readFileSync("add.lock.json", "utf8"));
       export const locked = numbered(add, lock);`,
    );
    expect(await generate("add.js", ...files)).toMatchObject({ code: 0 });
    expect(read("add.proto")).toContain("  int64 a = 1;\n  int64 b = 2;\n  string c = 3;\n");
    expect((await generate("add.js")).out).toContain("  int64 a = 1;\n  int64 b = 2;\n  string c = 3;\n");
  });

  it("checks without writing: missing files, files that are behind, files as they should be", async () => {
    const check = [...files, "--check"];
    const missing = await generate("add.js", ...check);
    expect(missing).toMatchObject({ code: 1, out: "" });
    expect(missing.err).toBe(
      "servicekit generate proto: add.lock.json and add.proto are not up to date with the contract: run it again without --check\n",
    );
    expect(existsSync(file("add.lock.json"))).toBe(false);
    await generate("add.js", ...files);
    expect(await generate("add.js", ...check)).toEqual({ code: 0, out: "", err: "" });
    writeFileSync(file("add.proto"), read("add.proto").replaceAll("\n", "\r\n"));
    writeFileSync(file("add.lock.json"), JSON.stringify(JSON.parse(read("add.lock.json"))));
    expect(await generate("add.js", ...check), "however lines end").toEqual({ code: 0, out: "", err: "" });
    contract("b: z.int(), a: z.int()");
    expect(await generate("add.js", ...check), "fields that change places").toMatchObject({ code: 0 });
    contract("a: z.int(), b: z.int(), c: z.int()");
    expect(await generate("add.js", ...check)).toMatchObject({ code: 1 });
  });

  it("refuses a change that peers would misread, and leaves the files", async () => {
    await generate("add.js", ...files);
    const before = [read("add.lock.json"), read("add.proto")];
    contract("a: z.string(), b: z.int()");
    for (const args of [files, [...files, "--check"]]) {
      const { code, err } = await generate("add.js", ...args);
      expect(code).toBe(1);
      expect(err).toContain(
        'add.sum request: the field "a" of SumRequest was int64 and is string, which peers would misread',
      );
    }
    expect([read("add.lock.json"), read("add.proto")]).toEqual(before);
  });

  it("asks which of several services, and takes one by name", async () => {
    contract("a: z.int()", `export const sub = service("sub", { minus: add.methods.sum });`);
    expect(await generate("add.js")).toMatchObject({
      code: 2,
      err: expect.stringContaining("say which by --service: add, sub") as string,
    });
    expect((await generate("add.js", "--service", "sub")).out).toContain("rpc minus (MinusRequest)");
  });

  it.each<[string, readonly string[], number, string]>([
    [
      "",
      [],
      2,
      "give the module that exports the contract\nusage: servicekit generate proto <module> [--service <name>]",
    ],
    ["", ["a", "b"], 2, "one module at a time, got 2"],
    ["", ["add.js", "--check"], 2, "--check needs a file to check: --lock, --out or both"],
    ["", ["none.js"], 1, "cannot run none.js: Cannot find module"],
    ["", ["add.js", "--service", "sub"], 1, 'add.js exports no service "sub", it has add'],
    ["", ["add.js", "--out", "/none/x.proto"], 1, "cannot write /none/x.proto: ENOENT"],
    ["", ["add.js", "--lock", "add.js"], 1, "add.js is not JSON"],
    ["", ["add.js", "--lock", "package-lock.json"], 1, "add: the lock should be this service's, got one of"],
    ["", ["servicekit.js"], 1, "servicekit.js exports no service: export what service() returns"],
    [
      "export const orders = proto(Orders);",
      ["add.js", "--service", "shop.v1.Orders"],
      1,
      "it comes from a .proto file, use that",
    ],
    ["throw new Error('mine')", ["add.js"], 1, "cannot run add.js: mine"],
    ["throw null", ["add.js"], 1, "cannot run add.js: null"],
  ])("refuses %s %j with %i", async (more, args, code, says) => {
    contract("a: z.int()", more);
    writeFileSync(file("package-lock.json"), '{"service":"other","messages":{}}');
    const ended = await generate(...args);
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: "" });
    expect(ended.err).toContain(says);
    expect(ended.err).not.toContain("    at ");
  });

  it("runs a TypeScript module, or says that this Node cannot", async () => {
    writeFileSync(file("typed.ts"), `import { add } from "./add.js";\nexport const typed: typeof add = add;\n`);
    const { code, out, err } = await generate("typed.ts");
    if ((process.features as { readonly typescript?: unknown }).typescript)
      expect({ code, says: out.includes("int64 a = 1;") }).toEqual({ code: 0, says: true });
    else
      expect({ code, says: err.includes("runs no TypeScript: give the compiled file") }).toEqual({
        code: 1,
        says: true,
      });
  });
});
