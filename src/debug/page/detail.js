// One method in full: how long its calls take, how they end, what stands around it, its messages, and the form to call it.
import { byId, fill, h, remembered, say } from "./dom.js";
import { bytes, duration, percent, plural } from "./format.js";
import { histogram, rateChart } from "./charts.js";
import { badge, OTHER, split, windowNote } from "./methods.js";
import { kindOf } from "./model.js";
import { tryForm } from "./try-it.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Series} Series */
/** @typedef {import("./model.js").LayerState} LayerState */

/**
 * @param {Model} model
 * @param {(traceId: string) => void} showCall
 */
export function detailPanel(model, showCall) {
  const panel = byId("detail");
  /** @type {Series | undefined} */
  let series;
  let isSinceStart = remembered("since") === "start";
  /** @type {(() => void) | undefined} */
  let draw;

  new ResizeObserver(() => draw?.()).observe(panel);

  /** @param {string} name */
  function show(name) {
    if (series?.name === name) return;
    series = model.methods.get(name);
    if (series === undefined) return;
    draw = build(series);
    draw();
  }

  /** @param {Series} shown */
  function build(shown) {
    const { entry } = shown;
    const [service, method] = split(shown.name);
    const charts = { latency: h("div", { class: "draw" }), rates: h("div", { class: "draw" }) };
    const codes = h("tbody");
    const noCodes = h("p", { class: "empty small" }, "No call has ended in this time.");
    const sizes = h("p", { class: "note" });
    const note = h("span", { class: "note" });
    /** @type {HTMLButtonElement[]} */
    const windows = [false, true].map(
      (sinceStart) =>
        /** @type {HTMLButtonElement} */ (
          h(
            "button",
            { type: "button", "aria-pressed": String(sinceStart === isSinceStart), onclick: () => choose(sinceStart) },
            sinceStart ? "Since start" : "Last minute",
          )
        ),
    );
    const states = (entry?.stack ?? []).map(() => h("span", { class: "live" }));

    /** @param {boolean} sinceStart */
    function choose(sinceStart) {
      isSinceStart = sinceStart;
      remembered("since", sinceStart ? "start" : "minute");
      windows.forEach((button, i) => button.setAttribute("aria-pressed", String((i === 1) === sinceStart)));
      drawNow();
    }

    fill(
      panel,
      h(
        "div",
        { class: "head" },
        h(
          "h2",
          { id: "detail-title" },
          shown.name === OTHER ? "no such method" : h("span", { class: "service" }, `${service}.`),
          shown.name !== OTHER && method,
        ),
        entry &&
          h(
            "span",
            { class: "note" },
            `${entry.kind}${entry.idempotent ? " · idempotent" : ""} · deadline ${duration(entry.timeoutMs)}`,
          ),
      ),
      entry === undefined &&
        h(
          "p",
          { class: "empty small" },
          shown.name === OTHER
            ? "Calls to an address or name that fits no method: they are counted and logged like any other."
            : "A method of another server that shares these metrics.",
        ),
      h(
        "div",
        { class: "bar" },
        h("h3", {}, "Latency"),
        note,
        h("span", { class: "switch", role: "group", "aria-label": "Time shown" }, ...windows),
      ),
      charts.latency,
      h("h3", {}, "Calls per second"),
      charts.rates,
      h(
        "p",
        { class: "legend" },
        legend("ok", "ok"),
        legend("refused", "◇ refused"),
        legend("fault", "▲ fault of the server"),
      ),
      h("div", { class: "bar" }, h("h3", {}, "Outcomes"), sizes),
      h("table", { class: "codes" }, codes),
      noCodes,
      entry && tryForm(entry, model.catalogue.tryIt, showCall),
      entry && stackOf(entry, states),
      entry &&
        h(
          "details",
          { class: "schemas" },
          h("summary", {}, "Messages and errors"),
          schema("Request", entry.request),
          schema("Answer", entry.response),
          errorsOf(entry),
        ),
    );

    function drawNow() {
      const width = Math.max(260, charts.latency.clientWidth || 400);
      const { now } = shown;
      const recent = shown.recent();
      const buckets = isSinceStart ? now.buckets : recent.buckets;
      const total = buckets.reduce((sum, count) => sum + count, 0);
      say(note, isSinceStart ? plural(total, "call") : `${plural(total, "call")}, ${windowNote(model)}`);
      if (!model.catalogue.metrics)
        fill(
          charts.latency,
          h("p", { class: "empty small" }, "Metrics are off. serve(…, { metrics: registry() }) turns them on."),
        );
      else if (total === 0)
        fill(
          charts.latency,
          h(
            "p",
            { class: "empty small" },
            isSinceStart ? "Not called yet." : "No call in the last minute. “Since start” shows those before.",
          ),
        );
      else fill(charts.latency, histogram(buckets, model.bounds, width));
      fill(charts.rates, rateChart(shown.rates(), width));
      drawCodes(isSinceStart ? now.codes : recent.codes);
      say(
        sizes,
        now.count === 0
          ? ""
          : `${bytes(now.requestBytes / now.count)} in, ${bytes(now.responseBytes / now.count)} out per call`,
      );
      for (const state of now.states) {
        const place = states[state.layer];
        if (place) fill(place, badge(state), h("span", { class: "note" }, storyOf(state)));
      }
    }

    /** @param {Record<string, number>} counts */
    function drawCodes(counts) {
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const list = Object.entries(counts)
        .filter(([, count]) => count > 0)
        .sort((a, b) => b[1] - a[1]);
      noCodes.hidden = list.length > 0;
      fill(
        codes,
        ...list.map(([code, count]) =>
          h(
            "tr",
            { class: kindOf(code) },
            h("th", { scope: "row" }, h("span", { "aria-hidden": true }, signOf(code)), ` ${code}`),
            h("td", { class: "share" }, h("i", { style: { "--part": (count / all).toFixed(4) } })),
            h("td", { class: "num" }, percent(count / all)),
            h("td", { class: "num" }, count.toLocaleString("en")),
          ),
        ),
      );
    }

    return drawNow;
  }

  return { show, update: () => draw?.() };
}

/** What a badge has no room for. @param {LayerState} state */
function storyOf(state) {
  if (state.type !== "breaker") return "";
  const parts = [
    Number(state["calls"]) > 0 && `${state["failures"]} failures of ${plural(Number(state["calls"]), "call")}`,
    Number(state["openings"]) > 0 &&
      `opened ${state["openings"] === 1 ? "once" : `${state["openings"]} times in a row`}`,
    Number(state["refused"]) > 0 && `${plural(Number(state["refused"]), "call")} refused since the start`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** @param {string} code */
export function signOf(code) {
  return { ok: "●", refused: "◇", fault: "▲" }[kindOf(code)];
}

/** @param {string} kind @param {string} text */
function legend(kind, text) {
  return h("span", { class: kind }, h("i", { class: `swatch ${kind}` }), text);
}

/** @param {import("./model.js").MethodEntry} entry @param {HTMLElement[]} states */
function stackOf(entry, states) {
  return h(
    "div",
    {},
    h("h3", {}, "Stack, outermost first"),
    h(
      "ol",
      { class: "stack" },
      ...entry.stack.map(({ kind, text }, i) =>
        h("li", { class: kind }, h("span", { class: "kind" }, kind), h("span", { class: "text" }, text), states[i]),
      ),
    ),
  );
}

/** @param {string} title @param {object | undefined} value */
function schema(title, value) {
  return h(
    "div",
    {},
    h("h4", {}, title),
    value === undefined
      ? h("p", { class: "empty small" }, "Its schema library gives no JSON Schema.")
      : h("pre", { tabindex: 0 }, JSON.stringify(value, null, 2)),
  );
}

/** @param {import("./model.js").MethodEntry} entry */
function errorsOf({ errors }) {
  if (errors.length === 0) return h("p", { class: "empty small" }, "Declares no errors of its own.");
  return h(
    "div",
    {},
    h("h4", {}, "Declared errors"),
    h("ul", { class: "plain" }, ...errors.map(({ reason, code }) => h("li", {}, h("code", {}, reason), ` ${code}`))),
  );
}
