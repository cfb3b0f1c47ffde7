// Small charts as SVG. Their colours come from the style sheet by class, their numbers from the model.
import { s } from "./dom.js";
import { duration, percent, rate } from "./format.js";
import { quantile } from "./model.js";

/** @typedef {{ ok: number, refused: number, fault: number }} Rates */

/** The three kinds of outcome from the bottom up. */
const KINDS = /** @type {const} */ (["ok", "refused", "fault"]);

/**
 * A line without axes, beside the number that it belongs to.
 * @param {Rates[]} rates @param {number} width @param {number} height
 */
export function sparkline(rates, width, height) {
  const shown = rates.slice(-60);
  const most = Math.max(...shown.map(sumOf), 1e-9);
  const x = (/** @type {number} */ i) => ((i + 60 - shown.length) / 59) * (width - 2) + 1;
  const y = (/** @type {number} */ value) => height - 1.5 - (value / most) * (height - 3);
  const line = (/** @type {(one: Rates) => number} */ of) =>
    shown.map((one, i) => `${x(i).toFixed(1)},${y(of(one)).toFixed(1)}`).join(" ");
  const bad = shown.some(({ fault, refused }) => fault + refused > 0);
  return s(
    "svg",
    { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": true },
    s("line", { class: "base", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    shown.length > 1 && s("polyline", { class: "line", points: line(sumOf) }),
    bad && s("polyline", { class: "line fault", points: line(({ fault, refused }) => fault + refused) }),
  );
}

/** @param {Rates} one */
function sumOf({ ok, refused, fault }) {
  return ok + refused + fault;
}

/**
 * Rates of two minutes, stacked by kind of outcome.
 * @param {Rates[]} rates @param {number} width
 */
export function rateChart(rates, width) {
  const [height, left, bottom, top] = [120, 46, 20, 8];
  const inner = { width: width - left - 6, height: height - bottom - top };
  const most = niceMost(Math.max(...rates.map(sumOf), 0));
  const slots = 120;
  const bar = inner.width / slots;
  const y = (/** @type {number} */ value) => top + inner.height - (value / most) * inner.height;
  const bars = rates.flatMap((one, i) => {
    const at = left + (slots - rates.length + i) * bar;
    let below = 0;
    return KINDS.map((kind) => {
      const value = one[kind];
      if (value <= 0) return undefined;
      const upper = y(below + value);
      const rect = s("rect", {
        class: `fill ${kind}`,
        x: at.toFixed(2),
        width: Math.max(0.6, bar - 0.5).toFixed(2),
        y: upper.toFixed(2),
        height: (y(below) - upper).toFixed(2),
      });
      below += value;
      return rect;
    });
  });
  const last = rates.at(-1);
  return s(
    "svg",
    {
      class: "chart",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Calls per second in the last two minutes, now ${last ? rate(sumOf(last)) : "not known"}`,
    },
    gridLines(most, (value) => rate(value), { left, width, y }),
    ...bars,
    [120, 60, 0].map((ago) =>
      s(
        "text",
        {
          class: "tick",
          x: left + inner.width * (1 - ago / 120),
          y: height - 5,
          "text-anchor": ago === 120 ? "start" : ago === 0 ? "end" : "middle",
        },
        ago === 0 ? "now" : `−${ago}\u00a0s`,
      ),
    ),
  );
}

/**
 * How long calls took: a bar for each bucket, between its bounds, and where half, nine in ten and 99 in 100 of them end.
 * @param {readonly number[]} buckets @param {readonly number[]} bounds in seconds @param {number} width
 */
export function histogram(buckets, bounds, width) {
  const [height, left, bottom, top] = [190, 46, 34, 44];
  const total = buckets.reduce((sum, count) => sum + count, 0);
  const inner = { width: width - left - 6, height: height - bottom - top };
  const most = niceMost(Math.max(...buckets.map((count) => count / (total || 1)), 0.04), true);
  const slot = inner.width / buckets.length;
  const x = (/** @type {number} */ place) => left + place * slot;
  const y = (/** @type {number} */ share) => top + inner.height - (share / most) * inner.height;
  const bars = buckets.map((count, i) => {
    const share = count / (total || 1);
    const span = `${i === 0 ? "up to" : `over ${duration((bounds[i - 1] ?? 0) * 1000)}`}${i > 0 && i < bounds.length ? " to " : " "}${i < bounds.length ? duration((bounds[i] ?? 0) * 1000) : ""}`;
    return s(
      "g",
      {},
      s("rect", {
        class: "fill ok",
        x: (x(i) + 1).toFixed(2),
        width: Math.max(1, slot - 2).toFixed(2),
        y: y(share).toFixed(2),
        height: (y(0) - y(share)).toFixed(2),
        rx: 1,
      }),
      s(
        "rect",
        { class: "hit", x: x(i), width: slot, y: top, height: inner.height },
        s("title", {}, `${span.trim()}: ${percent(share)}, ${count.toLocaleString("en")} calls`),
      ),
    );
  });
  const every = Math.ceil(bounds.length / Math.max(2, Math.floor(inner.width / 52)));
  const ticks = bounds.map((bound, i) => {
    const isShown = (bounds.length - 1 - i) % every === 0;
    return s(
      "g",
      {},
      s("line", { class: "axis", x1: x(i + 1), x2: x(i + 1), y1: y(0), y2: y(0) + (isShown ? 5 : 3) }),
      isShown &&
        s("text", { class: "tick", x: x(i + 1), y: y(0) + 16, "text-anchor": "middle" }, duration(bound * 1000)),
    );
  });
  const found = [0.5, 0.9, 0.99].map((share) => ({ share, at: quantile(buckets, bounds, share) }));
  const label = found.map(({ share, at }) => `p${share * 100} ${at ? duration(at.ms) : "unknown"}`).join(", ");
  return s(
    "svg",
    {
      class: "chart",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `How long calls took: ${label}`,
    },
    gridLines(most, percent, { left, width, y }),
    ...bars,
    s("line", { class: "axis", x1: left, x2: left + inner.width, y1: y(0), y2: y(0) }),
    ...ticks,
    s("text", { class: "tick", x: left + inner.width, y: height - 3, "text-anchor": "end" }, "duration"),
    s("text", { class: "tick", x: left, y: height - 3 }, "share of calls"),
    ...found.map(
      ({ share, at }, row) =>
        at && marker(`p${share * 100}`, at, { x: x(at.place), row, y0: y(0), right: left + inner.width }),
    ),
  );
}

/**
 * @param {string} name @param {{ ms: number, isOver: boolean }} at
 * @param {{ x: number, row: number, y0: number, right: number }} place
 */
function marker(name, at, { x, row, y0, right }) {
  const above = 10 + row * 13;
  const isLeft = x > right - 96;
  return s(
    "g",
    { class: `marker m${row}` },
    s("line", { x1: x, x2: x, y1: above - 7, y2: y0 }),
    s(
      "text",
      { x: x + (isLeft ? -5 : 5), y: above + 2, "text-anchor": isLeft ? "end" : "start" },
      `${name} ${at.isOver ? "> " : ""}${duration(at.ms)}`,
    ),
  );
}

/**
 * @param {number} most @param {(value: number) => string} label
 * @param {{ left: number, width: number, y: (value: number) => number }} place
 */
function gridLines(most, label, { left, width, y }) {
  return [0, 0.5, 1].map((part) =>
    s(
      "g",
      {},
      part > 0 && s("line", { class: "grid", x1: left, x2: width - 6, y1: y(most * part), y2: y(most * part) }),
      s("text", { class: "tick", x: left - 6, y: y(most * part) + 3.5, "text-anchor": "end" }, label(most * part)),
    ),
  );
}

/** The next round number, so that an axis does not change with every reading. @param {number} value @param {boolean} [isShare] */
function niceMost(value, isShare = false) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const nice = ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value * 1.02) ?? 20) * power;
  return isShare ? Math.min(1, nice) : nice;
}
