// A trace through our client, our server and a service of Go kit's between them, as Zipkin's own server shows it.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../test/served.ts";
import { passing } from "../../test/until.ts";
import { got, type Started } from "../../tools/servers/fetched.ts";
import { tracedGoKit, tracedGoKitProgram } from "../../tools/servers/traced-go-kit.ts";
import { zipkinJar, zipkinServer } from "../../tools/servers/zipkin.ts";
import { client } from "../client/index.ts";
import { method, service } from "../index.ts";
import { systemClock } from "../time/index.ts";
import { noteEvent, span, tracer, type Tracer } from "../trace/index.ts";
import { httpClient } from "../transport/http/index.ts";
import { zipkinTraces } from "./index.ts";

const add = service("add", {
  sum: method({ request: z.object({ a: z.number(), b: z.number() }), response: z.object({ v: z.number() }) }),
});

const implementation = add.implement({
  sum({ a, b }, context) {
    noteEvent(context, "adding", { a });
    return span(context, "think", () => {
      if (a < 0) throw new RangeError("negative");
      return { v: a + b };
    });
  },
});

interface Shown {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind?: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint: { readonly serviceName: string };
  readonly shared?: boolean;
  readonly annotations?: readonly { readonly value: string }[];
  readonly tags?: Readonly<Record<string, string>>;
}

const jar = zipkinJar();

describe("Zipkin", () => {
  beforeEach((test) => void ("reason" in jar && test.skip(jar.reason)));
  let zipkin: Started;
  beforeAll(async () => {
    if ("path" in jar) zipkin = await zipkinServer(jar.path);
  });
  afterAll(() => zipkin?.[Symbol.asyncDispose]());

  function traced(name: string): Tracer {
    return tracer({
      service: name,
      ratio: 1,
      exporter: zipkinTraces({ url: `${zipkin.url}/api/v2/spans` }),
      formats: { write: ["w3c", "b3multi"] },
    });
  }

  /** The spans of the one trace that `service` took part in, once there are `count`; the test's own time bounds it. */
  async function shown(service: string, count: number): Promise<Shown[]> {
    for (;;) {
      const traces = JSON.parse(await got(`${zipkin.url}/api/v2/traces?serviceName=${service}`)) as Shown[][];
      if (traces[0]?.length === count) return traces[0];
      await passing(50);
    }
  }

  it("shows a call with its spans in their order, their times and what they say", async () => {
    const [shop, stock] = [traced("shop"), traced("stock")];
    const startUnixMs = systemClock.date();
    await using server = await served(implementation, {}, { trace: stock });
    await client(add, httpClient({ connectTimeoutMs: 60_000 }), { from: server.address, trace: shop }).sum({
      a: 1,
      b: 2,
    });
    await Promise.all([shop.close(), stock.close()]);
    expect([shop.stats, stock.stats].map(({ exported, dropped }) => [exported, dropped])).toEqual([
      [1, 0],
      [2, 0],
    ]);
    const spans = await shown("stock", 3);
    const caller = spans.find(({ kind }) => kind === "CLIENT")!;
    const callee = spans.find(({ kind }) => kind === "SERVER")!;
    const inner = spans.find(({ kind }) => kind === undefined)!;
    expect([caller.localEndpoint.serviceName, callee.localEndpoint.serviceName]).toEqual(["shop", "stock"]);
    expect(caller.parentId).toBeUndefined();
    expect(callee).toMatchObject({ parentId: caller.id, name: "add/sum" });
    expect(callee.shared).toBeUndefined();
    expect(inner).toMatchObject({ parentId: callee.id, name: "think" });
    expect(callee.annotations).toMatchObject([{ value: 'adding: {"a":1}' }]);
    expect(callee.tags).toMatchObject({ "http.status_code": "200", "http.response.size": "7", "rpc.method": "sum" });
    for (const { timestamp, duration } of spans) {
      expect(timestamp / 1000).toBeGreaterThanOrEqual(startUnixMs - 2);
      expect(timestamp / 1000).toBeLessThanOrEqual(systemClock.date());
      expect(duration).toBeGreaterThanOrEqual(1);
    }
    // What Zipkin draws its map of services from.
    const links = JSON.parse(
      await got(`${zipkin.url}/api/v2/dependencies?endTs=${systemClock.date() + 1000}`),
    ) as unknown;
    expect(links).toContainEqual({ parent: "shop", child: "stock", callCount: 1 });
  });

  it("marks what failed", async () => {
    const store = traced("store");
    await using server = await served(implementation, {}, { trace: store });
    await client(add, httpClient({ connectTimeoutMs: 60_000 }), { from: server.address, timeoutMs: 60_000 })
      .sum({ a: -1, b: 2 })
      .catch(() => undefined);
    await store.close();
    const spans = await shown("store", 2);
    expect(spans.find(({ kind }) => kind === "SERVER")!.tags).toMatchObject({ "http.status_code": "500" });
    for (const { tags } of spans) expect(tags).toHaveProperty("error");
    expect(JSON.stringify(spans)).not.toContain("negative");
  });

  const goKit = tracedGoKitProgram();

  describe("with Go kit between", () => {
    beforeEach((test) => void ("reason" in goKit && test.skip(goKit.reason)));
    it("shows one trace through all three, over B3", async () => {
      const [front, back] = [traced("front"), traced("back")];
      await using last = await served(implementation, {}, { trace: back });
      await using between = await tracedGoKit((goKit as { path: string }).path, zipkin.url, `${last.address}/add/sum`);
      const remote = client(add, httpClient({ connectTimeoutMs: 60_000 }), { from: between.url, trace: front });
      expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
      await Promise.all([front.close(), back.close()]);
      // Ours calls; Go kit's server joins that span, as Zipkin's own libraries do, then has one of its endpoint and one
      // of its client; our server begins its own below that, and the handler one more.
      const spans = await shown("front", 6);
      const by = (service: string, kind: string | undefined): Shown =>
        spans.find((one) => one.localEndpoint.serviceName === service && one.kind === kind)!;
      const [caller, joined] = [by("front", "CLIENT"), by("gokit", "SERVER")];
      expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
      expect(joined).toMatchObject({ id: caller.id, shared: true });
      expect(by("gokit", undefined).parentId).toBe(joined.id);
      expect(by("gokit", "CLIENT").parentId).toBe(by("gokit", undefined).id);
      expect(by("back", "SERVER").parentId).toBe(by("gokit", "CLIENT").id);
      expect(by("back", "SERVER").tags!["http.status_code"]).toBe(joined.tags!["http.status_code"]);
      const links = JSON.parse(
        await got(`${zipkin.url}/api/v2/dependencies?endTs=${systemClock.date() + 1000}`),
      ) as unknown;
      expect(links).toEqual(
        expect.arrayContaining([
          { parent: "front", child: "gokit", callCount: 1 },
          { parent: "gokit", child: "back", callCount: 1 },
        ]),
      );
    });
  });

  it("says what it refuses, and we pass that on", async () => {
    const reported: string[] = [];
    const exporter = zipkinTraces({
      url: `${zipkin.url}/api/v2/spans`,
      report: (error) => reported.push(String(error)),
    });
    const bad = {
      traceId: "not hex",
      spanId: "1",
      parentSpanId: "",
      events: [],
      links: [],
      refused: 0,
      attributes: {},
    };
    const rest = { service: "x", name: "x", kind: "internal", startUnixMs: 1, durationMs: 1, traceState: "" } as const;
    await expect(exporter.export([{ ...bad, ...rest, status: "unset", statusMessage: "" }])).rejects.toThrow(
      "answered 400",
    );
    expect(reported).toHaveLength(1);
  });
});
