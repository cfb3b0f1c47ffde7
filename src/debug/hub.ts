/**
 * Those who look on: one reading a second for all of them, and none while there is nobody. Nothing is recorded for the
 * page before its first viewer comes or after its last one leaves.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import type { Timer } from "../time/index.ts";
import type { App, HealthAnswer } from "../transport/index.ts";
import { SAFE } from "./assets.ts";
import { Feed, type News } from "./feed.ts";
import { numbersOf } from "./numbers.ts";

/** The most viewers at once, pages and scripts together: a port for operators, not for an audience. */
export const MAX_VIEWERS = 8;

/** A viewer that has this much unread is told nothing further until it has read. */
const MAX_UNREAD_BYTES = 1_048_576;

/** How many readings pass between two looks at the health: its checks may go out to other services. */
const HEALTH_EVERY = 5;

const EVERY_MS = 1000;

class Viewer {
  readonly response: ServerResponse;
  /** Whether it has to be told everything, or only what has changed. */
  isNew = true;

  constructor(response: ServerResponse) {
    this.response = response;
  }
}

/** Whom news of calls are collected for, beside the pages. */
type Collector = (news: News) => void;

export class Hub {
  readonly #app: App;
  readonly #viewers = new Set<Viewer>();
  readonly #collectors = new Map<Collector, () => void>();
  #feed: Feed | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #ticks = 0;
  #health: HealthAnswer | undefined = undefined;
  #isAsking = false;
  /** What the pages have not been told yet. */
  #untold: News[] = [];
  /** What each method's numbers were when they were last sent, as JSON. */
  readonly #sent = new Map<string, string>();
  #isClosed = false;

  constructor(app: App) {
    this.#app = app;
  }

  /** Whether one more can look on. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#viewers.size + this.#collectors.size < MAX_VIEWERS;
  }

  /** Answers with a stream of Server-Sent Events, which ends when the viewer leaves or the server drains. */
  open(response: ServerResponse): void {
    response.writeHead(200, [
      ...["content-type", "text/event-stream", "cache-control", "no-store", "x-accel-buffering", "no"],
      // It ends when the server drains, and its connection with it.
      ...["connection", "close"],
      ...SAFE,
    ]);
    // How soon a page tries again when the server is gone.
    response.write("retry: 2000\n\n");
    const viewer = new Viewer(response);
    this.#viewers.add(viewer);
    response.once("close", () => {
      this.#viewers.delete(viewer);
      this.#restIfAlone();
    });
    response.once("error", () => response.destroy());
    this.#begin();
    this.#tell(viewer, this.#reading(), { spans: [], lines: [], skipped: 0 });
  }

  /** Collects news of calls until the returned function is called, or the server drains: then `ended` is. */
  collect(onNews: Collector, ended: () => void): () => void {
    this.#take();
    this.#collectors.set(onNews, ended);
    this.#begin();
    return () => {
      this.#take();
      this.#collectors.delete(onNews);
      this.#restIfAlone();
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const { response } of this.#viewers) response.end();
    for (const ended of [...this.#collectors.values()]) ended();
    this.#viewers.clear();
    this.#restIfAlone();
  }

  #begin(): void {
    this.#feed ??= new Feed(this.#app);
    this.#timer ??= this.#app.clock.after(EVERY_MS, () => this.#tick());
  }

  #restIfAlone(): void {
    if (this.#viewers.size + this.#collectors.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#feed?.close();
    this.#feed = undefined;
    this.#untold = [];
    this.#sent.clear();
    this.#ticks = 0;
    this.#health = undefined;
  }

  #tick(): void {
    this.#timer = this.#app.clock.after(EVERY_MS, () => this.#tick());
    this.#take();
    const news: News = {
      spans: this.#untold.flatMap(({ spans }) => spans),
      lines: this.#untold.flatMap(({ lines }) => lines),
      skipped: this.#untold.reduce((sum, { skipped }) => sum + skipped, 0),
    };
    this.#untold = [];
    if (this.#viewers.size === 0) return;
    const reading = this.#reading();
    for (const viewer of this.#viewers) this.#tell(viewer, reading, news);
  }

  /** Takes what has come for those who collect, and keeps it for the pages until the next second. */
  #take(): void {
    const news = this.#feed?.take();
    if (news === undefined || (news.spans.length === 0 && news.lines.length === 0 && news.skipped === 0)) return;
    for (const onNews of this.#collectors.keys()) onNews(news);
    if (this.#viewers.size > 0) this.#untold.push(news);
  }

  /** Reads everything once for all viewers: whole for those that are new, and what has changed for the others. */
  #reading(): Reading {
    if (this.#ticks++ % HEALTH_EVERY === 0) void this.#askHealth();
    const { bounds, methods } = numbersOf(this.#app);
    const all: string[] = [];
    const changed: string[] = [];
    for (const [name, numbers] of methods) {
      const json = `${JSON.stringify(name)}:${JSON.stringify(numbers)}`;
      all.push(json);
      if (this.#sent.get(name) === json) continue;
      this.#sent.set(name, json);
      changed.push(json);
    }
    const { clock } = this.#app;
    const head = JSON.stringify({ nowMs: clock.now(), dateMs: clock.date(), bounds, health: this.#health });
    const of = (list: readonly string[]): string => `${head.slice(0, -1)},"methods":{${list.join(",")}}`;
    return { all: of(all), changed: of(changed) };
  }

  #tell(viewer: Viewer, reading: Reading, news: News): void {
    const { response } = viewer;
    if (response.writableLength > MAX_UNREAD_BYTES) {
      viewer.isNew = true;
      return;
    }
    const numbers = viewer.isNew ? reading.all : reading.changed;
    viewer.isNew = false;
    response.write(`event: tick\ndata: ${numbers},${JSON.stringify(news).slice(1)}\n\n`);
  }

  async #askHealth(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#health = await this.#app.health.ready();
    } catch {
      this.#health = { ok: false };
    }
    this.#isAsking = false;
  }
}

/** JSON without its closing brace. */
interface Reading {
  readonly all: string;
  readonly changed: string;
}
