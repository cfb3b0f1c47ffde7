// The page in a real browser, before a real server.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../tools/source.ts";
import { redMetrics, registry } from "../metrics/index.ts";
import type { ServeOptions } from "../server/index.ts";
import type { DebugServerOptions } from "./index.ts";
import { servedShop, type ServedShop } from "./testdata/shop.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

interface Opened {
  readonly shop: ServedShop;
  readonly page: Page;
  /** All that went wrong, or elsewhere. */
  readonly complaints: string[];
}

describe("the files of the page", () => {
  it("are JavaScript whose types hold", () => {
    const tsc = ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "tsconfig.page.json", "--listFiles"];
    const output = execFileSync(process.execPath, tsc, { cwd: root, encoding: "utf8" });
    expect(output).toContain("/src/debug/page/main.js");
  });
});

describe.skipIf(CHROMIUM === undefined)(
  `the page${CHROMIUM === undefined ? " (skipped: there is no Chromium on this machine)" : ""}`,
  // Pages are told once a second, and browsers take their time on a busy machine.
  () => {
    let browser: Browser;
    const shops: ServedShop[] = [];
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM!, args: ARGS });
    });
    afterEach(async () => {
      await Promise.all(browser.contexts().map((context) => context.close()));
      await Promise.all(shops.splice(0).map((shop) => shop.running.stop()));
    });
    afterAll(() => browser.close());

    async function opened(
      debug: Partial<DebugServerOptions> = {},
      serving: Partial<ServeOptions> = {},
      look: BrowserContextOptions = {},
    ): Promise<Opened> {
      const shop = await servedShop(debug, serving);
      shops.push(shop);
      const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...look });
      const page = await context.newPage();
      page.setDefaultTimeout(50_000);
      const complaints: string[] = [];
      page.on("console", (one) => {
        if (one.type() === "error" || one.type() === "warning") complaints.push(one.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("dialog", (dialog) => {
        complaints.push(`dialog ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on("request", (one) => {
        if (!one.url().startsWith(`${shop.debug}/`) && !one.url().startsWith("data:")) complaints.push(one.url());
      });
      await page.goto(`${shop.debug}/#shop.buy`);
      await page.getByText("● live").waitFor();
      return { shop, page, complaints };
    }

    const rowOf = (page: Page, name: string) => page.locator(`tr[data-name="${name}"]`);

    it("shows numbers that move when calls are made, and nothing goes wrong or elsewhere", async () => {
      const { shop, page, complaints } = await opened();
      await rowOf(page, "shop.buy").getByText("0 /s", { exact: true }).waitFor();
      await page.getByText("No call since this page was opened").waitFor();
      for (let i = 0; i < 20; i++) await shop.buy(i === 7 ? "none" : "tea");
      await rowOf(page, "shop.buy")
        .getByText(/^[1-9][\d.]*\u00a0\/s$/)
        .waitFor();
      await rowOf(page, "shop.buy").getByText(/◇ 5/).waitFor();
      const outcomes = page.locator("#detail table.codes");
      await outcomes.getByText("◇ failed_precondition").waitFor();
      await page.getByRole("img", { name: /^How long calls took: p50 .*s, p90 .*s, p99 .*s$/ }).waitFor();
      expect(await page.locator("#detail .stack li").allInnerTexts()).toContainEqual(
        expect.stringMatching(/breaker[^]*●\s+closed/),
      );
      expect(complaints).toEqual([]);
    });

    it("shows the last calls with their spans and the lines of the same request", async () => {
      const { shop, page, complaints } = await opened();
      await shop.buy("broken", { "x-request-id": "find-me" });
      const call = page.locator("details.call");
      await call.first().locator("> summary").click();
      await call.getByText("▲ internal").waitFor();
      expect(await call.locator(".spans .name").allInnerTexts()).toEqual([expect.stringMatching(/^shop\/buy/)]);
      const lines = await call.locator("ol.lines li").allInnerTexts();
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line.replace(/\s/g, " ")).toContain("request_id=find-me");
      await page.getByPlaceholder("Trace, request id, text").fill("nothing like it");
      await page.getByText("None of the last calls fits.").waitFor();
      await page.getByPlaceholder("Trace, request id, text").fill("find-me");
      await call.first().waitFor();
      expect(complaints).toEqual([]);
    });

    it("has breakers and limits as they stand", async () => {
      const { shop, page } = await opened();
      await rowOf(page, "shop.buy").getByText("● closed").waitFor();
      for (let i = 0; i < 2; i++) await shop.buy("broken");
      await rowOf(page, "shop.buy")
        .getByText(/■ open/)
        .waitFor();
      await page.locator("#summary").getByText("■ 1 open").waitFor();
    });

    it("calls a method where that is on, and leads to the call", async () => {
      const { page, complaints } = await opened({ tryIt: true });
      const request = page.getByLabel("Request, JSON");
      expect(JSON.parse(await request.inputValue())).toEqual({ sku: "text", count: 1 });
      await request.fill('{"sku":"tea","count":4}');
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page.locator(".result").getByText('"price": 12').waitFor();
      await page.getByRole("button", { name: "Show it among the last calls" }).click();
      await page.locator("details.call[open]").getByText("buying").waitFor();
      await request.fill('{"sku":"none"}');
      await request.press("Control+Enter");
      await page.locator(".result").getByText("◇ failed_precondition").waitFor();
      await page.locator(".result").getByText("sold_out").waitFor();
      await request.fill("{");
      await request.press("Control+Enter");
      await page.locator(".result").getByText("the request is not JSON").waitFor();
      expect(complaints).toEqual([]);
    });

    it("has no form where calling is off, and says how to turn it on", async () => {
      const { page } = await opened();
      await page.getByText("debugServer({ tryIt: true })").waitFor();
      expect(await page.locator("form, textarea").count()).toBe(0);
    });

    it("takes whatever comes from outside as text", async () => {
      const evil = '<img src=x onerror="alert(1)">';
      const metrics = registry();
      const observer = redMetrics(metrics)({
        ...{ service: evil, name: "</script><script>alert(2)</script>", side: "server", kind: "unary" },
        ...{ idempotent: false, errors: [], timeoutMs: 1 },
      })!;
      const { shop, page, complaints } = await opened({ tryIt: true }, { metrics });
      const call = { durationMs: 1, outcome: evil, requestBytes: 1, responseBytes: 1 } as never;
      observer.start!(call);
      observer.end!(call);
      await shop.buy(evil, { "x-request-id": "a<b>c" });
      await shop.ask({ path: `/${encodeURIComponent(evil)}` });
      await page.locator("details.call > summary").first().click();
      await page.locator("details.call").getByText(evil).first().waitFor();
      await page.getByLabel("Request, JSON").fill(JSON.stringify({ sku: evil, [evil]: evil }));
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page.locator(".result").getByText('"price": 3').waitFor();
      await page.locator("tr", { hasText: "onerror" }).locator("button").click();
      await page.locator("#detail h2", { hasText: "<script>" }).waitFor();
      expect(await page.locator("img, script:not([src])").count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    it.each([
      ["light", 1400],
      ["dark", 1400],
      ["light", 400],
      ["dark", 400],
    ] as const)("fits a %s screen of %i pixels", async (colorScheme, width) => {
      const { shop, page, complaints } = await opened(
        { tryIt: true },
        {},
        { colorScheme, viewport: { width, height: 800 } },
      );
      for (const sku of ["tea", "none", "broken", "broken", "tea"]) await shop.buy(sku);
      await page.locator("details.call > summary").first().click();
      await page.locator("details.call[open]").waitFor();
      const seen = await page.evaluate(() => {
        const { document, getComputedStyle, innerWidth } = globalThis as never as {
          document: { documentElement: { scrollWidth: number }; body: object };
          getComputedStyle(of: object): { backgroundColor: string };
          innerWidth: number;
        };
        return {
          over: document.documentElement.scrollWidth - innerWidth,
          background: getComputedStyle(document.body).backgroundColor,
        };
      });
      expect(seen.over).toBeLessThanOrEqual(0);
      const [red = 0] = (/\d+/.exec(seen.background) ?? []).map(Number);
      expect(red > 128).toBe(colorScheme === "light");
      await page.getByRole("button", { name: /^Theme/ }).click();
      await page.getByRole("button", { name: "Theme: light" }).waitFor();
      expect(complaints).toEqual([]);
    });

    it("is used by keyboard: arrows choose the next method, Enter opens a call", async () => {
      const { shop, page } = await opened();
      await shop.buy("tea");
      await rowOf(page, "shop.buy").getByRole("button").focus();
      await page.keyboard.press("ArrowDown");
      await page.locator("#detail h2", { hasText: "shop.count" }).waitFor();
      expect(await rowOf(page, "shop.count").getByRole("button").getAttribute("aria-pressed")).toBe("true");
      await page.locator("details.call > summary").first().focus();
      await page.keyboard.press("Enter");
      await page.locator("details.call[open] .inside").waitFor();
    });

    it("rests while it is paused, and the server records nothing then", async () => {
      const { shop, page } = await opened();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText("◦ paused").waitFor();
      await shop.buy("tea");
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByText("● live").waitFor();
      await shop.buy("none");
      await page.locator("details.call").first().waitFor();
      expect(await page.locator("details.call").count()).toBe(1);
    });

    it("says when the server is gone", async () => {
      const { shop, page } = await opened();
      await shop.running.stop();
      await page.getByText("▲ no connection, trying again").waitFor();
    });

    it("says what to do where there is nothing to show", async () => {
      const { page } = await opened({}, { metrics: false, trace: false });
      await page.getByText("metrics are off").first().waitFor();
      await page.getByText("Tracing is off").waitFor();
    });
  },
);
