// The built files, in plain Node, as a user has them: h3 once shipped a build whose bundler had dropped a security check.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { presentDoors, root } from "../tools/doors.mjs";

const run = promisify(execFile);

/** Runs a module against dist, through the package's own name, and returns what it prints, parsed. */
async function inNode(code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: root, timeout: 20_000 });
  return JSON.parse(stdout);
}

describe("the built package", () => {
  it.each(presentDoors)("opens $door on its own, without a warning", async ({ door }) => {
    const code = `const { length } = Object.keys(await import("${door}")); console.log(JSON.stringify(length));`;
    const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: root });
    expect(stderr).toBe("");
    expect(Number(stdout)).toBeGreaterThan(0);
  });

  it("shares one copy of what two doors export", async () => {
    const same = await inNode(`
      const [core, errors, endpoint] = [await import("servicekit"), await import("servicekit/errors"), await import("servicekit/endpoint")];
      console.log(JSON.stringify([core.ServiceError === errors.ServiceError, core.chain === endpoint.chain]));
    `);
    expect(same).toEqual([true, true]);
  });

  it("still checks what it is given", async () => {
    const messages = await inNode(`
      import { error, service } from "servicekit";
      const said = [];
      for (const wrong of [() => error("Not A Reason", { code: "internal" }), () => error("fine", { code: "nonsense" }), () => service("", {})]) {
        try { wrong(); said.push("nothing"); } catch (e) { said.push(e.name); }
      }
      console.log(JSON.stringify(said));
    `);
    expect(messages).toEqual(["RangeError", "RangeError", "RangeError"]);
  });

  it("keeps the brand, the name and the cheap stack of its errors", async () => {
    const seen = await inNode(`
      import { error, ServiceError } from "servicekit";
      const answer = error("two_zeroes", { code: "invalid_argument" })();
      console.log(JSON.stringify([answer instanceof Error, ServiceError.is(answer), answer.name, answer.stack]));
    `);
    expect(seen).toEqual([true, true, "ServiceError", "ServiceError: two zeroes"]);
  });

  it("names no source map and no path of the machine that built it", () => {
    for (const { code } of presentDoors) {
      expect(readFileSync(root + code, "utf8")).not.toMatch(/sourceMappingURL|file:\/\//);
    }
  });
});
