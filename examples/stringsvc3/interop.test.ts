import { spawn, type ChildProcess } from "node:child_process";
import { explain } from "servicekit/client";
import { serve } from "servicekit/server";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { goProgram } from "../../tools/servers/go-program.ts";
import { basic, emptyString, strings } from "../stringsvc2/service.ts";
import { goHttp } from "../stringsvc2/transport.ts";
import { proxy } from "./proxy.ts";

let program = "";
let reason: string | undefined;
// The first time modules are fetched and compiled.
beforeAll(() => {
  const peer = goProgram(new URL("./interop/", import.meta.url));
  if ("reason" in peer) ({ reason } = peer);
  else program = peer.path;
}, 180_000);

beforeEach(({ skip }) => {
  if (reason !== undefined) skip(reason);
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

/** Go kit's service; where it answers. */
async function goService(...args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Go kit's service ended with ${code}`)));
    child.stdout.setEncoding("utf8").once("data", resolve);
  });
  return line.trim();
}

describe("Go kit's stringsvc3", () => {
  it("asks our instances for upper case", async () => {
    const on = [goHttp({ port: 0, host: "127.0.0.1" })];
    const running = await serve(strings.implement(basic), { on, log: false, signals: false });
    const go = await goService("proxy", running.addresses.join(","));
    const ask = async (path: string, s: string): Promise<string> =>
      (await fetch(go + path, { method: "POST", body: JSON.stringify({ s }) })).text();
    expect(await ask("/uppercase", "hello, wörld")).toBe('{"v":"HELLO, WÖRLD"}\n');
    expect(await ask("/uppercase", "")).toBe('{"v":"","err":"empty string"}\n');
    expect(await ask("/count", "hello")).toBe('{"v":5}\n');
    await running.stop();
  }, 20_000);
});

describe("our stringsvc3", () => {
  it("asks Go kit's instances for upper case, in turn", async () => {
    await using remote = proxy([await goService("serve"), await goService("serve")], 10_000);
    for (let i = 0; i < 4; i++) expect(await remote.uppercase({ s: "hello, wörld" })).toEqual({ v: "HELLO, WÖRLD" });
    expect(explain(remote).map(({ calls }) => calls)).toEqual([2, 2]);
    expect(await remote.count({ s: "héllo" })).toEqual({ v: 6 });
    const empty = await remote.uppercase.try({ s: "" });
    expect(!empty.ok && emptyString.is(empty.error)).toBe(true);
  }, 20_000);
});
