// The inside of one call: its spans on a time line, its lines of the log.
import { h } from "./dom.js";
import { clock, duration, plural } from "./format.js";
import { kindOf } from "./model.js";

/** @typedef {import("./model.js").Trace} Trace */
/** @typedef {import("./model.js").Span} Span */

/** @param {Trace} trace */
export function insideOf(trace) {
  const { spans, lines, root } = trace;
  const message = root.statusMessage;
  return h(
    "div",
    { class: "inside" },
    message !== "" && h("p", { class: "message" }, `“${message}”`),
    waterfall(spans),
    h("h4", {}, lines.length === 0 ? "Log lines" : plural(lines.length, "log line")),
    lines.length === 0
      ? h(
          "p",
          { class: "empty small" },
          "None was written, or before this page was opened. Handlers write with logOf(context).",
        )
      : h("ol", { class: "lines" }, ...lines.map(lineOf)),
    h("p", { class: "ids" }, "trace ", h("code", {}, trace.traceId)),
  );
}

/** @param {Span[]} spans */
function waterfall(spans) {
  const sorted = tree(spans);
  const from = Math.min(...spans.map(({ startUnixMs }) => startUnixMs));
  const until = Math.max(...spans.map(({ startUnixMs, durationMs }) => startUnixMs + durationMs));
  const whole = Math.max(until - from, 0.001);
  return h(
    "ol",
    { class: "spans" },
    ...sorted.map(({ span, depth }) => {
      const attributes = Object.entries(span.attributes);
      const code = String(span.attributes["rpc.response.status_code"] ?? (span.status === "error" ? "unknown" : "ok"));
      return h(
        "li",
        { class: span.kind === "internal" ? (span.status === "error" ? "fault" : "inner") : kindOf(code) },
        h(
          "details",
          {},
          h(
            "summary",
            {},
            h(
              "span",
              { class: "name", style: { "--depth": depth } },
              span.name,
              h("span", { class: "tag" }, span.kind),
            ),
            h(
              "span",
              { class: "time" },
              h("i", {
                style: {
                  "--from": ((span.startUnixMs - from) / whole).toFixed(4),
                  "--part": Math.max(0.003, span.durationMs / whole).toFixed(4),
                },
              }),
              ...span.events.map((event) =>
                h("b", {
                  title: event.name,
                  style: { "--from": Math.min(1, Math.max(0, (event.unixMs - from) / whole)).toFixed(4) },
                }),
              ),
            ),
            h("span", { class: "num" }, duration(span.durationMs)),
          ),
          h(
            "dl",
            {},
            ...attributes.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]),
            ...span.events.flatMap((event) => [
              h("dt", {}, `+${duration(event.unixMs - span.startUnixMs)}`),
              h(
                "dd",
                {},
                event.name,
                " ",
                ...Object.entries(event.attributes).map(([name, value]) => `${name}=${value} `),
              ),
            ]),
          ),
        ),
      );
    }),
  );
}

/** Spans in the order of their begin, each below the one it belongs to. @param {Span[]} spans */
function tree(spans) {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  /** @type {{ span: Span, depth: number }[]} */
  const sorted = [];
  const seen = new Set();
  /** @param {string | undefined} parent @param {number} depth */
  function add(parent, depth) {
    const children = spans.filter((span) =>
      parent === undefined ? !ids.has(span.parentSpanId) : span.parentSpanId === parent,
    );
    for (const span of children.sort((a, b) => a.startUnixMs - b.startUnixMs)) {
      // What comes from outside may name itself its parent.
      if (seen.has(span)) continue;
      seen.add(span);
      sorted.push({ span, depth: Math.min(depth, 8) });
      add(span.spanId, depth + 1);
    }
  }
  add(undefined, 0);
  for (const span of spans) if (!seen.has(span)) sorted.push({ span, depth: 0 });
  return sorted;
}

/** What every line of a call says, and the page shows anyway. */
const KNOWN = new Set(["time", "level", "msg", "trace_id", "service", "method"]);

/** A line in parts where it is JSON, else as it is. @param {string} text */
function lineOf(text) {
  const record = parsed(text);
  if (record === undefined) return h("li", {}, h("span", { class: "text" }, text.replace(/\u001b\[\d*m/g, "")));
  const level = textOf(record["level"] ?? "info");
  const at = Date.parse(textOf(record["time"]));
  return h(
    "li",
    { class: `level-${["debug", "info", "warn", "error"].includes(level) ? level : "info"}` },
    h("span", { class: "at" }, Number.isNaN(at) ? "" : clock(at)),
    h("span", { class: "level" }, level),
    h(
      "span",
      { class: "text" },
      textOf(record["msg"] ?? ""),
      ...Object.entries(record)
        .filter(([name]) => !KNOWN.has(name))
        .flatMap(([name, value]) => [" ", h("span", { class: "field" }, h("b", {}, name), "=", textOf(value))]),
    ),
  );
}

/** @param {string} text @returns {Record<string, unknown> | undefined} */
function parsed(text) {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // It was cut, or is no JSON after all.
    return undefined;
  }
}

/** @param {unknown} value @returns {string} */
function textOf(value) {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
