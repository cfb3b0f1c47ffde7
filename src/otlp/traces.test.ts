import { describe, expect, expectTypeOf, it } from "vitest";
import { create, toBinary } from "@bufbuild/protobuf";
import { virtualClock } from "../testing/index.ts";
import { tracer, type SpanData, type SpanExporter } from "../trace/index.ts";
import { otlpTraces, type OtlpTracesOptions } from "./index.ts";
import { AnswerSchema } from "./testdata/gen/otlp_pb.ts";
import { strictCollector } from "./testdata/strict.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

const span: SpanData = {
  service: "add",
  traceId: TRACE,
  spanId: "00f067aa0ba902b7",
  parentSpanId: "53995c3f42cd8ad8",
  traceState: "rojo=1",
  name: "add/sum",
  kind: "server",
  startUnixMs: 1_767_225_600_000.25,
  durationMs: 1.5,
  status: "error",
  statusMessage: "no route",
  attributes: { "rpc.method": "sum", "http.response.status_code": 503, ratio: 0.5, ok: false },
  events: [{ name: "retry", unixMs: 1_767_225_600_001, attributes: { attempt: 2 } }],
  links: [{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }],
  refused: 3,
};

const plain: SpanData = {
  ...span,
  service: "other",
  parentSpanId: "",
  traceState: "",
  kind: "client",
  status: "unset",
  statusMessage: "",
  attributes: {},
  events: [],
  links: [],
  refused: 0,
};

const expected = [
  {
    resource: {
      attributes: [
        { key: "service.name", value: { stringValue: "add" } },
        { key: "service.version", value: { stringValue: "1.2.0" } },
        { key: "service.instance.id", value: { stringValue: "pod-7" } },
        { key: "host.cores", value: { intValue: "8" } },
      ],
    },
    scopeSpans: [
      {
        scope: { name: "servicekit" },
        spans: [
          {
            traceId: TRACE,
            spanId: "00f067aa0ba902b7",
            traceState: "rojo=1",
            parentSpanId: "53995c3f42cd8ad8",
            name: "add/sum",
            kind: 2,
            startTimeUnixNano: "1767225600000250000",
            endTimeUnixNano: "1767225600001750000",
            attributes: [
              { key: "rpc.method", value: { stringValue: "sum" } },
              { key: "http.response.status_code", value: { intValue: "503" } },
              { key: "ratio", value: { doubleValue: 0.5 } },
              { key: "ok", value: { boolValue: false } },
            ],
            droppedAttributesCount: 3,
            events: [
              {
                timeUnixNano: "1767225600001000000",
                name: "retry",
                attributes: [{ key: "attempt", value: { intValue: "2" } }],
              },
            ],
            links: [{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }],
            status: { message: "no route", code: 2 },
            flags: 0x301,
          },
        ],
      },
    ],
  },
];

const resource: OtlpTracesOptions = { version: "1.2.0", instance: "pod-7", attributes: { "host.cores": 8 } };

describe("otlpTraces", () => {
  it.each(["protobuf", "json"] as const)("sends everything that a span has, as %s", async (encoding) => {
    await using collector = await strictCollector();
    const exporter = otlpTraces({ url: collector.url, encoding, ...resource });
    await exporter.export([span]);
    expect(collector.decoded).toEqual([{ resourceSpans: expected }]);
    expect(collector.received[0]!.path).toBe("/v1/traces");
    expect(exporter.stats).toEqual({ sent: 1, dropped: 0, requests: 1, retries: 0, failures: 0 });
  });

  it("groups spans by their services, and leaves out what a span does not have", async () => {
    await using collector = await strictCollector();
    const exporter = otlpTraces({ url: `${collector.url}/v1/traces` });
    await exporter.export([span, plain, span]);
    const { resourceSpans } = collector.decoded[0]!;
    expect(resourceSpans.length).toBe(2);
    expect(resourceSpans[0].scopeSpans[0].spans.length).toBe(2);
    expect(resourceSpans[1].scopeSpans[0].spans).toEqual([
      {
        traceId: TRACE,
        spanId: "00f067aa0ba902b7",
        name: "add/sum",
        kind: 3,
        startTimeUnixNano: "1767225600000250000",
        endTimeUnixNano: "1767225600001750000",
        status: {},
        flags: 0x101,
      },
    ]);
  });

  it("appends the path to a base URL that has one of its own", async () => {
    await using collector = await strictCollector();
    await otlpTraces({ url: `${collector.url}/opentelemetry/`, encoding: "json" }).export([span]);
    expect(collector.received[0]!.path).toBe("/opentelemetry/v1/traces");
  });

  it("sends text that is no text as something that is", async () => {
    await using collector = await strictCollector();
    for (const encoding of ["protobuf", "json"] as const) {
      await otlpTraces({ url: collector.url, encoding }).export([{ ...plain, name: "a\ud800b" }]);
    }
    const names = collector.decoded.map(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans[0].name);
    expect(names).toEqual(["a\ufffdb", "a\ufffdb"]);
  });

  it.each(["protobuf", "json"] as const)(
    "counts and reports what was taken only in part, said as %s",
    async (encoding) => {
      const partialSuccess = { rejected: 2n, errorMessage: "too\nold" };
      const answers = {
        protobuf: {
          type: "application/x-protobuf",
          body: toBinary(AnswerSchema, create(AnswerSchema, { partialSuccess })),
        },
        json: {
          type: "application/json",
          body: JSON.stringify({ partialSuccess: { rejectedSpans: "2", errorMessage: "too\nold" } }),
        },
      };
      const { type, body } = answers[encoding];
      await using collector = await strictCollector(() => ({ status: 200, headers: { "content-type": type }, body }));
      const reported: unknown[] = [];
      const exporter = otlpTraces({ url: collector.url, encoding, report: (error) => reported.push(error) });
      await exporter.export([span, span, span]);
      expect(exporter.stats).toMatchObject({ sent: 1, dropped: 2, failures: 0 });
      expect(reported.map(String)).toEqual(["Error: the collector refused 2 of 3 items: too old"]);
    },
  );

  it("takes an answer that says nonsense for one that says nothing", async () => {
    const bodies = [
      "{",
      "null",
      '{"partialSuccess":{"rejectedSpans":"many"}}',
      '{"partialSuccess":{"rejectedSpans":-5}}',
      "[]",
    ];
    const headers = (i: number) => ({ "content-type": i < 5 ? "application/json" : "application/x-protobuf" });
    await using collector = await strictCollector((i) => ({
      status: 200,
      headers: headers(i),
      body: bodies[i] ?? "\u000a\u00ff",
    }));
    const exporter = otlpTraces({ url: collector.url });
    for (let i = 0; i < 6; i++) await exporter.export([span]);
    expect(exporter.stats).toMatchObject({ sent: 6, dropped: 0 });
  });

  it("loses what is refused, tells of it, and fails the tracer's export", async () => {
    await using collector = await strictCollector(() => ({ status: 400 }));
    const reported: string[] = [];
    const exporter = otlpTraces({
      url: collector.url,
      headers: { authorization: "Bearer s3cret" },
      report(error) {
        reported.push(String(error));
        throw new Error("the reporter is broken too");
      },
    });
    await expect(exporter.export([span, span])).rejects.toThrow("answered 400");
    expect(exporter.stats).toEqual({ sent: 0, dropped: 2, requests: 1, retries: 0, failures: 1 });
    expect(reported).toEqual([`Error: ${collector.url}/v1/traces answered 400`]);
  });

  it("sends nothing for no spans", async () => {
    const exporter = otlpTraces({ fetch: () => Promise.reject(new Error("asked")) });
    await exporter.export([]);
    expect(exporter.stats.requests).toBe(0);
  });

  it("exports through a tracer, which ends with it", async () => {
    await using collector = await strictCollector(() => "hang");
    const exporter = otlpTraces({ url: collector.url, timeoutMs: 30 });
    const reported: string[] = [];
    const traces = tracer({ service: "add", ratio: 1, exporter, report: (error) => reported.push(String(error)) });
    (traces as unknown as { record(span: SpanData): void }).record(span);
    await traces.close();
    expect(traces.stats).toMatchObject({ exported: 0, dropped: 1, exportErrors: 1 });
    expect(reported[0]).toContain("did not answer within 30 ms");
    await expect(exporter.export([span])).rejects.toThrow("this side is closed");
  });

  it("refuses wrong options", () => {
    expect(() => otlpTraces({ urls: "x" } as OtlpTracesOptions)).toThrow('otlpTraces has no option "urls"');
    expect(() => otlpTraces({ encoding: "xml" as "json" })).toThrow(
      'encoding should be one of "protobuf", "json", got "xml"',
    );
    expect(() => otlpTraces({ attributes: { a: null as unknown as string } })).toThrow(
      "attributes.a should be a string",
    );
    expect(() => otlpTraces({ timeoutMs: 0 })).toThrow("timeoutMs should be a number of at least 1, got 0");
    expect(() => otlpTraces({ version: "" })).toThrow("version should be");
    expectTypeOf(otlpTraces).returns.toExtend<SpanExporter>();
    // @ts-expect-error the service is the tracer's
    expect(() => otlpTraces({ service: "add" })).toThrow('no option "service"');
    expect(virtualClock().pending).toBe(0);
  });
});
