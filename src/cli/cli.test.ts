// The built program, as a user calls it: `npm test` builds it first.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageJson, programs, root } from "../../tools/doors.mjs";

const file = `${root}${programs.find(({ program }) => program === "servicekit")?.code}`;
const pets = `${root}src/documents/testdata/generate-pets.json`;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function servicekit(args: readonly string[], input = ""): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file, ...args], { stdio: "pipe" });
    const ended = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ended.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (ended.err += text));
    child.on("close", (code) => resolve({ ...ended, code }));
    child.stdin.on("error", () => undefined).end(input);
  });
}

const isBuilt = existsSync(file);

describe.skipIf(!isBuilt)(`the command servicekit${isBuilt ? "" : " (not built)"}`, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(`${tmpdir()}/servicekit-cli-`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is a program that a shell can start", () => {
    expect(readFileSync(file, "utf8").split("\n")[0]).toBe("#!/usr/bin/env node");
  });

  it.each([[], ["--help"], ["-h"], ["help"]])("shows help: %j", async (...args) => {
    const { code, out, err } = await servicekit(args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("servicekit generate openapi <file|url|-> [--out <file>] [--name <service>]");
  });

  it("says its version", async () => {
    expect(await servicekit(["--version"])).toEqual({ code: 0, out: `${packageJson.version}\n`, err: "" });
  });

  it("shows the help of a command", async () => {
    const { code, out } = await servicekit(["generate", "openapi", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("--out <file>");
    expect(out).toContain("npx js-yaml");
  });

  it("writes a contract to a file, and what it does not carry to stderr", async () => {
    const target = `${folder}/pets.ts`;
    const { code, out, err } = await servicekit(["generate", "openapi", pets, "--out", target, "--name", "pets"]);
    expect({ code, out }).toEqual({ code: 0, out: "" });
    const kept = readFileSync(`${root}src/documents/testdata/gen/pets.ts`, "utf8");
    expect(readFileSync(target, "utf8")).toBe(kept.replace("(pets.json)", "(generate-pets.json)"));
    expect(err).toContain('note: GET /pets: the cookie parameter "session" is not carried');
    expect(err).toContain(`7 methods in ${target}, 13 notes\n`);
  });

  it("reads stdin and writes stdout", async () => {
    const document = `\ufeff${JSON.stringify({ openapi: "3.1.0", info: { title: "Nothing" } })}`;
    const { code, out, err } = await servicekit(["generate", "openapi", "-"], document);
    expect({ code, err }).toEqual({ code: 0, err: "0 methods, 0 notes\n" });
    expect(out).toContain('export const nothing: Service<NothingMethods> = service("nothing", {});');
  });

  it("fetches a document, and keeps a password and a query out of the file", async () => {
    const server = createServer((_, response) => response.end(readFileSync(pets)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, out } = await servicekit(["generate", "openapi", `http://127.0.0.1:${port}/api.json?key=secret`]);
    server.close();
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toContain(`(127.0.0.1:${port}/api.json)`);
    expect(out).not.toContain("secret");
  });

  it("passes on nothing that a terminal obeys", async () => {
    const { code, err } = await servicekit(["generate", "openapi", "-"], "\u001b]0;mine\u0007 no JSON");
    expect(code).toBe(1);
    expect(err).toContain("]0;mine");
    expect(err).not.toMatch(/[\u0007\u001b]/);
  });

  it.each<[string[], number, string]>([
    [["generate", "openapi", "/none.json"], 1, "cannot read /none.json: ENOENT"],
    [["generate", "openapi", "http://127.0.0.1:1/"], 1, "cannot read http://127.0.0.1:1/: the peer cannot be reached"],
    [["generate", "openapi", "{folder}/broken.json"], 1, "broken.json is not JSON"],
    [["generate", "openapi", "{folder}/api.yaml"], 1, "it is YAML; convert it: npx js-yaml"],
    [["generate", "openapi", "{folder}/old.json"], 1, 'the document should be OpenAPI 3.0 or 3.1, got version "2.0"'],
    [["generate", "openapi", pets, "--name", "a-b"], 1, "name should be letters, digits and _"],
    [["generate", "openapi", pets, "--out", "/none/x.ts"], 1, "cannot write /none/x.ts: ENOENT"],
    [["generate", "openapi"], 2, "give a file, a URL, or - for stdin\nusage: servicekit generate openapi"],
    [["generate", "openapi", "a", "b"], 2, "one document at a time, got 2\nusage:"],
    [["generate", "openapi", "--wrong"], 2, "Unknown option '--wrong'"],
    [["generate", "grpc"], 2, 'there is no command "generate grpc"\nusage:'],
    [["--wrong"], 2, 'there is no command "--wrong"'],
  ])("refuses %j with %i", async (args, code, says) => {
    writeFileSync(`${folder}/broken.json`, "{");
    writeFileSync(`${folder}/api.yaml`, "# an API\nopenapi: 3.0.0\n");
    writeFileSync(`${folder}/old.json`, '{"swagger":"2.0"}');
    const ended = await servicekit(args.map((one) => one.replace("{folder}", folder)));
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: "" });
    expect(ended.err).toContain(says);
    expect(ended.err).not.toContain("    at ");
  });
});
