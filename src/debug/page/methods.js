// The table of methods: one row each, a reading a second. A row is chosen to see more of it.
import { byId, fill, h, say } from "./dom.js";
import { duration, percent, plural, rate } from "./format.js";
import { sparkline } from "./charts.js";
import { quantile } from "./model.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Series} Series */
/** @typedef {import("./model.js").LayerState} LayerState */

const COLUMNS = /** @type {const} */ ([
  ["name", "Method"],
  ["rate", "Rate"],
  ["errors", "Errors"],
  ["p50", "p50"],
  ["p99", "p99"],
  ["inFlight", "In flight"],
  ["guards", "Guards"],
]);

/** @typedef {(typeof COLUMNS)[number][0]} Column */

/** The name under which calls are counted that fit no method. */
export const OTHER = "other.other";

/**
 * @param {Model} model
 * @param {(name: string) => void} choose
 */
export function methodsPanel(model, choose) {
  /** @type {Column} */
  let sorted = "name";
  let wanted = "";
  let chosen = "";
  /** @type {Map<string, ReturnType<typeof rowOf>>} */
  const rows = new Map();
  const body = h("tbody");
  const heads = COLUMNS.map(([column, label]) => {
    const button = h("button", { type: "button", onclick: () => sortBy(column) }, label);
    return { column, th: h("th", { scope: "col", class: column }, button) };
  });
  const filter = h("input", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter methods by name",
    oninput: (/** @type {Event} */ event) => {
      wanted = /** @type {HTMLInputElement} */ (event.target).value.toLowerCase();
      order();
    },
  });
  const note = h("span", { class: "note" });
  const empty = h("p", { class: "empty", hidden: true });
  fill(
    byId("methods"),
    h("div", { class: "head" }, h("h2", { id: "methods-title" }, "Methods"), note, filter),
    h(
      "div",
      { class: "scroll" },
      h("table", { class: "methods" }, h("thead", {}, h("tr", {}, ...heads.map(({ th }) => th))), body),
    ),
    empty,
  );
  body.addEventListener("keydown", move);

  /** @param {Column} column */
  function sortBy(column) {
    sorted = column;
    order();
  }

  function order() {
    for (const { column, th } of heads)
      th.setAttribute("aria-sort", column !== sorted ? "none" : column === "name" ? "ascending" : "descending");
    const list = [...rows.values()].filter(
      ({ name, key }) => name.toLowerCase().includes(wanted) && (name !== OTHER || key.count > 0),
    );
    list.sort((a, b) => {
      if ((a.name === OTHER) !== (b.name === OTHER)) return a.name === OTHER ? 1 : -1;
      const by = sorted === "name" ? 0 : b.key[sorted] - a.key[sorted];
      return by || (a.name < b.name ? -1 : 1);
    });
    // Only what has moved is moved: focus and selection stay where they are.
    list.forEach(({ row }, i) => body.children[i] !== row && body.insertBefore(row, body.children[i] ?? null));
    while (body.children.length > list.length) body.lastElementChild?.remove();
    empty.hidden = list.length > 0;
    say(
      empty,
      rows.size === 0
        ? "No methods are served. Give serve() an implementation, and it is listed here."
        : `No method has “${wanted}” in its name.`,
    );
    filter.hidden = rows.size < 8 && wanted === "";
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const buttons = [...body.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (step === 0 || at < 0) return;
    event.preventDefault();
    buttons[at + step]?.focus();
    buttons[at + step]?.click();
  }

  return {
    update() {
      for (const [name, series] of model.methods) {
        let row = rows.get(name);
        if (row === undefined) rows.set(name, (row = rowOf(name, series, choose)));
        row.update(model.bounds);
      }
      say(
        note,
        model.catalogue.metrics
          ? windowNote(model)
          : "metrics are off: serve(…, { metrics: registry() }) shows rates and latencies",
      );
      order();
    },
    /** @param {string} name */
    show(name) {
      rows.get(chosen)?.mark(false);
      chosen = name;
      rows.get(chosen)?.mark(true);
    },
    get first() {
      return body.querySelector("tr")?.dataset["name"];
    },
  };
}

/** @param {Model} model */
export function windowNote(model) {
  const seconds = Math.round(model.all.recent().seconds);
  return seconds < 1 ? "counting…" : `last ${plural(seconds, "second")}`;
}

/** @param {string} name @param {Series} series @param {(name: string) => void} choose */
function rowOf(name, series, choose) {
  const [service, method] = split(name);
  const kind = series.entry?.kind ?? "unary";
  const button = h(
    "button",
    { type: "button", class: "pick", "aria-pressed": "false", onclick: () => choose(name) },
    name === OTHER ? "no such method" : h("span", { class: "service" }, `${service}.`),
    name === OTHER ? undefined : h("span", { class: "own" }, method),
    kind !== "unary" && h("span", { class: "tag", title: `${kind} stream` }, "stream"),
  );
  const cells = {
    rate: h("span", { class: "value" }),
    spark: h("span"),
    errors: h("td", { class: "num" }),
    p50: h("td", { class: "num p50" }),
    p99: h("td", { class: "num" }),
    inFlight: h("td", { class: "num inFlight" }),
    guards: h("td", { class: "guards" }),
  };
  const row = h(
    "tr",
    { "data-name": name, onclick: () => choose(name) },
    h("th", { scope: "row", class: "name" }, button),
    h("td", { class: "rate" }, h("div", {}, cells.spark, cells.rate)),
    cells.errors,
    cells.p50,
    cells.p99,
    cells.inFlight,
    cells.guards,
  );
  const key = { name: 0, rate: 0, errors: 0, p50: 0, p99: 0, inFlight: 0, guards: 0, count: 0 };
  let guards = "";
  return {
    name,
    row,
    key,
    /** @param {boolean} isChosen */
    mark(isChosen) {
      row.classList.toggle("chosen", isChosen);
      button.setAttribute("aria-pressed", String(isChosen));
    },
    /** @param {readonly number[]} bounds */
    update(bounds) {
      const recent = series.recent();
      const { now } = series;
      const bad = recent.kinds.fault + recent.kinds.refused;
      const [p50, p99] = [0.5, 0.99].map((share) => quantile(recent.buckets, bounds, share));
      Object.assign(key, {
        rate: recent.perSecond,
        errors: recent.total ? bad / recent.total : 0,
        p50: p50?.ms ?? 0,
        p99: p99?.ms ?? 0,
        inFlight: now.inFlight,
        count: now.count,
        guards: now.states.filter(isTight).length,
      });
      say(cells.rate, rate(recent.perSecond));
      fill(cells.spark, sparkline(series.rates(), 64, 18));
      fill(cells.errors, errorMark(recent));
      say(cells.p50, p50 ? duration(p50.ms) : "–");
      say(cells.p99, p99 ? `${p99.isOver ? "> " : ""}${duration(p99.ms)}` : "–");
      say(cells.inFlight, String(now.inFlight));
      row.classList.toggle("quiet", recent.total === 0);
      const states = JSON.stringify(now.states);
      if (states !== guards) fill(cells.guards, now.states.map(badge));
      guards = states;
    },
  };
}

/** @param {string} name */
export function split(name) {
  const dot = name.lastIndexOf(".");
  return /** @type {const} */ ([name.slice(0, dot), name.slice(dot + 1)]);
}

/**
 * The share of errors, with a sign for those who do not see its colour: ▲ for faults of the server, ◇ for refusals.
 * @param {{ total: number, kinds: { refused: number, fault: number } }} recent
 */
export function errorMark({ total, kinds }) {
  const bad = kinds.fault + kinds.refused;
  if (total === 0) return h("span", { class: "none" }, "–");
  if (bad === 0) return h("span", { class: "none" }, percent(0));
  const kind = kinds.fault > 0 ? "fault" : "refused";
  const title = `${plural(kinds.fault, "fault")} of the server, ${plural(kinds.refused, "refusal")} of ${plural(total, "call")}`;
  return h(
    "span",
    { class: `mark ${kind}`, title },
    h("span", { "aria-hidden": true }, kind === "fault" ? "▲ " : "◇ "),
    percent(bad / total),
  );
}

/** Whether a guard holds calls back now. @param {LayerState} state */
export function isTight(state) {
  if (state.type === "breaker") return state["state"] !== "closed";
  if (typeof state["tokens"] === "number") return state["tokens"] < 1;
  return typeof state["empty"] === "number" && state["empty"] > 0;
}

/** @param {LayerState} state */
export function badge(state) {
  const tight = isTight(state);
  if (state.type === "breaker") {
    const word = String(state["state"]).replace("_", " ");
    const leftMs = state["retryAfterMs"];
    const wait =
      typeof leftMs !== "number" ? "" : leftMs > 0 ? ` ${duration(Math.ceil(leftMs / 1000) * 1000)}` : ", probe due";
    const kind = word === "closed" ? "calm" : word === "half open" ? "refused" : "fault";
    return h(
      "span",
      {
        class: `badge ${kind}`,
        title: `breaker ${word}, ${state["failures"]} failures of ${state["calls"]} calls counted`,
      },
      h("span", { "aria-hidden": true }, word === "closed" ? "●" : word === "half open" ? "◐" : "■"),
      ` ${word}${wait}`,
    );
  }
  const { tokens, burst, keys, empty, perSecond } = state;
  const isKeyed = typeof keys === "number";
  const text = isKeyed
    ? empty
      ? `${empty} of ${keys} empty`
      : plural(keys, "key")
    : `${Math.floor(Number(tokens))} of ${burst}`;
  const full = isKeyed ? (keys ? 1 - Number(empty) / keys : 1) : Math.min(1, Number(tokens) / Number(burst));
  return h(
    "span",
    {
      class: `badge ${tight ? "refused" : "calm"}`,
      title: `limit ${perSecond}/s, burst ${burst}: ${text}${isKeyed ? "" : " tokens left"}`,
    },
    h("span", { class: "gauge", "aria-hidden": true }, h("i", { style: { "--part": full.toFixed(3) } })),
    ` ${text}`,
  );
}
