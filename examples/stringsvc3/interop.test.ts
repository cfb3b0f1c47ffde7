import { explain } from "servicekit/client";
import { serve } from "servicekit/server";
import { beforeEach, describe, expect, it } from "vitest";
import { goProgram } from "../../tools/servers/go-program.ts";
import { basic, emptyString, strings } from "../stringsvc2/service.ts";
import { goHttp } from "../stringsvc2/transport.ts";
import { program, type Program } from "../test-program.ts";
import { proxy } from "./proxy.ts";

const peer = goProgram(new URL("../stringsvc2/interop/", import.meta.url));

beforeEach(({ skip }) => {
  if ("reason" in peer) skip(peer.reason);
});

/** Go kit's service, which says where it answers. */
const goService = (...args: readonly string[]): Promise<Program> =>
  program(["path" in peer ? peer.path : "", "http", ...args]);

describe("Go kit's stringsvc3", () => {
  it("asks our instances for upper case", async () => {
    const on = [goHttp({ port: 0, host: "127.0.0.1" })];
    const running = await serve(strings.implement(basic), { on, log: false, signals: false });
    await using go = await goService(running.addresses.join(","));
    const ask = async (path: string, s: string): Promise<string> =>
      (await fetch(go.said + path, { method: "POST", body: JSON.stringify({ s }) })).text();
    expect(await ask("/uppercase", "hello, wörld")).toBe('{"v":"HELLO, WÖRLD"}\n');
    expect(await ask("/uppercase", "")).toBe('{"v":"","err":"empty string"}\n');
    expect(await ask("/count", "hello")).toBe('{"v":5}\n');
    await running.stop();
  });
});

describe("our stringsvc3", () => {
  it("asks Go kit's instances for upper case, in turn", async () => {
    await using first = await goService();
    await using second = await goService();
    await using remote = proxy([first.said, second.said], 20_000);
    for (let i = 0; i < 4; i++) expect(await remote.uppercase({ s: "hello, wörld" })).toEqual({ v: "HELLO, WÖRLD" });
    expect(explain(remote).map(({ calls }) => calls)).toEqual([2, 2]);
    expect(await remote.count({ s: "héllo" })).toEqual({ v: 6 });
    const empty = await remote.uppercase.try({ s: "" });
    expect(!empty.ok && emptyString.is(empty.error)).toBe(true);
  });
});
