/**
 * A small service with a debug port, for tests, and a reader of its stream.
 *
 * @module
 */
import { get, type IncomingMessage } from "node:http";
import { z } from "zod";
import { exchange, request, type RequestParts, type WireAnswer } from "../../../test/wire.ts";
import { error, method, service } from "../../index.ts";
import { logger, logOf } from "../../log/index.ts";
import { serve, type Running, type ServeOptions } from "../../server/index.ts";
import { httpServer } from "../../transport/http/index.ts";
import type { News } from "../feed.ts";
import { debugServer, type DebugServerOptions } from "../index.ts";
import type { MethodNumbers } from "../numbers.ts";

const soldOut = error("sold_out", { code: "failed_precondition", details: z.object({ left: z.int() }) });
const item = z.object({ sku: z.string().min(1), count: z.int().min(1).default(1) });

export const shop = service("shop", {
  buy: method({ request: item, response: z.object({ price: z.int() }), errors: [soldOut], idempotent: true }),
  watch: method({ request: item, response: z.object({ n: z.int() }), stream: "server" }),
  count: method({ request: item, response: z.object({ n: z.int() }), stream: "client" }),
  hang: method({ request: z.object({}), response: z.object({}), timeoutMs: 60_000 }),
});

/** The handlers; `sku` says what happens. */
export const shopImpl = shop.implement(
  {
    buy({ sku, count }, context) {
      logOf(context).info("buying", { sku });
      context.reply.set("x-price-list", "7");
      if (sku === "none") return soldOut({ left: 0 });
      if (sku === "broken") throw new Error("the password is hunter2");
      return { price: count * 3, internalNote: context.metadata("x-note") } as { price: number };
    },
    async *watch({ count }) {
      for (let n = 1; n <= count; n++) yield { n };
    },
    async count(items) {
      let n = 0;
      for await (const { count } of items) n += count;
      return { n };
    },
    hang: (_, context) => new Promise((_resolve, reject) => context.onCancel(reject)),
  },
  { methods: { buy: { breaker: { consecutive: 2 }, limit: { perSecond: 1000, burst: 500 } } } },
);

/** What a test speaks to. */
export interface ServedShop extends AsyncDisposable {
  readonly running: Running;
  readonly http: string;
  readonly debug: string;
  readonly lines: string[];
  /** Asks the debug port, as a page would: under its address. */
  ask(parts: RequestParts | string): Promise<WireAnswer>;
  /** The same, and the body as JSON. */
  json<T>(path: string): Promise<T>;
  buy(sku: string, headers?: Readonly<Record<string, string>>): Promise<WireAnswer>;
  try(body: unknown, headers?: Readonly<Record<string, string>>): Promise<WireAnswer>;
}

/** Serves the shop with a debug port. */
export async function servedShop(
  debug: Partial<DebugServerOptions> = {},
  options: Partial<ServeOptions> = {},
): Promise<ServedShop> {
  const lines: string[] = [];
  const on = [httpServer({ port: 0, host: "127.0.0.1" }), debugServer({ port: 0, host: "127.0.0.1", ...debug })];
  const log = logger({ format: "json", write: (text) => lines.push(text), clock: options.clock });
  const running = await serve(shopImpl, { on, log, signals: false, ...options });
  const [http, port] = running.addresses as [string, string];
  const { host } = new URL(port);
  const ask = (parts: RequestParts | string): Promise<WireAnswer> => {
    const { headers, ...rest } = typeof parts === "string" ? { path: parts, headers: {} } : parts;
    return exchange(port, request({ ...rest, headers: { Host: host, ...headers } }), { isHead: rest.verb === "HEAD" });
  };
  return {
    running,
    http,
    debug: port,
    lines,
    ask,
    json: async <T>(path: string): Promise<T> => JSON.parse((await ask(path)).body) as T,
    buy: (sku, headers) => exchange(http, request({ path: "/shop/buy", body: JSON.stringify({ sku }), headers })),
    try: (body, headers) =>
      ask({ path: "/debug/try", body: JSON.stringify(body), headers: { "x-servicekit-debug": "try", ...headers } }),
    [Symbol.asyncDispose]: async () => void (await running.stop()),
  };
}

/** One reading as the page gets it. */
export interface Tick extends News {
  readonly nowMs: number;
  readonly bounds?: readonly number[];
  readonly health?: { readonly ok: boolean; readonly parts: object };
  readonly methods: Readonly<Record<string, MethodNumbers>>;
}

/** A page that is open: what it has been told so far. */
export class Viewer {
  readonly ticks: Tick[] = [];
  isOver = false;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
        if (data !== undefined) this.ticks.push(JSON.parse(data) as Tick);
        text = text.slice(end + 2);
      }
    });
    response.on("end", () => (this.isOver = true));
    response.on("error", () => (this.isOver = true));
  }

  get status(): number {
    return this.#response.statusCode!;
  }

  /** All spans and lines so far. */
  get spans(): News["spans"] {
    return this.ticks.flatMap(({ spans }) => spans);
  }

  get lines(): News["lines"] {
    return this.ticks.flatMap(({ lines }) => lines);
  }

  leave(): void {
    this.#response.destroy();
  }
}

/** Opens the stream of a debug port. */
export function look(debug: string): Promise<Viewer> {
  return new Promise((resolve, reject) => {
    get(`${debug}/debug/events`, { agent: false }, (response) => resolve(new Viewer(response))).on("error", reject);
  });
}
