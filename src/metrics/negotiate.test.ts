import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { registry } from "./index.ts";
import { OPEN_METRICS_TYPE, TEXT_TYPE, wantsOpenMetrics } from "./negotiate.ts";

// As sent by Prometheus 2.42 and by 3.x with its defaults.
const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

describe("negotiating the format", () => {
  it.each([
    PROMETHEUS_2,
    PROMETHEUS_3,
    "application/openmetrics-text",
    "Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8",
    'application/openmetrics-text; version="1.0.0"',
    "text/plain, application/openmetrics-text",
  ])("gives OpenMetrics for %s", (accept) => {
    expect(wantsOpenMetrics(accept)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "*/*",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "text/plain;version=0.0.4",
    "application/openmetrics-text;q=0.5, text/plain;q=0.9",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=nonsense",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;version=2.0.0",
    "application/json",
  ])("gives the text format for %s", (accept) => {
    expect(wantsOpenMetrics(accept)).toBe(false);
  });

  it("gives the text format for a header longer than any scraper sends", () => {
    expect(wantsOpenMetrics(`application/openmetrics-text,${"x".repeat(2000)}`)).toBe(true);
    expect(wantsOpenMetrics(`application/openmetrics-text,${"x".repeat(2048)}`)).toBe(false);
  });

  it("never fails, whatever comes, and never gives OpenMetrics to whoever does not name it", () => {
    const piece = fc.constantFrom(
      "application/",
      "openmetrics-text",
      "text/plain",
      ";",
      ",",
      "q=",
      "version=",
      '"',
      "1",
      " ",
    );
    const accepts = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(accepts, (accept) => {
        expect(wantsOpenMetrics(accept) && !accept.includes("application/openmetrics-text")).toBe(false);
      }),
    );
  });

  it("answers with the matching content type and body", () => {
    const metrics = registry();
    metrics.counter({ name: "calls_total", help: "Calls." }).inc();
    expect(metrics.expose(PROMETHEUS_2)).toEqual({ contentType: OPEN_METRICS_TYPE, body: metrics.openMetrics() });
    expect(metrics.expose()).toEqual({ contentType: TEXT_TYPE, body: metrics.text() });
    expect(OPEN_METRICS_TYPE).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(TEXT_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
  });
});
