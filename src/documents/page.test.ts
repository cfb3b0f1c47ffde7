// The page in a real browser, before a real server: nothing may come from anywhere else, and nothing may be blocked.
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../test/served.ts";
import { error, method, service } from "../index.ts";
import { routes } from "../transport/http/index.ts";
import { apiPages } from "./index.ts";

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

const profile = z
  .object({ id: z.string(), name: z.string().describe("As its owner writes it.") })
  .meta({ id: "Profile" });
const unknown = error("no_such_profile", { code: "not_found", details: z.object({ id: z.string() }) });
const profiles = service("profiles", {
  get: method({
    request: z.object({ id: z.string(), verbose: z.boolean().optional() }),
    response: profile,
    errors: [unknown],
  }),
  put: method({ request: profile, response: profile }),
  list: method({
    request: z.object({ limit: z.int().max(100).default(10) }),
    response: z.object({ profiles: z.array(profile) }),
  }),
});
const rest = routes(profiles, { get: "GET /profiles/{id}", put: "PUT /profiles/{id}" });
const implementation = profiles.implement({
  get: ({ id }) => (id === "ada" ? { id, name: "Ada Lovelace" } : unknown({ id })),
  put: (one) => one,
  list: () => ({ profiles: [] }),
});

/** Where screenshots go, for whoever wants to look. */
const shots = process.env["SERVICEKIT_SHOTS"] ?? join(tmpdir(), "servicekit-shots");

describe("the page to try methods on", () => {
  let browser: Browser;
  let server: Served;
  beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    mkdirSync(shots, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    const pages = [apiPages({ title: 'Profiles <of> "people"', version: "1.2.3", description: "Who is *who*." })];
    server = await served(implementation, { routes: [rest], pages });
  });
  afterAll(async () => {
    if (CHROMIUM === undefined) return;
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  /** Opens the page; `complaints` is all that went wrong, or elsewhere. */
  async function opened(width: number): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 1200 }, colorScheme: "light" });
    page.setDefaultTimeout(10_000);
    const complaints: string[] = [];
    page.on("console", (one) => {
      if (one.type() === "error" || one.type() === "warning") complaints.push(`${one.type()}: ${one.text()}`);
    });
    page.on("pageerror", (thrown) => complaints.push(String(thrown)));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(`${server.address}/`) && !request.url().startsWith("data:"))
        complaints.push(`elsewhere: ${request.url()}`);
    });
    await page.goto(`${server.address}/docs`);
    await page.getByText("Who is").waitFor();
    await page.locator(".opblock").first().waitFor();
    return { page, complaints };
  }

  it("runs an operation and shows its answer, without a request to anywhere else", async (test) => {
    if (CHROMIUM === undefined) return test.skip(MISSING);
    const { page, complaints } = await opened(1200);
    expect(await page.title()).toBe('Profiles <of> "people"');
    expect(await page.locator(".opblock").count()).toBe(3);
    await page.screenshot({ path: `${shots}/light.png`, fullPage: true });
    const get = page.locator("[id^=operations-profiles-profiles][id$=get]");
    await get.locator(".opblock-summary").click();
    await get.getByRole("button", { name: "Try it out" }).click();
    await get.getByPlaceholder("id").fill("ada");
    await get.getByRole("button", { name: "Execute" }).click();
    const answer = get.locator(".live-responses-table");
    await answer.getByText("Ada Lovelace").waitFor();
    await page.screenshot({ path: `${shots}/tried.png` });
    expect(await answer.locator(".response-col_status").last().textContent()).toContain("200");
    await page.close();
    expect(complaints).toEqual([]);
  });

  it("fits a narrow window", async (test) => {
    if (CHROMIUM === undefined) return test.skip(MISSING);
    const { page, complaints } = await opened(400);
    await page.locator("[id^=operations-profiles-profiles][id$=get] .opblock-summary").click();
    await page.getByText("no_such_profile").first().waitFor();
    await page.screenshot({ path: `${shots}/narrow.png` });
    const width = await page.evaluate("document.documentElement.scrollWidth");
    await page.close();
    expect(complaints).toEqual([]);
    expect(width).toBeLessThanOrEqual(400);
  });
});
