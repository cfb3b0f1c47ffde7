// The last calls: one row each, opened to see its spans on a time line and the lines of its log. While somebody reads, new
// calls wait: a list that moves cannot be read.
import { insideOf } from "./call.js";
import { byId, fill, h, remembered, say } from "./dom.js";
import { clock, duration, plural } from "./format.js";
import { signOf } from "./detail.js";
import { kindOf, outcomeOf } from "./model.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Trace} Trace */

/** The most rows at once, fewer where there is no room beside them: the rest is in the numbers. */
const SHOWN = matchMedia("(max-width: 720px)").matches ? 20 : 50;

const FILTERS = /** @type {const} */ ([
  ["all", "All"],
  ["errors", "Errors"],
  ["slow", "Over 100\u00a0ms"],
]);

/**
 * @param {Model} model
 * @param {() => string} chosenMethod
 */
export function callsPanel(model, chosenMethod) {
  const panel = byId("calls");
  let filter = remembered("calls") ?? "all";
  let onlyChosen = false;
  let wanted = "";
  /** @type {Trace[]} */
  let shown = [];
  /** @type {Map<string, { version: number, row: HTMLDetailsElement }>} */
  const rows = new Map();
  const list = h("div", { class: "list" });
  const empty = h("p", { class: "empty" });
  const held = h("button", { type: "button", class: "held", hidden: true, onclick: () => refresh(true) });
  const loose = h("pre", { class: "lines", tabindex: 0 });
  const looseBox = h("details", { class: "loose", hidden: true }, h("summary", {}, "Other log lines"), loose);
  /** @type {[string, HTMLElement][]} */
  const buttons = FILTERS.map(([key, label]) => [
    key,
    h("button", { type: "button", "aria-pressed": String(key === filter), onclick: () => choose(key) }, label),
  ]);
  const only = h("input", {
    type: "checkbox",
    onchange: (/** @type {Event} */ event) => {
      onlyChosen = /** @type {HTMLInputElement} */ (event.target).checked;
      refresh(true);
    },
  });
  const search = h("input", {
    type: "search",
    placeholder: "Trace, request id, text",
    "aria-label": "Find calls by trace, request id or text",
    oninput: (/** @type {Event} */ event) => {
      wanted = /** @type {HTMLInputElement} */ (event.target).value.trim().toLowerCase();
      refresh(true);
    },
  });
  fill(
    panel,
    h(
      "div",
      { class: "head" },
      h("h2", { id: "calls-title" }, "Last calls"),
      h(
        "span",
        { class: "switch", role: "group", "aria-label": "Which calls" },
        ...buttons.map(([, button]) => button),
      ),
      h("label", { class: "check" }, only, " chosen method only"),
      search,
    ),
    held,
    list,
    empty,
    looseBox,
  );

  /** @param {string} key */
  function choose(key) {
    filter = key;
    remembered("calls", key);
    for (const [one, button] of buttons) button.setAttribute("aria-pressed", String(one === key));
    refresh(true);
  }

  /** @param {Trace} trace */
  function fits(trace) {
    const { root } = trace;
    if (onlyChosen && root.name.replace("/", ".") !== chosenMethod()) return false;
    if (filter === "errors" && outcomeOf(trace) === "ok") return false;
    if (filter === "slow" && root.durationMs < 100) return false;
    if (wanted === "") return true;
    return (
      trace.traceId.includes(wanted) ||
      trace.spans.some(
        (span) =>
          span.name.toLowerCase().includes(wanted) ||
          Object.values(span.attributes).some((value) => String(value).toLowerCase().includes(wanted)),
      ) ||
      trace.lines.some((line) => line.toLowerCase().includes(wanted))
    );
  }

  /** Whether somebody reads: a row is open, or the pointer or the focus is in the list. */
  function isRead() {
    return (
      list.querySelector("details[open]") !== null || list.matches(":hover") || list.contains(document.activeElement)
    );
  }

  /** @param {boolean} isAsked */
  function refresh(isAsked) {
    const found = model.calls.filter(fits).slice(0, SHOWN);
    const fresh = found.filter((trace) => !shown.includes(trace)).length;
    if (isAsked || !isRead()) shown = found;
    held.hidden = shown === found || fresh === 0;
    say(held, `↑ ${fresh === SHOWN ? "Over " : ""}${plural(fresh, "newer call")}`);
    const most = Math.max(...shown.map(({ root }) => root.durationMs), 1);
    for (const key of rows.keys()) if (!shown.some((trace) => trace.key === key)) rows.delete(key);
    shown.forEach((trace, i) => {
      let row = rows.get(trace.key);
      if (row === undefined)
        rows.set(
          trace.key,
          (row = {
            version: -1,
            row: /** @type {HTMLDetailsElement} */ (h("details", { class: "call", ontoggle: () => open(trace) })),
          }),
        );
      if (row.version !== trace.version) {
        drawRow(row.row, trace);
        row.version = trace.version;
      }
      row.row.style.setProperty("--part", Math.max(0.004, trace.root.durationMs / most).toFixed(4));
      if (list.children[i] !== row.row) list.insertBefore(row.row, list.children[i] ?? null);
    });
    while (list.children.length > shown.length) list.lastElementChild?.remove();
    empty.hidden = shown.length > 0;
    say(empty, emptyText());
    looseBox.hidden = model.loose.length === 0;
    if (/** @type {HTMLDetailsElement} */ (looseBox).open) say(loose, model.loose.join("\n"));
  }

  looseBox.addEventListener("toggle", () => say(loose, model.loose.join("\n")));

  function emptyText() {
    if (!model.catalogue.traces)
      return 'Tracing is off: serve(…, { trace: tracer({ service: "…" }) }) shows calls here. No exporter is needed.';
    if (model.calls.length > 0) return "None of the last calls fits.";
    return "No call since this page was opened. Make one, and it appears here within a second: nothing is recorded while nobody looks.";
  }

  /** @param {Trace} trace */
  function open(trace) {
    const row = rows.get(trace.key)?.row;
    if (row?.open && row.children.length === 1) row.append(insideOf(trace));
  }

  return {
    update: () => refresh(false),
    /** Opens a trace, as soon as it has come. @param {string} traceId */
    show(traceId) {
      const trace = model.calls.find((one) => one.traceId === traceId);
      if (trace === undefined) return false;
      if (!fits(trace)) {
        onlyChosen = false;
        /** @type {HTMLInputElement} */ (only).checked = false;
        wanted = "";
        /** @type {HTMLInputElement} */ (search).value = "";
        choose("all");
      }
      refresh(true);
      const row = rows.get(trace.key)?.row;
      if (row === undefined) return false;
      row.open = true;
      row.scrollIntoView({
        block: "center",
        behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
      });
      row.querySelector("summary")?.focus({ preventScroll: true });
      return true;
    },
  };
}

/** @param {HTMLDetailsElement} row @param {Trace} trace */
function drawRow(row, trace) {
  const { root, spans, lines } = trace;
  const code = outcomeOf(trace);
  const kind = kindOf(code);
  const system = root.attributes["rpc.system"];
  row.classList.remove("ok", "refused", "fault");
  row.classList.add(kind);
  const summary = h(
    "summary",
    {},
    h("time", { class: "at" }, clock(root.startUnixMs)),
    h("span", { class: "what" }, root.name === "other" ? "no such method" : root.name.replace("/", ".")),
    h("span", { class: `how mark ${kind}` }, h("span", { "aria-hidden": true }, `${signOf(code)} `), code),
    h("span", { class: "long" }, h("i", { "aria-hidden": true }), h("span", {}, duration(root.durationMs))),
    h(
      "span",
      { class: "more" },
      [
        system,
        spans.length > 1 ? plural(spans.length, "span") : "",
        lines.length > 0 ? plural(lines.length, "line") : "",
      ]
        .filter(Boolean)
        .join(" · "),
    ),
  );
  const isFocused = row.firstElementChild === document.activeElement;
  fill(row, summary, row.open && insideOf(trace));
  if (isFocused) summary.focus();
}
