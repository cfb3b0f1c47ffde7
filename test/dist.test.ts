// The built files, in plain Node, as a user has them: h3 once shipped a build whose bundler had dropped a security check.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { presentDoors, root } from "../tools/doors.mjs";

const run = promisify(execFile);

/** Runs a module against dist, through the package's own name, and returns what it prints, parsed. */
async function inNode(code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: root, timeout: 50_000 });
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

  it("serves a contract over HTTP and JSON-RPC with everything on, and calls it", async () => {
    const seen = await inNode(`
      import { error, method, service, ServiceError } from "servicekit";
      import { client, close } from "servicekit/client";
      import { serve } from "servicekit/server";
      import { httpClient, httpServer } from "servicekit/transport/http";
      import { jsonrpcServer } from "servicekit/transport/jsonrpc";
      import { z } from "zod";

      const int = z.int();
      const twoZeroes = error("two_zeroes", { code: "invalid_argument" });
      const add = service("add", {
        sum: method({ request: z.object({ a: int, b: int }), response: z.object({ v: int }), errors: [twoZeroes] }),
        fail: method({ request: z.object({}), response: z.object({}) }),
      });
      const running = await serve(
        add.implement({
          sum: ({ a, b }) => (a === 0 && b === 0 ? twoZeroes() : { v: a + b, secret: "undeclared" }),
          fail: () => { throw new Error("password is hunter2"); },
        }),
        { on: [httpServer({ host: "127.0.0.1", port: 0 }), jsonrpcServer({ host: "127.0.0.1", port: 0 })], log: false, signals: false },
      );
      const [http, rpc] = running.addresses;
      const remote = client(add, httpClient(), { from: http, log: false });
      const post = async (url, body) => {
        const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
        return [response.status, await response.text()];
      };
      const seen = {
        sum: await remote.sum({ a: 1, b: 2 }),
        declared: (await remote.sum.try({ a: 0, b: 0 })).error.reason,
        failed: await remote.fail({}).catch((e) => [ServiceError.is(e), e.code, e.message]),
        wire: await post(http + "/add/sum", '{"a":1,"b":2}'),
        invalid: (await post(http + "/add/sum", '{"a":"x","b":2}'))[0],
        rpc: JSON.parse((await post(rpc, '{"jsonrpc":"2.0","id":7,"method":"add.sum","params":{"a":1,"b":2}}'))[1]),
      };
      await close(remote);
      seen.exit = await running.stop();
      console.log(JSON.stringify(seen));
    `);
    expect(seen).toEqual({
      sum: { v: 3 },
      declared: "two_zeroes",
      failed: [true, "internal", "internal error"],
      wire: [200, expect.stringMatching(/^\{"v":3\}\s*$/)],
      invalid: 400,
      rpc: { jsonrpc: "2.0", id: 7, result: { v: 3 } },
      exit: 0,
    });
  });

  it("has the files of the operators' page inside its code, wherever it lies", async () => {
    const seen = await inNode(`
      import { debugServer } from "servicekit/debug";
      import { serve } from "servicekit/server";
      const running = await serve([], { on: [debugServer({ host: "127.0.0.1", port: 0 })], log: false, signals: false });
      const get = async (path) => (await fetch(running.addresses[0] + path, { headers: { accept: "text/html" } })).text();
      const page = await get("/");
      const files = [...page.matchAll(/(?:src|href)="(debug\\/page\\/[^"]+)"/g)].map(([, path]) => "/" + path);
      const sizes = await Promise.all(files.map(async (path) => (await get(path)).length));
      await running.stop();
      console.log(JSON.stringify([page.startsWith("<!doctype html>"), files, sizes.every((size) => size > 1000)]));
    `);
    expect(seen).toEqual([true, ["/debug/page/page.css", "/debug/page/main.js"], true]);
  });

  it("names no source map and no path of the machine that built it", () => {
    for (const { code } of presentDoors) {
      expect(readFileSync(root + code, "utf8")).not.toMatch(/sourceMappingURL|file:\/\//);
    }
  });
});
