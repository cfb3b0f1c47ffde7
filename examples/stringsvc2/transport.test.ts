import { serve, type Running } from "servicekit/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basic, strings } from "./service.ts";
import { goHttp } from "./transport.ts";

let running: Running;
beforeAll(async () => {
  const on = [goHttp({ port: 0, host: "127.0.0.1" })];
  running = await serve(strings.implement(basic), { on, log: false, signals: false });
});
afterAll(() => running.stop());

describe("the string service on Go kit's wire", () => {
  it.each([
    ["POST", "/uppercase", '{"s":"hello, world"}', 200, '{"v":"HELLO, WORLD"}\n'],
    ["PUT", "/uppercase", '{"s":""}', 200, '{"v":"","err":"empty string"}\n'],
    ["DELETE", "/uppercase", "{}", 200, '{"v":"","err":"empty string"}\n'],
    ["POST", "/count", '{"s":"hello, world"}', 200, '{"v":12}\n'],
    ["POST", "/count", '{"s":"héllo"}', 200, '{"v":6}\n'],
    ["POST", "/count", "{}", 200, '{"v":0}\n'],
    ["POST", "/count", '{"s":', 500, "the body is not valid JSON"],
    ["POST", "/count", '{"s":7}', 500, "the request does not fit the method"],
  ])("answers %s %s %s with %i %j", async (method, path, body, status, answer) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "image/png" };
    const response = await fetch(running.addresses[0] + path, { method, body, headers });
    expect([response.status, await response.text()]).toEqual([status, answer]);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  });
});
