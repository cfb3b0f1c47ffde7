import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { exchange, request } from "../../test/wire.ts";
import { described, type Middleware } from "../endpoint/index.ts";
import { health } from "../health/index.ts";
import { method, service } from "../index.ts";
import { fromJsonSchema } from "../jsonschema/index.ts";
import { serve } from "../server/index.ts";
import { Assets } from "./assets.ts";
import { debugServer } from "./index.ts";
import { servedShop } from "./testdata/shop.ts";

const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

describe("the port for operators", () => {
  it("shows metrics in the form that is accepted, the stacks and the parts of health", async () => {
    await using shop = await servedShop({}, { health: health({ parts: { db: { check: () => undefined } } }) });
    await shop.buy("tea");
    // Programs come under whatever name leads here.
    const ask = (path: string, headers = {}) => exchange(shop.debug, request({ path, headers }));
    const plain = await ask("/metrics");
    expect(plain.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(plain.body).toContain('rpc_server_requests_total{code="ok",method="buy",service="shop"} 1\n');
    const openMetrics = await ask("/metrics?x=1", {
      Accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    });
    expect(openMetrics.headers["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(openMetrics.body.endsWith("# EOF\n")).toBe(true);
    expect((await ask("/stack")).body).toBe(shop.running.describe());
    const ready = await ask("/readyz");
    expect([ready.status, JSON.parse(ready.body)]).toMatchObject([
      200,
      { ok: true, state: "ready", parts: { db: { ok: true } } },
    ]);
    expect((await ask("/")).body).toMatch(
      /^\/metrics\n\/livez\n\/readyz\n\/startupz\n\/stack\n\/debug\/services.json\n/,
    );
    expect((await shop.ask("/nothing")).status).toBe(404);
    // Its own requests are no calls.
    expect(shop.running.metrics!.text()).not.toContain('other",service="other"} 1');
  });

  it("stays up where what it shows cannot be shown", async () => {
    const nothing = (): never => {
      throw new Error("hunter2");
    };
    const layer: Middleware = described("mine", (next) => next, nothing);
    // JSON cannot say it.
    const big = fromJsonSchema<unknown>({ type: "object", default: 1n });
    const own = service("own", { call: method({ request: big, response: big }) });
    const implementation = own.implement({ call: () => ({}) }, { methods: { call: { use: [layer] } } });
    const running = await serve(implementation, {
      on: [debugServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const [address] = running.addresses as [string];
    const ask = (path: string) => exchange(address, request({ path, headers: { Host: new URL(address).host } }));
    expect((await ask("/debug/methods.json")).status).toBe(200);
    const catalogue = await ask("/debug/services.json");
    expect([catalogue.status, catalogue.body]).toEqual([500, "500 this cannot be shown\n"]);
    expect((await ask("/livez")).status).toBe(200);
    await running.stop();
  });

  it("takes GET and HEAD only, but for calls, and says so where metrics are off", async () => {
    await using shop = await servedShop({}, { metrics: false });
    const post = await shop.ask({ path: "/metrics", body: "{}" });
    expect([post.status, post.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    const get = await shop.ask("/debug/try");
    expect([get.status, get.headers["allow"]]).toEqual([405, "POST"]);
    const head = await shop.ask({ verb: "HEAD", path: "/stack" });
    expect([head.status, head.body]).toEqual([200, ""]);
    expect((await shop.ask({ verb: "HEAD", path: "/debug/events" })).status).toBe(200);
    expect((await shop.ask("/metrics")).status).toBe(404);
    expect(await shop.json("/debug/methods.json")).toMatchObject({ methods: { "shop.buy": { count: 0 } } });
  });

  it("lives through what is no HTTP", async () => {
    await using shop = await servedShop();
    expect((await exchange(shop.debug, "nonsense\r\n\r\n")).status).toBe(400);
    expect((await shop.ask("/livez")).status).toBe(200);
  });

  it("refuses options it does not have, or cannot use", () => {
    expect(() => debugServer({ port: 0, health: false } as never)).toThrow('debugServer has no option "health"');
    expect(() => debugServer({} as never)).toThrow("port should be an integer from 0 to 65535, got undefined");
    expect(() => debugServer({ port: 0, tryIt: "yes" as never })).toThrow('tryIt should be true or false, got "yes"');
    expect(() => debugServer({ port: 0, hosts: "a" as never })).toThrow(
      'hosts should be a list of host names, got "a"',
    );
    expect(() => debugServer({ port: 0, hosts: ["a:80"] })).toThrow(
      'hosts should be a host name without a port, got "a:80"',
    );
  });

  it("tells a service without methods apart from none", async () => {
    await using running = await serve([], {
      on: [debugServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const { host } = new URL(running.addresses[0]!);
    const answer = await exchange(
      running.addresses[0]!,
      request({ path: "/debug/services.json", headers: { Host: host } }),
    );
    expect(JSON.parse(answer.body)).toEqual({ tryIt: false, metrics: true, traces: true, methods: [] });
  });
});

describe("the files of the page", () => {
  it("go to browsers, and the plain list to everybody else", async () => {
    await using shop = await servedShop();
    const page = await shop.ask({ path: "/", headers: html });
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.body).toMatch(/^<!doctype html>/);
    expect((await shop.ask("/")).body).toMatch(/^\/metrics\n/);
  });

  it("name nothing inline and nothing from elsewhere, and forbid both", async () => {
    await using shop = await servedShop();
    const page = await shop.ask({ path: "/", headers: html });
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.body).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=|src="https?:|href="https?:/);
    const files = [...page.body.matchAll(/(?:src|href)="(debug\/[^"]+)"/g)].map(([, path]) => path!);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files.filter((one) => one.startsWith("debug/page"))) {
      const { status, headers } = await shop.ask(`/${file}`);
      expect([status, headers["x-content-type-options"]]).toEqual([200, "nosniff"]);
    }
  });

  it("hold every module that another one imports", async () => {
    await using shop = await servedShop();
    const seen = new Set<string>();
    const visit = async (name: string): Promise<void> => {
      if (seen.has(name)) return;
      seen.add(name);
      const { status, body } = await shop.ask(`/debug/page/${name}`);
      expect([name, status]).toEqual([name, 200]);
      for (const [, other] of body.matchAll(/(?:from|import) "\.\/([^"]+)"/g)) await visit(other!);
    };
    await visit("main.js");
    expect(seen.size).toBeGreaterThan(6);
  });

  it("are compressed for those who take it, and not sent again to those who have them", async () => {
    await using shop = await servedShop();
    const plain = await shop.ask("/debug/page/main.js");
    const answer = await fetchBytes(`${shop.debug}/debug/page/main.js`, { "accept-encoding": "br, gzip" });
    expect(answer.headers["content-encoding"]).toBe("gzip");
    // One tag for both forms is a weak one.
    expect(plain.headers["etag"]).toMatch(/^W\/"/);
    expect(gunzipSync(answer.body).toString("utf8").length).toBeGreaterThan(1000);
    for (const accepted of ["br", "gzip;q=0", "identity"]) {
      const one = await shop.ask({ path: "/debug/page/main.js", headers: { "accept-encoding": accepted } });
      expect(one.headers["content-encoding"]).toBeUndefined();
    }
    const again = await shop.ask({
      path: "/debug/page/main.js",
      headers: { "if-none-match": String(plain.headers["etag"]) },
    });
    expect([again.status, again.body]).toEqual([304, ""]);
  });

  it("are at most 60 kB together, as they travel", () => {
    const { gzipBytes } = new Assets();
    // A loader of style sheets once left nothing of ours.
    expect(gzipBytes).toBeGreaterThan(15_000);
    expect(gzipBytes).toBeLessThanOrEqual(60_000);
  });
});

describe("the model of the page", () => {
  it("keeps a bounded part of a trace that a caller gives to all his calls", async () => {
    const { Model } = (await import(new URL("./page/model.js", import.meta.url).href)) as {
      Model: new () => { take(tick: object): void; calls: { spans: object[]; lines: string[] }[] };
    };
    const model = new Model();
    const span = {
      traceId: "t",
      parentSpanId: "p",
      name: "a/b",
      kind: "server",
      startUnixMs: 0,
      durationMs: 1,
      attributes: {},
    };
    const spans = Array.from({ length: 1000 }, (_, i) => ({ ...span, spanId: String(i) }));
    const lines = spans.map(() => ({ text: "x", traceId: "t" }));
    for (const nowMs of [1, 2, 3]) model.take({ nowMs, methods: {}, spans, lines, skipped: 0 });
    expect(model.calls.map((call) => [call.spans.length, call.lines.length])).toEqual([[500, 500]]);
  });
});

describe("who may look", () => {
  it.each([
    "127.0.0.1",
    "127.0.0.1:9090",
    "[::1]:9090",
    "10.1.2.3",
    "localhost",
    "localhost:8080",
    "a.localhost",
    "ops.example.com:80",
  ])("is whoever comes to %s", async (host) => {
    await using shop = await servedShop({ hosts: ["ops.EXAMPLE.com"] });
    expect((await shop.ask({ path: "/debug/methods.json", headers: { Host: host } })).status).toBe(200);
  });

  it.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "ops.example.com.evil",
    "[::1",
    "",
    "1.2.3.4@evil",
  ])("is nobody who comes to %j, the name of another site", async (host) => {
    await using shop = await servedShop({ hosts: ["ops.example.com"] });
    for (const path of [
      "/debug/services.json",
      "/debug/methods.json",
      "/debug/calls.json",
      "/debug/events",
      "/debug/page/main.js",
    ]) {
      const { status, body } = await shop.ask({ path, headers: { Host: host } });
      expect([path, status, body.includes("hosts")]).toEqual([path, 421, true]);
    }
    expect((await shop.ask({ path: "/", headers: { Host: host, ...html } })).status).toBe(421);
    expect((await shop.ask({ path: "/metrics", headers: { Host: host } })).status).toBe(200);
  });

  it("is no other site's script; a link from there may lead here", async () => {
    await using shop = await servedShop();
    for (const site of ["cross-site", "same-site"]) {
      const headers = { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors" };
      expect((await shop.ask({ path: "/debug/events", headers })).status).toBe(403);
      const link = { ...html, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate" };
      expect((await shop.ask({ path: "/", headers: link })).status).toBe(200);
    }
    const own = { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors" };
    expect((await shop.ask({ path: "/debug/methods.json", headers: own })).status).toBe(200);
  });
});

async function fetchBytes(url: string, headers: Record<string, string>) {
  const { get } = await import("node:http");
  return new Promise<{ headers: Readonly<Record<string, unknown>>; body: Buffer }>((resolve, reject) => {
    get(url, { headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    }).on("error", reject);
  });
}
