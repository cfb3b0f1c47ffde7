import { describe, expect, expectTypeOf, it } from "vitest";
import { collector } from "../../test/collector.ts";
import type { SpanData, SpanExporter } from "../trace/index.ts";
import { zipkinTraces, type ZipkinOptions } from "./index.ts";
import { endpointOf, zipkinSpan } from "./spans.ts";

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
  attributes: {
    "rpc.method": "sum",
    "http.response.status_code": 503,
    "http.response.body.size": 17,
    "network.peer.address": "10.0.0.9:5000",
    "error.type": "no_route",
    ok: false,
  },
  events: [
    { name: "retry", unixMs: 1_767_225_600_001, attributes: { attempt: 2 } },
    { name: "done", unixMs: 1_767_225_600_002, attributes: {} },
  ],
  links: [{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }],
  refused: 3,
};

const plain: SpanData = {
  ...span,
  parentSpanId: "",
  kind: "internal",
  status: "unset",
  statusMessage: "",
  durationMs: 0.0001,
  attributes: {},
  events: [],
  links: [],
  refused: 0,
};

const plainSent = {
  traceId: TRACE,
  id: "00f067aa0ba902b7",
  name: "add/sum",
  timestamp: 1_767_225_600_000_250,
  duration: 1,
  localEndpoint: { serviceName: "add" },
};

describe("zipkinTraces", () => {
  it("sends everything that a span has and Zipkin knows", async () => {
    await using server = await collector(() => ({ status: 202 }));
    const exporter = zipkinTraces({ url: `${server.url}/api/v2/spans`, address: "10.0.0.7:8081" });
    await exporter.export([span]);
    expect(server.received[0]).toMatchObject({
      path: "/api/v2/spans",
      headers: { "content-type": "application/json" },
    });
    expect(JSON.parse(server.received[0]!.body.toString())).toEqual([
      {
        traceId: TRACE,
        id: "00f067aa0ba902b7",
        parentId: "53995c3f42cd8ad8",
        name: "add/sum",
        kind: "SERVER",
        timestamp: 1_767_225_600_000_250,
        duration: 1500,
        localEndpoint: { serviceName: "add", ipv4: "10.0.0.7", port: 8081 },
        remoteEndpoint: { ipv4: "10.0.0.9", port: 5000 },
        annotations: [
          { timestamp: 1_767_225_600_001_000, value: 'retry: {"attempt":2}' },
          { timestamp: 1_767_225_600_002_000, value: "done" },
        ],
        tags: {
          "rpc.method": "sum",
          "http.status_code": "503",
          "http.response.size": "17",
          "network.peer.address": "10.0.0.9:5000",
          "error.type": "no_route",
          ok: "false",
          error: "no route",
          links: "0af7651916cd43dd8448eb211c80319c/b7ad6b7169203331",
          "otel.dropped_attributes_count": "3",
        },
      },
    ]);
    expect(exporter.stats).toEqual({ sent: 1, dropped: 0, requests: 1, retries: 0, failures: 0 });
  });

  it("leaves out what a span does not have, and makes no span shorter than a microsecond", async () => {
    await using server = await collector(() => ({ status: 202 }));
    await zipkinTraces({ url: server.url }).export([plain]);
    expect(JSON.parse(server.received[0]!.body.toString())).toEqual([plainSent]);
  });

  it("names the other side of a client's span as far as it is known", () => {
    const attributes = { "network.peer.address": "::1", "peer.service": "db" };
    expect(zipkinSpan({ ...plain, kind: "client", attributes }, {})).toMatchObject({
      kind: "CLIENT",
      remoteEndpoint: { ipv6: "::1", serviceName: "db" },
    });
    expect(
      zipkinSpan({ ...plain, kind: "server", attributes: { "network.peer.address": "unix" } }, {}).remoteEndpoint,
    ).toBe(undefined);
    expect(zipkinSpan({ ...plain, attributes }, {}).remoteEndpoint).toBe(undefined);
  });

  it("marks a failed span by a tag even when it has no message, and leaves a tag of that name alone", () => {
    const failed = { ...plain, status: "error" } as const;
    expect(zipkinSpan(failed, {}).tags).toEqual({ error: "error" });
    expect(zipkinSpan({ ...failed, attributes: { "error.type": "RangeError" } }, {}).tags!["error"]).toBe("RangeError");
    expect(zipkinSpan({ ...failed, attributes: { error: "own" } }, {}).tags).toEqual({ error: "own" });
  });

  it.each([
    ["127.0.0.1", { ipv4: "127.0.0.1" }],
    ["127.0.0.1:80", { ipv4: "127.0.0.1", port: 80 }],
    ["::ffff:127.0.0.1", { ipv4: "127.0.0.1" }],
    ["::1", { ipv6: "::1" }],
    ["[fe80::1]:8080", { ipv6: "fe80::1", port: 8080 }],
    ["127.0.0.1:99999", { ipv4: "127.0.0.1" }],
    ["example.com:80", {}],
    ["", {}],
  ])("reads the address %j", (address, endpoint) => {
    expect(endpointOf(address)).toEqual(endpoint);
  });

  it("loses what is refused, tells of it, and fails the tracer's export", async () => {
    await using server = await collector(() => ({
      status: 400,
      headers: { "content-type": "text/plain" },
      body: "bad id",
    }));
    const reported: string[] = [];
    const exporter = zipkinTraces({
      url: server.url,
      report(error) {
        reported.push(String(error));
        throw new Error("the reporter is broken too");
      },
    });
    await expect(exporter.export([span, plain])).rejects.toThrow("answered 400: bad id");
    expect(exporter.stats).toEqual({ sent: 0, dropped: 2, requests: 1, retries: 0, failures: 1 });
    expect(reported).toHaveLength(1);
  });

  it("sends nothing for no spans, and nothing once it is closed", async () => {
    const exporter = zipkinTraces({ fetch: () => Promise.reject(new Error("asked")) });
    await exporter.export([]);
    expect(exporter.stats.requests).toBe(0);
    await exporter.close();
    await expect(exporter.export([plain])).rejects.toThrow("this side is closed");
  });

  it("refuses wrong options", () => {
    expectTypeOf(zipkinTraces).returns.toExtend<SpanExporter>();
    expect(() => zipkinTraces({ endpoint: "x" } as ZipkinOptions)).toThrow('zipkinTraces has no option "endpoint"');
    expect(() => zipkinTraces({ address: "example.com" })).toThrow(
      'address should be an IP address, with or without a port, got "example.com"',
    );
    expect(() => zipkinTraces({ url: "localhost:9411" })).toThrow("url should be an http or https URL");
    // @ts-expect-error a number of milliseconds
    expect(() => zipkinTraces({ timeoutMs: "1s" })).toThrow("timeoutMs should be");
  });
});
