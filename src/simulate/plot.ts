/**
 * Reports as a picture: success, durations and attempts over time, what befell the back-ends shaded. SVG that is readable on light and on
 * dark pages.
 *
 * @module
 */
import { shown } from "../internal/check.ts";
import { bands, curve, linear, log, Panel, type Point } from "./plot-panel.ts";
import type { Figures } from "./figures.ts";
import type { Report } from "./report.ts";

const STEPS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000];
const POINTS = 120;

const WIDTH = 840;
const [LEFT, RIGHT, TOP, PANEL, GAP, BOTTOM] = [64, 20, 58, 140, 34, 44];
/** As many as have colours that can be told apart. */
const MOST = 4;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 } .minor { fill: #57606a } .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: #d0d7de; stroke-width: 1 } .fault { fill: #57606a; fill-opacity: .13 }
  .line { fill: none; stroke-width: 1.8; stroke-linejoin: round } .thin { stroke-width: 1.3; stroke-dasharray: 4 3 }
  .of0 { stroke: #0969da } .of1 { stroke: #cf222e } .of2 { stroke: #1a7f37 } .of3 { stroke: #8250df } .offered { stroke: #6e7781 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .minor { fill: #9198a1 } .grid { stroke: #3d444d } .fault { fill: #9198a1; fill-opacity: .2 }
    .of0 { stroke: #58a6ff } .of1 { stroke: #ff7b72 } .of2 { stroke: #56d364 } .of3 { stroke: #d2a8ff } .offered { stroke: #9198a1 }
  }
`;

/**
 * Draws one report, or up to four over each other, which should be of the same length: with and without a policy, say. The faults
 * are those of the first.
 *
 * @throws {RangeError} when there are none, or more than four.
 *
 * @example
 * ```ts
 * import { plot, simulate } from "servicekit/simulate";
 *
 * const report = await simulate({ durationMs: 1000, backends: [{ name: "pet" }], load: { perSecond: 50 } });
 * plot([report], "one second").startsWith("<svg "); // => true
 * ```
 */
export function plot(reports: readonly Report[], title?: string): string {
  const [first] = reports;
  if (!Array.isArray(reports) || first === undefined || reports.length > MOST)
    throw new RangeError(`reports should be a list of 1 to ${MOST}, got ${shown(reports)}`);
  const durationMs = Math.max(...reports.map((report) => report.durationMs));
  const stepMs = STEPS_MS.find((ms) => durationMs / ms <= POINTS) ?? 3_600_000;
  const all = reports.map((report) => spans(report, stepMs));
  const width = WIDTH - LEFT - RIGHT;
  const x = linear([0, durationMs], [LEFT, LEFT + width]);
  const panel = (i: number, label: string): Panel =>
    new Panel({ label, left: LEFT, width, top: TOP + GAP + i * (PANEL + GAP), height: PANEL });
  const panels = [success(panel(0, "succeeded, %"), all, x), durations(panel(1, "p99 and p50 (dashed), ms"), all, x)];
  panels.push(attempts(panel(2, "attempts per second, offered (grey, dashed)"), all, x));
  const height = TOP + 3 * (PANEL + GAP) + BOTTOM;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title ?? first.name)}</title><style>${STYLE}</style>`,
    `<text class="title" x="${LEFT}" y="22">${escaped(title ?? first.name)}</text>`,
    ...legend(reports),
    ...bands(
      first.faults.map((fault) => ({ ...fault, name: escaped(fault.name) })),
      x,
      [TOP + GAP, height - BOTTOM],
    ),
    ...panels.map((one) => one.text()),
    ...seconds(durationMs, x, height - BOTTOM),
    "</svg>\n",
  ].join("\n");
}

/** A stretch of time of a report. */
interface Span {
  readonly middleMs: number;
  readonly seconds: number;
  readonly figures: Figures;
}

type Scale = (value: number) => number;

function spans(report: Report, stepMs: number): readonly Span[] {
  const found: Span[] = [];
  for (let fromMs = 0; fromMs + stepMs / 2 <= report.durationMs; fromMs += stepMs) {
    const untilMs = Math.min(fromMs + stepMs, report.durationMs);
    const figures = report.between(fromMs, untilMs);
    found.push({ middleMs: (fromMs + untilMs) / 2, seconds: (untilMs - fromMs) / 1000, figures });
  }
  return found;
}

function points(all: readonly Span[], x: Scale, value: (span: Span) => number | undefined): readonly Point[] {
  return all.flatMap((span) => {
    const found = value(span);
    return found === undefined ? [] : [{ x: x(span.middleMs), y: found }];
  });
}

function success(panel: Panel, all: readonly (readonly Span[])[], x: Scale): Panel {
  const y = linear([0, 100], panel.range);
  panel.grid([0, 25, 50, 75, 100], y);
  for (const [i, one] of all.entries())
    panel.add(
      curve(
        points(one, x, ({ figures }) => y(figures.successRatio * 100)),
        `of${i}`,
      ),
    );
  return panel;
}

function durations(panel: Panel, all: readonly (readonly Span[])[], x: Scale): Panel {
  const known = all.flat().flatMap(({ figures }) => (figures.offered === 0 ? [] : [figures.p50Ms, figures.p99Ms]));
  // Without any request there is nothing to go by, and no end to an infinite scale.
  const low = known.length === 0 ? 1 : 10 ** Math.floor(Math.log10(Math.max(0.1, Math.min(...known))));
  const high = 10 ** Math.ceil(Math.log10(Math.max(low * 10, ...known)));
  const y = log([low, high], panel.range);
  const ticks: number[] = [];
  for (let tick = low; tick <= high * 1.001; tick *= 10) ticks.push(Number(tick.toPrecision(3)));
  panel.grid(ticks, y);
  const value =
    (which: "p50Ms" | "p99Ms") =>
    ({ figures }: Span) =>
      figures.offered === 0 ? undefined : y(Math.max(low, figures[which]));
  for (const [i, one] of all.entries()) {
    panel.add(curve(points(one, x, value("p50Ms")), `of${i} thin`));
    panel.add(curve(points(one, x, value("p99Ms")), `of${i}`));
  }
  return panel;
}

function attempts(panel: Panel, all: readonly (readonly Span[])[], x: Scale): Panel {
  const perSecond = ({ figures, seconds: length }: Span): number => figures.attempts / length;
  const offered = ({ figures, seconds: length }: Span): number => figures.offered / length;
  const most = Math.max(1, ...all.flat().flatMap((span) => [perSecond(span), offered(span)]));
  const step = niceStep(most / 4);
  const y = linear([0, Math.ceil(most / step) * step], panel.range);
  panel.grid(
    Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step),
    y,
  );
  panel.add(
    curve(
      points(all[0]!, x, (span) => y(offered(span))),
      "offered thin",
    ),
  );
  for (const [i, one] of all.entries())
    panel.add(
      curve(
        points(one, x, (span) => y(perSecond(span))),
        `of${i}`,
      ),
    );
  return panel;
}

function seconds(durationMs: number, x: Scale, y: number): readonly string[] {
  const step = niceStep(durationMs / 10_000);
  const texts: string[] = [];
  for (let second = 0; second * 1000 <= durationMs; second += step)
    texts.push(
      `<text class="minor middle" x="${x(second * 1000).toFixed(1)}" y="${y + 18}">${Number(second.toFixed(3))} s</text>`,
    );
  return texts;
}

function legend(reports: readonly Report[]): readonly string[] {
  let left = LEFT;
  return reports.map(({ name, seed }, i) => {
    const text = `${name}, seed ${seed}`;
    const at = left;
    left += 40 + text.length * 6.6;
    return `<path class="line of${i}" d="M${at} 40h22"/><text x="${at + 28}" y="44">${escaped(text)}</text>`;
  });
}

/** 1, 2 or 5 times a power of ten, at least this. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((one) => one * power >= least) ?? 10) * power;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
