import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { error, method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { fetchHandler } from "../fetch/index.ts";
import { routes, type CorsOptions } from "./index.ts";

const lost = error("lost", { code: "not_found" });
const things = service("things", {
  get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }), errors: [lost] }),
  put: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }) }),
  any: method({ request: z.object({}), response: z.object({ v: z.int() }) }),
});
const table = routes(things, { get: "GET /things/{id}", put: "PUT /things/{id}", any: "/any" });
const calls: string[] = [];
const implementation = things.implement({
  get: ({ id }, context) => {
    calls.push(`get ${id}`);
    context.reply.set("vary", "x-tenant");
    return id === "lost" ? lost() : { id };
  },
  put: ({ id }) => ({ id }),
  any: () => (calls.push("any"), { v: 1 }),
});
const APP = "https://app.example";
const page = {
  "~pages": true,
  pages: () => [{ path: "/hello", answer: () => ({ status: 200, headers: [], body: "hi" }) }],
} as const;

describe("cross-origin requests", () => {
  let server: Served;
  beforeAll(async () => {
    server = await served(implementation, {
      routes: [table],
      pages: [page],
      cors: { origins: [APP, "http://localhost:3000"], credentials: true },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const ask = (verb: string, path: string, headers: Record<string, string> = {}) => server.ask({ verb, path, headers });

  it("let the page of a named origin read every kind of answer", async () => {
    const paths: readonly (readonly [string, number])[] = [
      ["/things/a", 200],
      ["/things/lost", 404],
      ["/nowhere", 404],
      ["/readyz", 200],
      ["/hello", 200],
      ["/things/put", 200],
    ];
    for (const [path, status] of paths) {
      const answer = await ask("GET", path, { origin: APP });
      expect([path, answer.status, answer.headers["access-control-allow-origin"]]).toEqual([path, status, APP]);
      expect(answer.headers["access-control-allow-credentials"]).toBe("true");
      expect(answer.headers["access-control-expose-headers"]).toContain("etag");
      expect(answer.headers["vary"]).toMatch(/Origin$/);
    }
    expect((await ask("DELETE", "/things/a", { origin: APP })).headers).toMatchObject({
      "access-control-allow-origin": APP,
      allow: "GET, PUT, HEAD, OPTIONS",
    });
  });

  it("join what an answer varies by", async () => {
    expect((await ask("GET", "/things/a", { origin: APP })).headers["vary"]).toBe("x-tenant, Origin");
  });

  it("serve a page of any other origin as well, and tell it nothing", async () => {
    for (const origin of ["https://evil.example", "null", `${APP}.evil.example`, "https://APP.example", undefined]) {
      const { status, headers } = await ask("GET", "/things/a", origin === undefined ? {} : { origin });
      expect(status).toBe(200);
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(headers["vary"]).toBe("x-tenant, Origin");
    }
  });

  it("are asked for first, and answered from the table of routes without a call", async () => {
    const before = calls.length;
    const asked = {
      origin: APP,
      "access-control-request-method": "PUT",
      "access-control-request-headers": "content-type,x-y",
    };
    const { status, headers, body } = await ask("OPTIONS", "/things/a", asked);
    expect([status, body]).toEqual([204, ""]);
    expect(headers).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, PUT, HEAD, OPTIONS",
      "access-control-allow-headers": "content-type,x-y",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Headers",
    });
    expect(headers["access-control-allow-private-network"]).toBeUndefined();
    expect((await ask("OPTIONS", "/any", asked)).headers["access-control-allow-methods"]).toContain("DELETE");
    expect((await ask("OPTIONS", "/readyz", asked)).headers["access-control-allow-methods"]).toBe("GET, HEAD, OPTIONS");
    expect((await ask("OPTIONS", "/nowhere", asked)).status).toBe(404);
    expect(calls.length).toBe(before);
  });

  it("are refused in a question by saying nothing", async () => {
    const asked = { origin: "https://evil.example", "access-control-request-method": "PUT" };
    const { status, headers } = await ask("OPTIONS", "/things/a", asked);
    expect(status).toBe(204);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    const odd = { origin: APP, "access-control-request-method": "PUT", "access-control-request-headers": 'x"; y' };
    expect((await ask("OPTIONS", "/things/a", odd)).headers["access-control-allow-headers"]).toBeUndefined();
  });

  it("leave a plain OPTIONS as it was", async () => {
    expect((await ask("OPTIONS", "/things/a")).headers["allow"]).toBe("GET, PUT, HEAD, OPTIONS");
    const before = calls.length;
    expect((await server.ask({ verb: "OPTIONS", path: "/any", body: "{}" })).status).toBe(200);
    expect(calls.slice(before)).toEqual(["any"]);
  });

  const preflight = async (cors: CorsOptions, more: Record<string, string> = {}) => {
    await using one = await served(implementation, { routes: [table], cors });
    const headers = {
      origin: APP,
      "access-control-request-method": "PUT",
      "access-control-request-headers": "x-y",
      ...more,
    };
    return (await one.ask({ verb: "OPTIONS", path: "/things/a", headers })).headers;
  };

  it("may come from anywhere, from what an expression fits whole, or from where a function says", async () => {
    expect(await preflight({ origins: "*" })).toMatchObject({ "access-control-allow-origin": "*" });
    const allowed = async (origins: CorsOptions["origins"]) =>
      (await preflight({ origins }))["access-control-allow-origin"];
    expect(await allowed(/https:\/\/\w+\.example/)).toBe(APP);
    expect(await allowed(/\.example/g)).toBeUndefined();
    expect(await allowed((origin) => origin.endsWith("app.example"))).toBe(APP);
    expect(
      await allowed(() => {
        throw new Error("no");
      }),
    ).toBeUndefined();
  });

  it("are held to what the options name", async () => {
    const options = {
      origins: [APP],
      verbs: ["GET"],
      headers: ["x-z"],
      exposes: [],
      maxAgeMs: 1500,
      privateNetwork: true,
    };
    expect(await preflight(options, { "access-control-request-private-network": "true" })).toMatchObject({
      "access-control-allow-methods": "GET",
      "access-control-allow-headers": "x-z",
      "access-control-max-age": "1",
      "access-control-allow-private-network": "true",
      vary: "Origin",
    });
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    [
      "all origins with credentials",
      { origins: "*", credentials: true },
      'origins should be named where credentials go along, got "*"',
    ],
    [
      "a path",
      { origins: ["https://app.example/"] },
      "cors: origins should be an origin in lower case, without a path",
    ],
    ["the origin of nobody", { origins: ["null"] }, "cors: origins should be an origin"],
    ["a star in a list", { origins: ["https://*.example"] }, "cors: origins should be an origin"],
    ["no list", { origins: 1 }, "cors: origins should be a list, got 1"],
    ["another name", { origins: "*", origin: "*" }, 'cors has no option "origin"'],
    ["no verb", { origins: "*", verbs: ["get"] }, 'cors: verbs should be a verb in upper case, got "get"'],
    ["a line break", { origins: "*", headers: ["a\nb"] }, "cors: headers should be the name of a header"],
    ["an age of days", { origins: "*", maxAgeMs: 1e9 }, "cors: maxAgeMs should be a number from 0 to 86400000"],
  ];
  for (const [what, cors, says] of wrong) {
    it(`are refused at construction with ${what}`, () =>
      expect(served(implementation, { cors: cors as CorsOptions })).rejects.toThrow(says));
  }

  it("are the same through fetch", async () => {
    const handler = fetchHandler({ routes: [table], cors: { origins: [APP] } });
    await using _running = await serve(implementation, { on: [handler], log: false, signals: false });
    const ask = (verb: string, headers: Record<string, string>) =>
      handler(new Request("http://any/things/a", { method: verb, headers: { origin: APP, ...headers } }));
    expect((await ask("GET", {})).headers.get("access-control-allow-origin")).toBe(APP);
    expect(
      (await ask("OPTIONS", { "access-control-request-method": "PUT" })).headers.get("access-control-allow-methods"),
    ).toBe("GET, PUT, HEAD, OPTIONS");
  });
});
