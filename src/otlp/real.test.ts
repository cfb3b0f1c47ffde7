// What real receivers understand of what we send: the Collector's own data model for all three signals in both forms, and
// VictoriaMetrics for metrics, read back by query.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../test/served.ts";
import { passing } from "../../test/until.ts";
import { got, type Started } from "../../tools/servers/fetched.ts";
import { otlpJudge, otlpJudgeProgram } from "../../tools/servers/otlp-judge.ts";
import { victoriaMetrics, victoriaMetricsProgram } from "../../tools/servers/victoria-metrics.ts";
import { client } from "../client/index.ts";
import { method, service } from "../index.ts";
import { logger } from "../log/index.ts";
import { registry } from "../metrics/index.ts";
import { noteEvent, span, tracer } from "../trace/index.ts";
import { httpClient } from "../transport/http/index.ts";
import { otlpLogs, otlpMetrics, otlpTraces } from "./index.ts";
import type { Decoded } from "./testdata/strict.ts";

const add = service("add", {
  sum: method({ request: z.object({ a: z.number(), b: z.number() }), response: z.object({ v: z.number() }) }),
});

/** Serves and calls `add` once with everything on, until all has been sent. */
async function exercise(url: string, encoding: "protobuf" | "json"): Promise<void> {
  const options = { url, encoding, version: "1.2.0", instance: `pod-${encoding}`, report: refuse };
  const metrics = registry();
  const logs = otlpLogs({ ...options, service: "add" });
  const log = logger({ write: logs.write });
  const pusher = otlpMetrics({ ...options, registry: metrics, service: "add" });
  const [near, far] = ["shop", "add"].map((service) => tracer({ service, ratio: 1, exporter: otlpTraces(options) }));
  const implementation = add.implement({
    async sum({ a, b }, context) {
      noteEvent(context, "adding", { a });
      return span(context, "think", () => {
        if (a < 0) throw new RangeError("negative");
        return { v: a + b };
      });
    },
  });
  {
    await using server = await served(implementation, {}, { log, metrics, trace: far!, tasks: [pusher] });
    const remote = client(add, httpClient({ connectTimeoutMs: 60_000 }), { from: server.address, trace: near! });
    await remote.sum({ a: 1, b: 2 });
    await remote.sum({ a: -1, b: 2 }).catch(() => undefined);
  }
  await Promise.all([near!.close(), far!.close()]);
  log.flush();
  await Promise.all([logs.close(), pusher.close()]);
}

function refuse(error: unknown): never {
  throw new Error("nothing should be lost", { cause: error });
}

const judge = otlpJudgeProgram();

describe("the Collector's data model", () => {
  beforeEach((test) => void ("reason" in judge && test.skip(judge.reason)));
  let server: Started;
  beforeAll(async () => {
    if ("path" in judge) server = await otlpJudge(judge.path);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const seen = async (signal: string): Promise<Decoded[]> => {
    const text = await got(`${server.url}/seen/${signal}`);
    return text.split("\n").map((line) => JSON.parse(line) as Decoded);
  };

  it.each(["protobuf", "json"] as const)("understands all that a server and a client send, as %s", async (encoding) => {
    await exercise(server.url, encoding);
    const own = (resource: Decoded): boolean =>
      resource["attributes"].some(({ value }: Decoded) => value.stringValue === `pod-${encoding}`);

    const spans = (await seen("traces"))
      .flatMap(({ resourceSpans }) => resourceSpans as Decoded[])
      .filter(({ resource }) => own(resource))
      .flatMap(({ resource, scopeSpans }) =>
        scopeSpans[0].spans.map((one: Decoded) => ({ ...one, service: resource.attributes[0].value.stringValue })),
      ) as Decoded[];
    expect(spans).toHaveLength(6);
    const [first] = spans.filter(({ parentSpanId }) => !parentSpanId) as [Decoded];
    const trace = spans.filter(({ traceId }) => traceId === first["traceId"]);
    const caller = trace.find(({ kind }) => kind === 3)!;
    const callee = trace.find(({ kind }) => kind === 2)!;
    const inner = trace.find(({ kind }) => kind === 1)!;
    expect([caller["service"], callee["service"], inner["name"]]).toEqual(["shop", "add", "think"]);
    expect(callee["parentSpanId"]).toBe(caller["spanId"]);
    expect(inner["parentSpanId"]).toBe(callee["spanId"]);
    expect(callee["flags"]).toBe(0x301);
    expect(callee["events"]).toMatchObject([{ name: "adding" }]);
    expect(spans.filter(({ status }) => status.code === 2).length).toBeGreaterThanOrEqual(2);
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThan(BigInt(startTimeUnixNano));
    }

    const metrics = (await seen("metrics"))
      .flatMap(({ resourceMetrics }) => resourceMetrics as Decoded[])
      .filter(({ resource }) => own(resource))
      .at(-1)!["scopeMetrics"][0].metrics as Decoded[];
    const durations = metrics.find(({ name }) => name === "rpc_server_request_duration_seconds")!;
    expect(durations).toMatchObject({ unit: "s", histogram: { aggregationTemporality: 2 } });
    const ofMethod = ({ attributes }: Decoded): boolean =>
      attributes.some((one: Decoded) => one["value"].stringValue === "sum");
    const point = durations["histogram"].dataPoints.find(ofMethod) as Decoded;
    expect(point["count"]).toBe("2");
    const ids: string[] = point["exemplars"].map(({ traceId }: Decoded) => traceId);
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) expect(spans.map(({ traceId }) => traceId)).toContain(id);
    const requests = metrics.find(({ name }) => name === "rpc_server_requests_total")!["sum"];
    expect(requests).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
    expect(requests.dataPoints.filter(ofMethod).map(({ asDouble }: Decoded) => asDouble)).toEqual([1, 1]);

    const records = (await seen("logs"))
      .flatMap(({ resourceLogs }) => resourceLogs as Decoded[])
      .filter(({ resource }) => own(resource))
      .flatMap(({ scopeLogs }) => scopeLogs[0].logRecords as Decoded[]);
    const access = records.filter(({ attributes = [] }) => attributes.some(({ key }: Decoded) => key === "method"));
    expect(access.map(({ traceId }) => traceId)).toEqual(expect.arrayContaining([first["traceId"]]));
    expect(access.map(({ severityNumber }) => severityNumber)).toEqual(expect.arrayContaining([9, 17]));
    expect(JSON.stringify(records)).toContain("exception.stacktrace");
  });
});

const victoria = victoriaMetricsProgram();

describe("VictoriaMetrics", () => {
  beforeEach((test) => void ("reason" in victoria && test.skip(victoria.reason)));
  let server: Started;
  beforeAll(async () => {
    if ("path" in victoria) server = await victoriaMetrics(victoria.path);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** What it has of a metric, by label. */
  async function stored(query: string): Promise<Record<string, string>> {
    const asked = new URLSearchParams({ query, latency_offset: "1ms" });
    const answer = JSON.parse(await got(`${server.url}/api/v1/query?${asked.toString()}`)) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    const named = answer.data.result.map(({ metric, value }) => [metric["le"] ?? metric["method"] ?? "", value[1]]);
    return Object.fromEntries(named) as Record<string, string>;
  }

  it("stores counters, gauges, histograms and summaries under their names and labels", async () => {
    const metrics = registry({ labels: { zone: "a" } });
    const calls = metrics.counter({ name: "calls_total", help: "Calls.", labels: ["method"] });
    calls.with({ method: "sum" }).inc(3);
    calls.with({ method: "concat" }).inc(0.5);
    metrics.gauge({ name: "heat", help: "Heat." }).set(-1.5);
    const took = metrics.histogram({ name: "took_seconds", help: "Took.", unit: "seconds", buckets: [0.1, 1] });
    for (const value of [0.05, 0.1, 0.5, 7]) took.observe(value, "4bf92f3577b34da6a3ce929d0e0e4736");
    metrics.summary({ name: "size_bytes", help: "Sizes.", unit: "bytes" }).observe(100);
    const pusher = otlpMetrics({
      registry: metrics,
      service: "add",
      url: `${server.url}/opentelemetry`,
      instance: "pod-7",
      report: refuse,
    });
    await pusher.flush();
    await pusher.close();
    expect(pusher.stats).toMatchObject({ sent: 5, dropped: 0 });
    await got(`${server.url}/internal/force_flush`);
    // A query is answered as of its own second.
    await passing(1000);
    expect(await stored('calls_total{zone="a","service.name"="add"}')).toEqual({ sum: "3", concat: "0.5" });
    expect(await stored('heat{"service.instance.id"="pod-7"}')).toEqual({ "": "-1.5" });
    expect(await stored("took_seconds_bucket")).toEqual({ "0.1": "2", "1": "3", "+Inf": "4" });
    expect(await stored("took_seconds_sum")).toEqual({ "": "7.65" });
    expect(await stored("size_bytes_count")).toEqual({ "": "1" });
  });

  it("refuses metrics as JSON, which is why protobuf is the default", async () => {
    const metrics = registry();
    metrics.gauge({ name: "heat", help: "Heat." }).set(1);
    const json = otlpMetrics({
      registry: metrics,
      service: "add",
      url: `${server.url}/opentelemetry`,
      encoding: "json",
    });
    await json.flush();
    expect(json.stats).toMatchObject({ sent: 0, dropped: 1, failures: 1, retries: 0 });
  });
});
