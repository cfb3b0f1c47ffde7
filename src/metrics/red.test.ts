import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { ActiveCall, type MethodInfo, type Observe, type Observer } from "../endpoint/index.ts";
import { codes, type Outcome } from "../errors/index.ts";
import { redMetrics, registry, type Registry } from "./index.ts";

function info(name: string, more: Partial<MethodInfo> = {}): MethodInfo {
  return methodInfo({ idempotent: false, name, ...more });
}

function call(method: MethodInfo, end: Partial<ActiveCall> = {}): ActiveCall {
  return Object.assign(new ActiveCall(method, { startMs: 0, timeoutMs: 3000 }), end);
}

function lines(metrics: Registry, name: string): string[] {
  return metrics
    .text()
    .split("\n")
    .filter((line) => line.startsWith(name));
}

function run(observer: Observer, method: MethodInfo, end: Partial<ActiveCall>): void {
  const one = call(method);
  observer.start!(one);
  observer.end!(Object.assign(one, end));
}

describe("RED metrics", () => {
  it("are an Observe, ready to be given to a server or client", () => {
    expectTypeOf(redMetrics(registry())).toEqualTypeOf<Observe>();
  });

  it("count calls by outcome, time them, and add up bytes", () => {
    const metrics = registry();
    const sum = info("sum");
    const observer = redMetrics(metrics, { buckets: [0.01, 1] })(sum)!;
    run(observer, sum, { outcome: "ok", durationMs: 5, requestBytes: 13, responseBytes: 7 });
    run(observer, sum, { outcome: "ok", durationMs: 250, requestBytes: 13, responseBytes: 7 });
    run(observer, sum, { outcome: "invalid_argument", durationMs: 1 });
    expect(lines(metrics, "rpc_")).toEqual([
      'rpc_server_request_bytes_total{method="sum",service="add"} 26',
      'rpc_server_request_duration_seconds_bucket{method="sum",service="add",le="0.01"} 2',
      'rpc_server_request_duration_seconds_bucket{method="sum",service="add",le="1"} 3',
      'rpc_server_request_duration_seconds_bucket{method="sum",service="add",le="+Inf"} 3',
      'rpc_server_request_duration_seconds_sum{method="sum",service="add"} 0.256',
      'rpc_server_request_duration_seconds_count{method="sum",service="add"} 3',
      'rpc_server_requests_in_flight{method="sum",service="add"} 0',
      'rpc_server_requests_total{code="invalid_argument",method="sum",service="add"} 1',
      'rpc_server_requests_total{code="ok",method="sum",service="add"} 2',
      'rpc_server_response_bytes_total{method="sum",service="add"} 14',
    ]);
  });

  it("show a call in flight between its start and its end", () => {
    const metrics = registry();
    const sum = info("sum");
    const observer = redMetrics(metrics)(sum)!;
    const [one, two] = [call(sum), call(sum)];
    observer.start!(one);
    observer.start!(two);
    expect(lines(metrics, "rpc_server_requests_in_flight")[0]).toMatch(/ 2$/);
    observer.end!(Object.assign(one, { outcome: "canceled" as const }));
    expect(lines(metrics, "rpc_server_requests_in_flight")[0]).toMatch(/ 1$/);
  });

  it("have a method's series before its first call, and a failure's with the first failure", () => {
    const metrics = registry();
    redMetrics(metrics)(info("sum"));
    expect(lines(metrics, "rpc_server_requests_total")).toEqual([
      'rpc_server_requests_total{code="ok",method="sum",service="add"} 0',
    ]);
  });

  it("count every code under its own name, and a call without an outcome as unknown", () => {
    const metrics = registry();
    const sum = info("sum");
    const observer = redMetrics(metrics)(sum)!;
    codes.forEach((outcome, i) => {
      for (let n = 0; n <= i; n++) run(observer, sum, { outcome });
    });
    for (const outcome of [undefined, "teapot" as Outcome]) run(observer, sum, { outcome });
    const counted = Object.fromEntries(
      lines(metrics, "rpc_server_requests_total").map((line) => [
        /code="(\w+)"/.exec(line)![1],
        Number(line.split(" ")[1]),
      ]),
    );
    const expected = Object.fromEntries(codes.map((code, i) => [code, i + 1]));
    expect(counted).toEqual({ ...expected, unknown: expected["unknown"]! + 2, ok: 0 });
  });

  it("keep server and client, services and methods apart", () => {
    const metrics = registry();
    const observe = redMetrics(metrics);
    const kinds = [info("sum"), info("concat"), info("sum", { service: "other" }), info("sum", { side: "client" })];
    kinds.forEach((method, i) => {
      const observer = observe(method)!;
      for (let n = 0; n <= i; n++) run(observer, method, { outcome: "ok" });
    });
    expect(lines(metrics, "rpc_client_requests_total")).toEqual([
      'rpc_client_requests_total{code="ok",method="sum",service="add"} 4',
    ]);
    expect(lines(metrics, "rpc_server_requests_total")).toEqual([
      'rpc_server_requests_total{code="ok",method="concat",service="add"} 2',
      'rpc_server_requests_total{code="ok",method="sum",service="add"} 1',
      'rpc_server_requests_total{code="ok",method="sum",service="other"} 3',
    ]);
  });

  it("of two servers on one registry add up", () => {
    const metrics = registry();
    const [http, rpc] = [info("sum"), info("sum")];
    run(redMetrics(metrics)(http)!, http, { outcome: "ok" });
    run(redMetrics(metrics)(rpc)!, rpc, { outcome: "ok" });
    expect(lines(metrics, "rpc_server_requests_total")[0]).toMatch(/ 2$/);
  });

  it("hold as many methods as the registry has series, with all their codes", () => {
    const metrics = registry({ maxSeries: 10 });
    const observe = redMetrics(metrics);
    for (let i = 0; i < 12; i++) {
      const method = info(`m${i}`);
      const observer = observe(method)!;
      for (const outcome of codes) run(observer, method, { outcome });
    }
    const written = lines(metrics, "rpc_server_requests_total");
    expect(written.length).toBeGreaterThanOrEqual(10 * (codes.length + 1));
    expect(written.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0)).toBe(12 * codes.length);
    expect(lines(metrics, "rpc_server_requests_in_flight")).toHaveLength(11);
  });

  it("name a sampled trace as exemplar, and never read the id of another", () => {
    const metrics = registry();
    const sum = info("sum");
    const observer = redMetrics(metrics)(sum)!;
    const unsampled = {
      spanId: "1".repeat(16),
      state: "",
      sampled: false,
      get traceId(): string {
        throw new Error("read");
      },
    };
    run(observer, sum, { outcome: "ok", durationMs: 3, trace: unsampled });
    expect(metrics.openMetrics()).not.toContain("trace_id");
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    run(observer, sum, {
      outcome: "ok",
      durationMs: 3,
      trace: { spanId: "1".repeat(16), state: "", sampled: true, traceId },
    });
    expect(metrics.openMetrics()).toContain(`# {trace_id="${traceId}"} 0.003 `);
  });

  it("say so when the registry holds one of their names otherwise, or an option is misspelt", () => {
    const metrics = registry();
    redMetrics(metrics)(info("sum"));
    expect(() => redMetrics(metrics, { buckets: [1, 2] })(info("sum"))).toThrow(
      /buckets of rpc_server_request_duration_seconds should be/,
    );
    expect(() => redMetrics(metrics, { bukets: [1] } as never)).toThrow(/RED metrics has no option "bukets"/);
  });
});
