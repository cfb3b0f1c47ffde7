import { client, type ClosableClient } from "servicekit/client";
import { logger, loggerKey } from "servicekit/log";
import { registry, type Registry } from "servicekit/metrics";
import { local } from "servicekit/transport/local";
import { beforeEach, describe, expect, it } from "vitest";
import { instrumenting, logging } from "./middleware.ts";
import { basic, strings } from "./service.ts";

let metrics: Registry;
let lines: string[];
let remote: ClosableClient<typeof strings.methods>;
beforeEach(() => {
  [metrics, lines] = [registry(), []];
  const log = logger({ format: "logfmt", batchBytes: 0, write: (text) => lines.push(text) });
  const use = [logging, instrumenting(metrics)];
  const implementation = strings.implement(basic, { methods: { uppercase: { use }, count: { use } } });
  remote = client(strings, local(implementation, { before: [(context) => context.with(loggerKey, log)] }));
});

const series = (name: string): number =>
  Number(new RegExp(`^my_group_string_service_${name} (.*)$`, "m").exec(metrics.expose().body)?.[1]);

describe("logging", () => {
  it("writes method, input, output, error and duration", async () => {
    await remote.uppercase({ s: "a b" });
    await remote.uppercase.try({ s: "" });
    await remote.count({ s: "é" });
    expect(lines.map((line) => /method=.*/.exec(line)?.[0])).toEqual([
      expect.stringMatching(/^method=uppercase input="a b" output="A B" err=null took=\d+\.\d{3}ms$/),
      expect.stringMatching(/^method=uppercase input= output= err="empty string" took=\d+\.\d{3}ms$/),
      expect.stringMatching(/^method=count input=é output=2 err=null took=\d+\.\d{3}ms$/),
    ]);
  });
});

describe("instrumenting", () => {
  it("counts calls by method and error, and what count answers", async () => {
    await remote.uppercase({ s: "a" });
    await remote.uppercase.try({ s: "" });
    await remote.count({ s: "é" });
    await remote.count({ s: "abc" });
    expect(series('request_count{error="false",method="uppercase"}')).toBe(1);
    expect(series('request_count{error="true",method="uppercase"}')).toBe(1);
    expect(series('request_count{error="false",method="count"}')).toBe(2);
    expect([series("count_result_sum"), series("count_result_count")]).toEqual([5, 2]);
  });

  it("observes microseconds, as the name says", async () => {
    const beganMs = performance.now();
    await remote.count({ s: "x".repeat(500_000) });
    const wholeUs = (performance.now() - beganMs) * 1000;
    const tookUs = series('request_latency_microseconds_sum{error="false",method="count"}');
    // Half a million characters take some microseconds to count, and far less than the call takes milliseconds.
    expect(tookUs).toBeGreaterThan(wholeUs / 1000 / 1000);
    expect(tookUs).toBeLessThanOrEqual(wholeUs);
  });
});
