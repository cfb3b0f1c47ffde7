import { describe, expect, it } from "vitest";
import { until } from "../../test/until.ts";
import { request, Wire } from "../../test/wire.ts";
import { policyError } from "../errors/index.ts";
import type { Gate } from "../index.ts";
import { memoryExporter, tracer } from "../trace/index.ts";
import { servedShop } from "./testdata/shop.ts";
import type { TriedAnswer } from "./try-call.ts";

const tea = { service: "shop", method: "buy", request: { sku: "tea", count: 2 } };
const on = { tryIt: true };

describe("calling a method from the page", () => {
  it("goes through the method's own pipeline: validation, declared fields, metadata, log and metrics", async () => {
    const exporter = memoryExporter();
    const trace = tracer({ service: "shop", ratio: 1, exporter });
    await using shop = await servedShop(on, { trace });
    const answer = await shop.try({ ...tea, metadata: { "x-note": "hi", "x-request-id": "mine-1" } });
    expect(answer.status).toBe(200);
    const tried = JSON.parse(answer.body) as TriedAnswer;
    expect(tried).toMatchObject({
      outcome: "ok",
      messages: [{ price: 6 }],
      isCut: false,
      requestId: "mine-1",
      metadata: [["x-price-list", "7"]],
    });
    expect(Object.keys(tried.messages[0] as object)).toEqual(["price"]);
    expect(tried.durationMs).toBeGreaterThan(0);
    expect(shop.running.metrics!.text()).toContain('requests_total{code="ok",method="buy",service="shop"} 1\n');
    await trace.flush();
    expect(exporter.spans[0]).toMatchObject({ traceId: tried.traceId, attributes: { "rpc.system": "debug" } });
    await shop.running.stop();
    const lines = shop.lines.join("").split("\n");
    const line = lines.find((one) => one.includes('"transport":"debug"'))!;
    expect(JSON.parse(line)).toMatchObject({ request_id: "mine-1", peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
  });

  it("shows declared errors with their details, and nothing of the inside of others", async () => {
    await using shop = await servedShop(on);
    const outcomeOf = async (sku: string): Promise<TriedAnswer> =>
      JSON.parse((await shop.try({ ...tea, request: { sku } })).body) as TriedAnswer;
    expect(await outcomeOf("none")).toMatchObject({
      outcome: "failed_precondition",
      error: { reason: "sold_out", details: { left: 0 } },
      messages: [],
    });
    const broken = await outcomeOf("broken");
    expect(broken).toMatchObject({ outcome: "internal", error: { message: "internal error" } });
    expect(JSON.stringify(broken)).not.toContain("hunter2");
    expect(await outcomeOf("")).toMatchObject({ outcome: "invalid_argument", error: { reason: "invalid_request" } });
  });

  it("meets gates, limits and breakers like any other call", async () => {
    const gate: Gate = (context) => (context.metadata("authorization") ? context : policyError("not_ready"));
    await using shop = await servedShop(on, { gates: [gate] });
    expect(JSON.parse((await shop.try(tea)).body)).toMatchObject({
      outcome: "unavailable",
      error: { reason: "not_ready" },
    });
    const allowed = { ...tea, metadata: { Authorization: "yes" } };
    expect(JSON.parse((await shop.try(allowed)).body)).toMatchObject({ outcome: "ok" });
    for (let i = 0; i < 2; i++) await shop.try({ ...allowed, request: { sku: "broken" } });
    expect(JSON.parse((await shop.try(allowed)).body)).toMatchObject({ error: { reason: "breaker_open" } });
  });

  it("shows the first twenty messages of a stream, then calls it off; takes a list where many go in", async () => {
    await using shop = await servedShop(on);
    const watch = async (count: number): Promise<TriedAnswer> =>
      JSON.parse(
        (await shop.try({ service: "shop", method: "watch", request: { sku: "a", count } })).body,
      ) as TriedAnswer;
    const whole = await watch(3);
    expect([whole.outcome, whole.isCut, whole.messages]).toEqual(["ok", false, [{ n: 1 }, { n: 2 }, { n: 3 }]]);
    const long = await watch(1_000_000);
    expect([long.outcome, long.isCut, long.messages.length, long.error]).toEqual(["ok", true, 20, undefined]);
    const many = await shop.try({
      service: "shop",
      method: "count",
      request: [
        { sku: "a", count: 2 },
        { sku: "b", count: 3 },
      ],
    });
    expect(JSON.parse(many.body)).toMatchObject({ outcome: "ok", messages: [{ n: 5 }] });
    const wrong = await shop.try({ service: "shop", method: "count", request: [{ sku: 7 }] });
    expect(JSON.parse(wrong.body)).toMatchObject({ outcome: "invalid_argument", messages: [] });
  });

  it("is called off when the one who asked leaves", async () => {
    await using shop = await servedShop(on);
    const wire = new Wire(shop.debug);
    const body = JSON.stringify({ service: "shop", method: "hang", request: {} });
    const headers = { Host: "localhost", "x-servicekit-debug": "try" };
    wire.send(request({ path: "/debug/try", body, headers }));
    const text = (): string => shop.running.metrics!.text();
    await until(() => text().includes('in_flight{method="hang",service="shop"} 1'));
    wire.close();
    await until(() => text().includes('requests_total{code="canceled",method="hang",service="shop"} 1'));
  });
});

describe("a call that is refused", () => {
  it("is every one, unless it was turned on", async () => {
    await using shop = await servedShop();
    const { status, body } = await shop.try(tea);
    expect([status, body]).toEqual([
      403,
      "403 calling methods from here is off: debugServer({ tryIt: true }) turns it on\n",
    ]);
    expect(shop.running.metrics!.text()).toContain('requests_total{code="ok",method="buy",service="shop"} 0');
  });

  it.each([
    ["without the header", { "x-servicekit-debug": "" }],
    ["from another origin", { Origin: "https://evil.example" }],
    ["from a page without an origin", { Origin: "null" }],
    ["from the same host on another port", { Origin: "http://127.0.0.1:1" }],
    ["that is a form's", { "Content-Type": "text/plain" }],
    ["from another site by its own word", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors" }],
    ["that navigates here", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" }],
  ])("is one %s", async (_, headers) => {
    await using shop = await servedShop(on);
    expect((await shop.try(tea, headers)).status).toBe(403);
    expect(shop.running.metrics!.text()).toContain('requests_total{code="ok",method="buy",service="shop"} 0');
  });

  it("is one to a name that is another site's", async () => {
    await using shop = await servedShop(on);
    expect((await shop.try(tea, { Host: "evil.example", Origin: "http://evil.example" })).status).toBe(421);
  });

  it("is not one from the page itself", async () => {
    await using shop = await servedShop(on);
    const { host } = new URL(shop.debug);
    const headers = {
      Origin: `http://${host}`,
      "Sec-Fetch-Site": "same-origin",
      "Content-Type": "application/json; charset=utf-8",
    };
    expect((await shop.try(tea, headers)).status).toBe(200);
  });

  it.each([
    ["{", 400, "malformed_message"],
    ['{"service":"shop","service":"shop"}', 400, "malformed_message"],
    ["[]", 404, "unknown_method"],
    ['{"service":"shop","method":"toString"}', 404, "unknown_method"],
    ['{"service":"shop","method":"buy","metadata":{"a b":"c"}}', 400, "malformed_message"],
    ['{"service":"shop","method":"buy","metadata":{"a":"\\n"}}', 400, "malformed_message"],
    ['{"service":"shop","method":"buy","metadata":{"a":7}}', 400, "malformed_message"],
    ['{"service":"shop","method":"buy","metadata":[]}', 400, "malformed_message"],
    [`{"service":"shop","method":"buy","metadata":{"a":"${"x".repeat(20_000)}"}}`, 400, "malformed_message"],
    ["\u00ff\u00fe", 400, "malformed_message"],
    [`"${"x".repeat(1_100_000)}"`, 413, "too_large"],
  ])("is one whose body is no call: %.60s", async (body, status, reason) => {
    await using shop = await servedShop(on);
    const answer = await shop.ask({ path: "/debug/try", body, headers: { "x-servicekit-debug": "try" } });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { reason }]);
  });
});
