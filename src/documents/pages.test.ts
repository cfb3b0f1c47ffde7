import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../test/served.ts";
import { method, service } from "../index.ts";
import { httpHandler, routes } from "../transport/http/index.ts";
import { serve } from "../server/index.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { apiPages, rpcPages, type OpenApiDocument } from "./index.ts";
import { relative } from "./relative.ts";
import { browse } from "./testdata/browse.ts";
import { openApiProblems, openRpcProblems } from "./testdata/validate.ts";
import { findUi, uiFile, UI_FILES } from "./ui-files.ts";

const echo = service("echo", { say: method({ request: z.object({ text: z.string() }), response: z.string() }) });
const implementation = echo.implement({ say: ({ text }) => text });

describe("the document of a server", () => {
  it("is that of its services and routes, and need not be fetched again", async () => {
    const rest = routes(echo, { say: "GET /say/{text}" });
    await using server = await served(implementation, { routes: [rest], pages: [apiPages({ ui: false }), rpcPages()] });
    const first = await browse(`${server.address}/openapi.json`);
    const document = (await first.json()) as OpenApiDocument;
    expect(await openApiProblems(document)).toEqual([]);
    expect(document.paths["/say/{text}"]?.["get"]?.operationId).toBe("echo.say");
    expect(first.headers.get("content-type")).toBe("application/json");
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const tag = first.headers.get("etag")!;
    expect(tag).toMatch(/^"[\w-]{27}"$/);
    for (const [sent, status] of [
      [tag, 304],
      [`"x", W/${tag}`, 304],
      ["*", 304],
      ['"x"', 200],
    ] as const) {
      const again = await browse(`${server.address}/openapi.json`, { headers: { "if-none-match": sent } });
      expect([sent, again.status, again.headers.get("etag")]).toEqual([sent, status, tag]);
    }
    const head = await browse(`${server.address}/openapi.json`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(JSON.stringify(document).length)]);
    expect(openRpcProblems(await (await browse(`${server.address}/openrpc.json`)).json())).toEqual([]);
    expect((await browse(`${server.address}/docs`)).status).toBe(404);
  });

  it("can be changed before it is served", async () => {
    const edit = (made: OpenApiDocument): OpenApiDocument => ({ ...made, info: { ...made.info, title: "Mine" } });
    await using server = await served(implementation, {
      pages: [apiPages({ ui: false, document: "/api/v1.json", edit })],
    });
    const document = (await (await browse(`${server.address}/api/v1.json`)).json()) as OpenApiDocument;
    expect(document.info.title).toBe("Mine");
  });

  it("that cannot be made stops the start, and says why", async () => {
    const response = z.object({ at: z.string() });
    const dated = service("dated", { get: method({ request: z.object({ at: z.date() }), response }) });
    const wrong = dated.implement({ get: () => ({ at: "" }) });
    await expect(served(wrong, { pages: [apiPages({ ui: false })] })).rejects.toThrow(/^dated\.get request: /);
  });
});

describe("the page", () => {
  it("and its files have types, and are kept as long as they may be", async () => {
    await using server = await served(implementation, {
      pages: [apiPages({ servers: [{ url: "https://api.example.org/v1" }, { url: "/" }] })],
    });
    const page = await browse(`${server.address}/docs`);
    const text = await page.text();
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self';",
    );
    expect(page.headers.get("content-security-policy")).toContain("connect-src 'self' https://api.example.org;");
    expect(text).not.toMatch(/<script>|<style|https?:/);
    const links = [...text.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => new URL(match[1]!, page.url));
    expect(links.length).toBeGreaterThanOrEqual(5);
    const types = new Set<string>();
    for (const url of links) {
      const file = await browse(url);
      expect([url.pathname, file.status, file.headers.get("x-content-type-options")]).toEqual([
        url.pathname,
        200,
        "nosniff",
      ]);
      expect(file.headers.get("cache-control")).toMatch(/\d+\.\d+\.\d+/.test(url.pathname) ? /immutable/ : /no-cache/);
      types.add(file.headers.get("content-type")!);
    }
    expect(types).toEqual(
      new Set(["text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/png", "application/json"]),
    );
  });

  it("sends files packed to those who unpack them, under another tag", async () => {
    const file = uiFile(findUi(), "swagger-ui.css");
    const ask = (accept?: string): ReturnType<typeof file> =>
      file({
        verb: "GET",
        path: "",
        query: new URLSearchParams(),
        header: (name) => (name === "accept-encoding" ? accept : undefined),
      });
    const [plain, packed, refused] = [await ask(), await ask("br, gzip"), await ask("gzip;q=0")];
    expect(packed.headers).toContain("gzip");
    expect(packed.body!.length).toBeLessThan(plain.body!.length / 3);
    expect(packed.headers[packed.headers.indexOf("etag") + 1]).not.toBe(
      plain.headers[plain.headers.indexOf("etag") + 1],
    );
    expect(refused).toBe(plain);
  });

  it("reaches the files it needs, and no others", async () => {
    await using server = await served(implementation, { pages: [apiPages()] });
    const { version } = findUi();
    const names = [
      "package.json",
      "index.html",
      "swagger-ui-bundle.js.map",
      "",
      "..%2fpackage.json",
      "%2e%2e/package.json",
      "../../package.json",
    ];
    for (const name of names) {
      for (const below of [`/docs/${version}/`, "/docs/"]) {
        const { status } = await server.ask(`GET ${below}${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        expect([below, name, status]).toEqual([below, name, below === "/docs/" && name === "" ? 308 : 404]);
      }
    }
    for (const name of UI_FILES) expect((await browse(`${server.address}/docs/${version}/${name}`)).status).toBe(200);
    expect((await browse(`${server.address}/docs/`)).url).toBe(`${server.address}/docs`);
    expect((await browse(`${server.address}/docs`, { method: "POST" })).status).toBe(405);
  });

  it("answers 404 when a file is gone, and 200 when it is back", async () => {
    const ui = { folder: "/nowhere", version: "1.0.0" };
    const file = uiFile(ui, "swagger-ui.css");
    const request = { verb: "GET", path: "", query: new URLSearchParams(), header: () => undefined };
    expect((await file(request)).status).toBe(404);
    ui.folder = findUi().folder;
    expect((await uiFile(ui, "swagger-ui.css")(request)).status).toBe(200);
  });

  it("holds where the server is mounted below a path", async () => {
    const handler = httpHandler({ pages: [apiPages()] });
    const running = await serve(implementation, { on: [handler], log: false, signals: false });
    const outer = createServer((request, response) => {
      request.url = request.url!.replace(/^\/api/, "");
      handler(request, response);
    });
    await new Promise<void>((resolve) => outer.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(outer.address() as AddressInfo).port}/api`;
    try {
      const page = await browse(`${address}/docs/`);
      expect(page.url).toBe(`${address}/docs`);
      const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(
        (match) => new URL(match[1]!, page.url).href,
      );
      expect(links.every((url) => url.startsWith(`${address}/`))).toBe(true);
      for (const url of links) expect((await browse(url)).status).toBe(200);
    } finally {
      outer.close();
      outer.closeAllConnections();
      await running.stop();
    }
  });

  it("says at once when its package is not there", () => {
    expect(() => findUi("swagger-ui-that-nobody-made")).toThrow(
      'the page to try methods needs the package "swagger-ui-that-nobody-made", which cannot be found: install it, or say ui: false',
    );
  });

  it("refuses wrong options", async () => {
    expect(() => apiPages({ path: "docs" })).toThrow("path should be a path of letters, digits and -._~");
    expect(() => apiPages({ path: "/a/" })).toThrow("path should be");
    expect(() => apiPages({ path: "/a", document: "/a" })).toThrow('path and document should differ, got "/a" twice');
    expect(() => apiPages({ ui: "no" as never })).toThrow('ui should be true or false, got "no"');
    expect(() => apiPages({ edit: {} as never })).toThrow("edit should be a function");
    expect(() => apiPages({ titel: "x" } as never)).toThrow('apiPages has no option "titel"');
    expect(() => apiPages({ version: "" })).toThrow("version should be a non-empty string");
    expect(() => rpcPages({ names: "long" as never })).toThrow("names should be one of");
    await expect(served(implementation, { pages: [apiPages(), apiPages()] })).rejects.toThrow(
      "a page should have a path of its own",
    );
  });
});

describe("a relative reference", () => {
  it.each([
    ["/docs", "/openapi.json", "./openapi.json"],
    ["/docs", "/docs/a.css", "./docs/a.css"],
    ["/a/docs", "/openapi.json", "./../openapi.json"],
    ["/a/docs", "/a/docs/1/x.js", "./docs/1/x.js"],
    ["/a/b/docs", "/a/c/d.json", "./../c/d.json"],
    ["/a", "/a/a", "./a/a"],
  ])("leads from %s to %s", (from, to, expected) => {
    expect(relative(from, to)).toBe(expected);
    expect(new URL(relative(from, to), `http://x${from}`).pathname).toBe(to);
  });
});
