// The page: takes the catalogue once, then a reading a second, and draws what has changed.
import { sparkline } from "./charts.js";
import { callsPanel } from "./calls.js";
import { detailPanel } from "./detail.js";
import { byId, fill, h, remembered, say } from "./dom.js";
import { duration, plural, rate } from "./format.js";
import { errorMark, isTight, methodsPanel, OTHER } from "./methods.js";
import { Model, quantile } from "./model.js";

const model = new Model();
let chosen = "";
/** A trace to be opened as soon as it comes. */
let awaited = "";

const methods = methodsPanel(model, choose);
const detail = detailPanel(model, (traceId) => {
  awaited = traceId;
  if (calls.show(traceId)) awaited = "";
});
const calls = callsPanel(model, () => chosen);

/** @param {string} name */
function choose(name) {
  chosen = name;
  methods.show(name);
  detail.show(name);
  calls.update();
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
}

function draw() {
  drawTop();
  drawTiles();
  methods.update();
  detail.update();
  calls.update();
  if (awaited !== "" && calls.show(awaited)) awaited = "";
}

function drawTop() {
  const { health } = model;
  const state = byId("state");
  const word = health?.state?.replace("_", " ") ?? (health === undefined ? "…" : health.ok ? "ready" : "not ready");
  say(state, `${health === undefined ? "" : health.ok ? "● " : "▲ "}${word}`);
  state.className = `pill ${health === undefined ? "" : health.ok ? "calm" : "fault"}`;
  const parts = Object.entries(health?.parts ?? {});
  const text = JSON.stringify(parts.map(([name, { ok, message }]) => [name, ok, message]));
  const list = byId("parts");
  if (list.dataset["shown"] !== text) {
    fill(
      list,
      ...parts.map(([name, { ok, message, durationMs = 0 }]) =>
        h(
          "li",
          { class: ok ? "calm" : "fault" },
          h("span", { "aria-hidden": true }, ok ? "● " : "▲ "),
          name,
          !ok && `: ${message ?? "failed"}`,
          ok && durationMs > 0 && h("span", { class: "note" }, ` ${duration(durationMs)}`),
        ),
      ),
    );
    list.dataset["shown"] = text;
  }
}

function drawTiles() {
  const { all, bounds } = model;
  const recent = all.recent();
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(recent.buckets, bounds, share));
  const states = [...model.methods.values()].flatMap(({ now }) => now.states);
  const breakers = states.filter(({ type }) => type === "breaker");
  const limits = states.filter(({ type }) => type === "limiter");
  const [open, tight] = [breakers.filter(isTight).length, limits.filter(isTight).length];
  fill(
    byId("summary"),
    tile("Calls", h("span", {}, rate(recent.perSecond)), sparkline(all.rates(), 110, 26)),
    tile(
      "Errors",
      errorMark(recent),
      h(
        "span",
        { class: "note" },
        recent.total === 0 ? "" : `${plural(recent.kinds.fault, "fault")}, ${plural(recent.kinds.refused, "refusal")}`,
      ),
    ),
    tile(
      "Latency",
      h("span", {}, p99 ? `${p99.isOver ? "> " : ""}${duration(p99.ms)}` : "–"),
      h("span", { class: "note" }, p50 ? `p99 · p50 ${duration(p50.ms)}` : "p99"),
    ),
    tile("In flight", h("span", {}, String(all.now.inFlight)), h("span", { class: "note" }, "now")),
    tile(
      "Guards",
      h(
        "span",
        { class: open > 0 ? "mark fault" : tight > 0 ? "mark refused" : "" },
        states.length === 0 ? "none" : open > 0 ? `■ ${open} open` : tight > 0 ? `◇ ${tight} at limit` : "calm",
      ),
      h("span", { class: "note" }, `${plural(breakers.length, "breaker")}, ${plural(limits.length, "limiter")}`),
    ),
  );
}

/** @param {string} label @param {...Node} inside */
function tile(label, ...inside) {
  const [value, ...more] = inside;
  return h(
    "div",
    { class: "tile" },
    h("h2", {}, label),
    h("div", { class: "big" }, value),
    h("div", { class: "under" }, ...more),
  );
}

/** @type {EventSource | undefined} */
let source;
let isPaused = false;

function connect() {
  source?.close();
  source = new EventSource("debug/events");
  source.addEventListener("tick", (event) => {
    link("live", "● live");
    model.take(JSON.parse(/** @type {MessageEvent} */ (event).data));
    draw();
  });
  source.addEventListener("error", () => {
    link("fault", "▲ no connection, trying again");
    // A browser gives up on an answer that is no stream: too many viewers, or a server that is starting.
    if (source?.readyState === EventSource.CLOSED && !isPaused) setTimeout(() => !isPaused && connect(), 3000);
  });
}

/** @param {string} kind @param {string} text */
function link(kind, text) {
  const element = byId("link");
  element.className = `link ${kind}`;
  say(element, text);
}

byId("pause").addEventListener("click", (event) => {
  isPaused = !isPaused;
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  button.setAttribute("aria-pressed", String(isPaused));
  say(button, isPaused ? "Go on" : "Pause");
  if (!isPaused) return connect();
  source?.close();
  link("", "◦ paused");
});

const THEMES = ["auto", "light", "dark"];

/** @param {string} theme */
function dress(theme) {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  say(byId("theme"), `◐ ${theme}`);
  byId("theme").setAttribute("aria-label", `Theme: ${theme}`);
  remembered("theme", theme);
}

byId("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset["theme"] ?? "auto";
  dress(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "auto");
});

async function begin() {
  dress(remembered("theme") ?? "auto");
  say(byId("host"), location.host);
  document.title = `${location.host} · Service Kit`;
  link("", "◦ connecting");
  draw();
  const response = await fetch("debug/services.json");
  if (!response.ok) throw new Error(await response.text());
  model.begin(await response.json());
  methods.update();
  const asked = decodeURIComponent(location.hash.slice(1));
  const first = model.methods.has(asked) ? asked : (methods.first ?? OTHER);
  if (model.methods.has(first)) choose(first);
  else
    fill(
      byId("detail"),
      h("h2", { id: "detail-title" }, "A method in full"),
      h("p", { class: "empty" }, "Choose a method to see its latencies, outcomes and stack."),
    );
  draw();
  connect();
}

begin().catch((error) => {
  link("fault", `▲ ${error instanceof Error ? error.message : String(error)}`);
  setTimeout(() => location.reload(), 5000);
});
