// What a browser makes of our frames is the browser's decision: so a real one is asked, for sockets and for event sources.
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { method, service, type Context } from "../../index.ts";
import { routes, type Pages } from "../http/index.ts";
import { webSockets } from "./index.ts";

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

const n = z.object({ n: z.int() });
const feed = service("feed", {
  count: method({ request: n, response: n, stream: "server", timeoutMs: 60_000 }),
  chat: method({ request: n, response: n, stream: "bidi", timeoutMs: 60_000 }),
  follow: method({
    request: z.object({ topic: z.string(), after: z.int().optional() }),
    response: z.object({ seq: z.int(), text: z.string() }),
    stream: "server",
    idempotent: true,
    timeoutMs: 60_000,
  }),
});
const rest = routes(feed, { follow: { path: "GET /feed/{topic}", events: { id: "seq", resume: "after" } } });
const blank: Pages = {
  "~pages": true,
  pages: () => [
    { path: "/", answer: () => ({ status: 200, headers: ["content-type", "text/html"], body: "<title>a</title>" }) },
  ],
};

/** What a page saw of a socket. */
interface Seen {
  readonly texts: readonly string[];
  readonly code: number;
  readonly protocol: string;
}

/** Opens a socket in the page, sends texts, and tells what came until it closed. */
function talk([path, sends]: readonly [string, readonly string[]]): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}${path}`, "servicekit");
    const texts: string[] = [];
    socket.addEventListener("open", () => sends.forEach((one) => socket.send(one)));
    socket.addEventListener("message", ({ data }) => void texts.push(data as string));
    socket.addEventListener("close", ({ code }) => resolve({ texts, code, protocol: socket.protocol }));
  });
}

declare const location: { readonly host: string };
declare const EventSource: new (path: string) => {
  addEventListener(name: string, heard: (event: { readonly data: string; readonly lastEventId: string }) => void): void;
  close(): void;
};

describe.skipIf(CHROMIUM === undefined)(
  `a browser${CHROMIUM === undefined ? `: ${MISSING}` : ""}`,
  bytesOf("websocket"),
  () => {
    let browser: Browser | undefined;
    let page: Page;
    let server: Served;
    let off = "";
    let asked: (number | undefined)[] = [];

    beforeAll(async () => {
      if (CHROMIUM === undefined) return;
      server = await served(
        feed.implement({
          async *count({ n }, context: Context) {
            for (let i = 1; i <= n; i++) yield { n: i };
            if (n === 2) {
              context.onCancel(({ reason }) => (off = reason));
              await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
            }
          },
          async *chat(numbers) {
            for await (const { n } of numbers) yield { n: n * 2 };
          },
          async *follow({ topic, after = 0 }, context) {
            asked.push(after);
            for (let seq = after + 1; seq <= 6; seq++) {
              yield { seq, text: topic };
              if (seq === 3 && after === 0)
                await new Promise<void>((resolve) => void context.onCancel(() => resolve()));
            }
          },
        }),
        { routes: [rest], pages: [blank], upgrades: [webSockets()], streams: { retryMs: 20 } },
      );
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
      page = await browser.newPage();
      await page.goto(server.address);
    });

    afterAll(async () => {
      await browser?.close();
      await server?.[Symbol.asyncDispose]();
    });

    it("reads a server stream from a socket, and is told that it is complete", async () => {
      const seen = await page.evaluate(talk, ["/feed/count", ['{"n":3}']] as const);
      expect(seen).toEqual({ texts: ['{"n":1}', '{"n":2}', '{"n":3}'], code: 1000, protocol: "servicekit" });
    });

    it("speaks both ways, and says with an empty text that it is done", async () => {
      const seen = await page.evaluate(talk, ["/feed/chat", ['{"n":1}', '{"n":2}', ""]] as const);
      expect([seen.texts, seen.code]).toEqual([['{"n":2}', '{"n":4}'], 1000]);
    });

    it("hears what was wrong, and has its time-out from the query", async () => {
      const wrong = await page.evaluate(talk, ["/feed/count", ['{"n":"x"}']] as const);
      expect(wrong.code).toBe(1008);
      expect(JSON.parse(wrong.texts[0]!)).toMatchObject({ $error: { reason: "invalid_request" } });
      const late = await page.evaluate(talk, ["/feed/chat?request-timeout-ms=50", ['{"n":1}']] as const);
      expect(JSON.parse(late.texts[1]!)).toMatchObject({ $error: { reason: "deadline_exceeded" } });
    });

    it("calls a call off by closing its socket", async () => {
      await page.evaluate(
        () =>
          new Promise<void>((resolve) => {
            const socket = new WebSocket(`ws://${location.host}/feed/count`);
            socket.addEventListener("open", () => socket.send('{"n":2}'));
            socket.addEventListener("message", () => socket.close());
            socket.addEventListener("close", () => resolve());
          }),
      );
      await until(() => off !== "");
      expect(off).toBe("canceled");
    });

    it("takes an event source up again where it was cut, and closes it at the end", async () => {
      asked = [];
      const all = page.evaluate(
        () =>
          new Promise<string[]>((resolve) => {
            const events: string[] = [];
            Object.assign(globalThis, { events });
            const source = new EventSource("/feed/tea");
            source.addEventListener("message", ({ data, lastEventId }) => void events.push(`${lastEventId} ${data}`));
            source.addEventListener("end", () => {
              source.close();
              resolve(events);
            });
          }),
      );
      // What is cut before it was read is not come back to: the browser must have the first three.
      await page.waitForFunction(() => (globalThis as { events?: readonly string[] }).events?.length === 3);
      for (const socket of server.sockets) socket.resetAndDestroy();
      expect(await all).toEqual([1, 2, 3, 4, 5, 6].map((seq) => `${seq} {"seq":${seq},"text":"tea"}`));
      expect(asked).toEqual([0, 3]);
    });
  },
);
