// Whether a page of another origin may call is the browser's decision: so a real one is asked, with pages on one origin
// and the server on another.
import { existsSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { z } from "zod";
import { error, method, service } from "../../index.ts";
import { serve, type Running } from "../../server/index.ts";
import { cookie, deleteCookie, httpHandler, routes, setCookie, type CorsOptions } from "./index.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const MISSING = "there is no Chromium on this machine";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

const lost = error("lost", { code: "not_found" });
const who = z.object({ session: z.string().optional(), script: z.string().optional() });
const things = service("things", {
  get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }), errors: [lost] }),
  put: method({
    request: z.object({ id: z.string(), v: z.int() }),
    response: z.object({ id: z.string(), v: z.int() }),
  }),
  enter: method({ request: z.object({ across: z.boolean() }), response: z.object({}) }),
  leave: method({ request: z.object({}), response: z.object({}) }),
  who: method({ request: z.object({}), response: who }),
});
const table = routes(things, {
  get: { path: "GET /things/{id}", etag: "id", cacheControl: "no-cache" },
  put: { path: "PUT /things/{id}", header: { v: "x-v" } },
  enter: "GET /enter",
  leave: "GET /leave",
  who: "GET /who",
});
const implementation = things.implement({
  get: ({ id }) => (id === "lost" ? lost() : { id }),
  put: (one) => one,
  enter({ across }, context) {
    // Browsers take what another site sets in a jar of its own, if at all.
    const own = across ? ({ sameSite: "none", partitioned: true } as const) : {};
    setCookie(context, "__Host-session", "s1", own);
    setCookie(context, "script", "seen", { ...own, httpOnly: false });
    return {};
  },
  leave(_request, context) {
    deleteCookie(context, "__Host-session");
    return {};
  },
  who: (_request, context) => ({ session: cookie(context, "__Host-session"), script: cookie(context, "script") }),
});

const PUT: Asked = { method: "PUT", headers: { "x-v": "7", "content-type": "application/json" }, body: "{}" };

async function listening(answer: RequestListener): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly credentials?: "include";
}

interface Said {
  readonly failed: boolean;
  readonly status: number;
  readonly body: string;
  readonly etag: string | null;
  readonly own: string | null;
}

describe("a page of another origin, in a browser", bytesOf("http"), () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  const open: { readonly running: Running; readonly server: Server }[] = [];

  beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    const { server, port } = await listening((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>page</title>");
    });
    pages = server;
    origin = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    if (CHROMIUM === undefined) return;
    await browser.close();
    pages.close();
    for (const { running, server } of open) {
      await running.stop();
      server.close();
      server.closeAllConnections();
    }
  });

  /** A server, and the requests that reached it. */
  async function serving(cors: CorsOptions | undefined): Promise<{ readonly api: string; readonly asked: string[] }> {
    const handler = httpHandler({ routes: [table], cors });
    const running = await serve(implementation, { on: [handler], log: false, signals: false });
    const asked: string[] = [];
    const { server, port } = await listening((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      handler(request, response);
    });
    open.push({ running, server });
    return { api: `http://127.0.0.1:${port}`, asked };
  }

  /** What a script of a page at `from` hears. */
  async function visiting(
    from = origin,
  ): Promise<{ readonly page: Page; say(url: string, init?: Asked): Promise<Said> }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(from);
    const say = (url: string, init: Asked = {}): Promise<Said> =>
      page.evaluate(
        async ([to, how]) => {
          try {
            // oxlint-disable-next-line no-restricted-globals -- this is the browser's
            const response = await fetch(to, how);
            const { headers, status } = response;
            const [etag, own] = [headers.get("etag"), headers.get("x-own")];
            return { failed: false, status, body: await response.text(), etag, own };
          } catch {
            return { failed: true, status: 0, body: "", etag: null, own: null };
          }
        },
        [url, init] as const,
      );
    return { page, say };
  }

  const tests: Readonly<Record<string, () => Promise<void>>> = {
    "reads answers, errors and headers when its origin is let in": async () => {
      const { api, asked } = await serving({ origins: [origin] });
      const { say } = await visiting();
      expect(await say(`${api}/things/a`)).toMatchObject({ status: 200, body: '{"id":"a"}', etag: '"a"' });
      expect(await say(`${api}/things/lost`)).toMatchObject({
        status: 404,
        body: expect.stringContaining("lost") as string,
      });
      expect(await say(`${api}/nowhere`)).toMatchObject({ status: 404 });
      expect(await say(`${api}/readyz`)).toMatchObject({ status: 200 });
      expect(asked.filter((one) => one.startsWith("OPTIONS"))).toEqual([]);
    },
    "reads nothing when it is not, though the request arrives": async () => {
      for (const cors of [undefined, { origins: ["https://app.example"] }]) {
        const { api, asked } = await serving(cors);
        const { say } = await visiting();
        expect(await say(`${api}/things/a`)).toMatchObject({ failed: true });
        expect(await say(`${api}/things/a?v=1`, { method: "PUT", headers: { "x-v": "1" } })).toMatchObject({
          failed: true,
        });
        expect(asked).toEqual(["GET /things/a", "OPTIONS /things/a?v=1"]);
      }
    },
    "asks once before it sends what is more than simple, and goes by the answer for a while": async () => {
      const { api, asked } = await serving({ origins: "*" });
      const { say } = await visiting();
      expect(await say(`${api}/things/a`, PUT)).toMatchObject({ status: 200, body: '{"id":"a","v":7}' });
      expect(await say(`${api}/things/a`, PUT)).toMatchObject({ status: 200 });
      expect(asked).toEqual(["OPTIONS /things/a", "PUT /things/a", "PUT /things/a"]);
    },
    "asks each time where nothing may be kept": async () => {
      const { api, asked } = await serving({ origins: "*", maxAgeMs: 0 });
      const { say } = await visiting();
      for (let i = 0; i < 2; i++) await say(`${api}/things/a`, PUT);
      expect(asked.filter((one) => one.startsWith("OPTIONS"))).toHaveLength(2);
    },
    "may not use a verb, or send a header, that is not named": async () => {
      const { api, asked } = await serving({ origins: [origin], verbs: ["GET"], headers: ["x-other"] });
      const { say } = await visiting();
      expect(await say(`${api}/things/a`, { method: "PUT" })).toMatchObject({ failed: true });
      expect(await say(`${api}/things/a`, { headers: { "x-v": "1" } })).toMatchObject({ failed: true });
      expect(await say(`${api}/things/a`, { headers: { "x-other": "1" } })).toMatchObject({ status: 200 });
      expect(asked).toEqual(["OPTIONS /things/a", "OPTIONS /things/a", "OPTIONS /things/a", "GET /things/a"]);
    },
    "reads no header that is not exposed": async () => {
      const { api } = await serving({ origins: [origin], exposes: [] });
      const { say } = await visiting();
      expect(await say(`${api}/things/a`)).toMatchObject({ status: 200, etag: null });
    },
    "keeps what it has where nothing changed": async () => {
      const { api, asked } = await serving({ origins: [origin] });
      const { say } = await visiting();
      for (let i = 0; i < 2; i++)
        expect(await say(`${api}/things/a`)).toMatchObject({ status: 200, body: '{"id":"a"}', etag: '"a"' });
      expect(asked).toEqual(["GET /things/a", "GET /things/a"]);
    },
    "sends cookies back where credentials go along, and its scripts cannot read them": async () => {
      const { api } = await serving({ origins: [origin], credentials: true });
      const { page, say } = await visiting();
      const credentials = "include" as const;
      expect(await say(`${api}/enter?across=false`, { credentials })).toMatchObject({ status: 200 });
      expect(JSON.parse((await say(`${api}/who`, { credentials })).body)).toEqual({ session: "s1", script: "seen" });
      expect(JSON.parse((await say(`${api}/who`)).body)).toEqual({});
      // Cookies know no ports, so this is the page's own jar too: what is not HttpOnly its scripts may read.
      expect(await page.evaluate("document.cookie")).toBe("script=seen");
      await say(`${api}/leave`, { credentials });
      expect(JSON.parse((await say(`${api}/who`, { credentials })).body)).toEqual({ script: "seen" });
    },
    "takes no cookie, and reads nothing, where credentials may not": async () => {
      const { api } = await serving({ origins: [origin] });
      const { page, say } = await visiting();
      expect(await say(`${api}/enter?across=false`, { credentials: "include" })).toMatchObject({ failed: true });
      expect(await say(`${api}/enter?across=false`)).toMatchObject({ status: 200 });
      await page.context().clearCookies();
      expect(JSON.parse((await say(`${api}/who`)).body)).toEqual({});
    },
    "of another site gets those cookies that are for other sites": async () => {
      const site = origin.replace("127.0.0.1", "localhost");
      const { api } = await serving({ origins: [site], credentials: true });
      const credentials = "include" as const;
      const lax = await visiting(site);
      await lax.say(`${api}/enter?across=false`, { credentials });
      expect(JSON.parse((await lax.say(`${api}/who`, { credentials })).body)).toEqual({});
      const none = await visiting(site);
      await none.say(`${api}/enter?across=true`, { credentials });
      expect(JSON.parse((await none.say(`${api}/who`, { credentials })).body)).toEqual({
        session: "s1",
        script: "seen",
      });
    },
  };

  for (const [says, run] of Object.entries(tests)) {
    it(`${says}`, (test) => (CHROMIUM === undefined ? test.skip(MISSING) : run()));
  }
});
