import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { z } from "zod";
import { methodInfo } from "../../../test/method-info.ts";
import { served } from "../../../test/served.ts";
import { client } from "../../client/index.ts";
import { ActiveCall, backgroundContext, type Context } from "../../endpoint/index.ts";
import { error, method, service } from "../../index.ts";
import { serve } from "../../server/index.ts";
import { fetchHandler } from "../fetch/index.ts";
import { cookie, deleteCookie, httpClient, setCookie, type CookieOptions } from "./index.ts";

function carrying(header: string | undefined): Context {
  const info = methodInfo({ service: "a", name: "b", timeoutMs: 9 });
  const incoming = { get: (name: string) => (name === "cookie" ? header : undefined) };
  return new ActiveCall(info, { startMs: 0, timeoutMs: 9, incoming }).context;
}

function line(name: string, value: string, options?: CookieOptions): string | undefined {
  const context = backgroundContext();
  setCookie(context, name, value, options);
  return context.reply.get("set-cookie");
}

describe("reading a cookie", () => {
  const rows: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ["", undefined],
    ["a=1", "1"],
    ["b=2; a=1", "1"],
    ["b=2;a=1;c=3", "1"],
    ["  a =  1  ", "1"],
    ["a=1; a=2", "1"],
    ["xa=1", undefined],
    ["A=1", undefined],
    ["a", undefined],
    ["=a", undefined],
    ["a=", ""],
    ['a="1 2"', "1 2"],
    ['a="', '"'],
    ["a=b=c", "b=c"],
    ["a=%20", "%20"],
  ];
  for (const [header, value] of rows) {
    it(`finds ${JSON.stringify(value)} in ${JSON.stringify(header)}`, () =>
      expect(cookie(carrying(header), "a")).toBe(value));
  }

  it("finds nothing under names that every object has", () => {
    for (const name of ["__proto__", "constructor", "toString"]) expect(cookie(carrying("a=1"), name)).toBeUndefined();
  });

  it("reads whatever is sent without failing", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (header, name) => void cookie(carrying(header), name)));
  });

  it("reads what was set", () => {
    const octet = fc.constantFrom(..."!#$%&'()*+-./:<=>?@[]^_`{|}~abcXYZ019");
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/), fc.string({ unit: octet }), (name, value) => {
        const [pair] = line(name, value)!.split("; ");
        expect(cookie(carrying(`first=1; ${pair}; last=2`), name)).toBe(value);
      }),
    );
  });
});

describe("setting a cookie", () => {
  it("is strict unless told otherwise", () => {
    expect(line("a", "1")).toBe("a=1; Path=/; HttpOnly; Secure; SameSite=Lax");
    expect(
      line("a", "1", { path: "/shop", domain: "app.example", httpOnly: false, secure: false, sameSite: "strict" }),
    ).toBe("a=1; Domain=app.example; Path=/shop; SameSite=Strict");
    expect(line("a", "1", { maxAgeMs: 1500, expires: new Date(0), sameSite: "none", partitioned: true })).toBe(
      "a=1; Max-Age=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; Secure; SameSite=None; Partitioned",
    );
  });

  it("is forgotten where it was set", () => {
    const context = backgroundContext();
    deleteCookie(context, "__Host-a");
    expect(context.reply.get("set-cookie")).toBe(
      "__Host-a=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; Secure; SameSite=Lax",
    );
    expect(() => deleteCookie(context, "a", { maxAgeMs: 1 } as CookieOptions)).toThrow('no option "maxAgeMs"');
  });

  const wrong: readonly (readonly [string, string, string, CookieOptions, string])[] = [
    ["no name", "", "1", {}, "a cookie's name should be a token"],
    ["a name with a space", "a b", "1", {}, "a cookie's name should be a token"],
    ["a value with a line break", "a", "1\r\nset-cookie: b=2", {}, "the value of cookie a should have visible ASCII"],
    ["a value with a semicolon", "a", "1; Domain=x", {}, "the value of cookie a should have visible ASCII"],
    ["a value that is not ASCII", "a", "ü", {}, "the value of cookie a should have visible ASCII"],
    ["too much", "a", "x".repeat(4096), {}, "cookie a should have at most 4096 characters, got 4097"],
    ["a path with a semicolon", "a", "1", { path: "/;x" }, "path should be a path"],
    ["a relative path", "a", "1", { path: "x" }, "path should be a path"],
    ["a long path", "a", "1", { path: `/${"x".repeat(1024)}` }, "path should have at most 1024 characters, got 1025"],
    ["a domain with a port", "a", "1", { domain: "a.example:80" }, "domain should be the name of a host"],
    ["an age above 400 days", "a", "1", { maxAgeMs: 401 * 86_400_000 }, "maxAgeMs should be a number from 0 to"],
    ["a date that is none", "a", "1", { expires: new Date(Number.NaN) }, "expires should be a date"],
    ["another sameSite", "a", "1", { sameSite: "Lax" as "lax" }, 'sameSite should be one of "strict", "lax", "none"'],
    ["a flag that is none", "a", "1", { secure: 1 as never }, "secure should be true or false, got 1"],
    [
      "other sites without TLS",
      "a",
      "1",
      { sameSite: "none", secure: false },
      "secure should be true for a cookie sameSite none",
    ],
    [
      "a jar without TLS",
      "a",
      "1",
      { partitioned: true, secure: false },
      "secure should be true for a cookie partitioned",
    ],
    [
      "__Secure- without TLS",
      "__Secure-a",
      "1",
      { secure: false },
      "secure should be true for a cookie named __Secure-a",
    ],
    ["__Host- with a domain", "__Host-a", "1", { domain: "a.example" }, 'no domain, got "a.example"'],
    ["__host- with a path", "__host-a", "1", { path: "/x" }, 'should have the path "/" and no domain, got "/x"'],
    ["a name there is not", "a", "1", { httponly: true } as CookieOptions, 'setCookie has no option "httponly"'],
  ];
  for (const [what, name, value, options, says] of wrong) {
    it(`refuses ${what}`, () => expect(() => line(name, value, options)).toThrow(says));
  }

  it("never shows the value in an error", () => {
    expect(() => line("a", "secret;")).toThrow(/^(?!.*secret)/);
  });
});

const no = error("no", { code: "unauthenticated" });
const session = service("session", {
  open: method({
    request: z.object({ fails: z.boolean() }),
    response: z.object({ had: z.string().optional() }),
    errors: [no],
  }),
});
const implementation = session.implement({
  open({ fails }, context) {
    setCookie(context, "__Host-id", "s1");
    setCookie(context, "theme", "dark", { httpOnly: false });
    deleteCookie(context, "old");
    return fails ? no() : { had: cookie(context, "__Host-id") };
  },
});
const names = (lines: unknown): string[] => (lines as string[]).map((one) => one.split("=", 1)[0]!);

describe("cookies over the wire", () => {
  it("each have a line of their own, beside a hook's, on errors too", async () => {
    const after = [
      (_: unknown, reply: { append(name: string, value: string): void }) => reply.append("set-cookie", "hook=1"),
    ];
    await using server = await served(implementation, { after });
    const ask = (fails: boolean) =>
      server.ask({
        verb: "POST",
        path: "/session/open",
        headers: { cookie: "a=1; __Host-id=s0" },
        body: JSON.stringify({ fails }),
      });
    const { headers, body } = await ask(false);
    expect(names(headers["set-cookie"])).toEqual(["hook", "__Host-id", "theme", "old"]);
    expect(JSON.parse(body)).toEqual({ had: "s0" });
    expect(names((await ask(true)).headers["set-cookie"])).toEqual(["__Host-id", "theme", "old"]);
  });

  it("reach our client as a list, and go out as a header", async () => {
    await using server = await served(implementation);
    let seen: readonly string[] = [];
    const after = [(_: unknown, response: { readonly cookies: readonly string[] }) => void (seen = response.cookies)];
    await using remote = client(session, httpClient({ after }), { from: server.address, timeoutMs: 60_000 });
    expect(await remote.open({ fails: false }, { metadata: { cookie: "__Host-id=s7" } })).toEqual({ had: "s7" });
    expect(names(seen)).toEqual(["__Host-id", "theme", "old"]);
  });

  it("are the same through fetch", async () => {
    const handler = fetchHandler();
    await using _running = await serve(implementation, { on: [handler], log: false, signals: false });
    const headers = { "content-type": "application/json" };
    const response = await handler(
      new Request("http://any/session/open", { method: "POST", headers, body: '{"fails":false}' }),
    );
    expect(names(response.headers.getSetCookie())).toEqual(["__Host-id", "theme", "old"]);
  });

  it("are bounded", async () => {
    const context = backgroundContext();
    expect(() => {
      for (let i = 0; i < 200; i++) setCookie(context, "a", "x".repeat(500));
    }).toThrow("metadata should be at most 16384 characters");
    expect(() => {
      const other = backgroundContext();
      for (let i = 0; i < 200; i++) setCookie(other, "a", "1");
    }).toThrow("metadata should have at most 100 entries");
  });
});
