/**
 * A report as text: a line for some seconds each, and what it comes to.
 *
 * @module
 */
import type { Figures } from "./figures.ts";
import type { Report } from "./report.ts";

/** So many lines fit on a screen. */
const ROWS = 30;
const STEPS = [1, 2, 5, 10, 20, 30, 60, 300, 600, 3600];
const NEWS = 20;

const HEAD = ["s", "offered", "ok %", "goodput/s", "p50 ms", "p99 ms", "p99.9 ms", "attempts/request"];

/** The table. */
export function tableOf(report: Report): string {
  const { name, seed, durationMs, total, faults, news } = report;
  const step = STEPS.find((seconds) => durationMs / 1000 / seconds <= ROWS) ?? 86_400;
  const rows: string[][] = [[...HEAD, ""]];
  for (let fromMs = 0; fromMs < durationMs; fromMs += step * 1000) {
    const untilMs = Math.min(fromMs + step * 1000, durationMs);
    const during = faults.filter((one) => one.atMs < untilMs && one.untilMs > fromMs).map((one) => one.name);
    rows.push([String(fromMs / 1000), ...cells(report.between(fromMs, untilMs)), [...new Set(during)].join("; ")]);
  }
  rows.push(["all", ...cells(total), ""]);
  const codes = listed(Object.entries(total.reasons).map(([reason, count]) => `${reason} ${count}`));
  const { shares } = total.toJSON() as { readonly shares: Readonly<Record<string, number>> };
  const parts = listed(Object.entries(shares).map(([one, share]) => `${one} ${percent(share)} %`));
  const told = news.slice(0, NEWS).map(({ atMs, who, message, instance, fields }) => {
    const more = Object.entries(fields).map(([key, value]) => `${key} ${String(value)}`);
    return `  ${(atMs / 1000).toFixed(3).padStart(9)} s  ${[`${who}: ${message}`, instance, ...more].join(" ")}`;
  });
  if (news.length > NEWS) told.push(`  and ${news.length - NEWS} more`);
  const lines = [`${name}, seed ${seed}`, "", aligned(rows), "", `  outcomes  ${codes}`, `  attempts  ${parts}`];
  return `${[...lines, ...(told.length === 0 ? [] : ["", ...told])].join("\n")}\n`;
}

/**
 * One line for each report: what one looks at to compare configurations, or seeds.
 *
 * @example
 * ```ts
 * import { comparison, simulate } from "servicekit/simulate";
 *
 * const report = await simulate({ name: "one", durationMs: 1000, backends: [{ name: "pet" }], load: { perSecond: 50 } });
 * comparison([report, report]).split("\n")[1]?.trim().startsWith("one"); // => true
 * ```
 */
export function comparison(reports: readonly Report[]): string {
  const rows = reports.map((one) => [one.name, String(one.seed), ...cells(one.total)]);
  return `${aligned([["scenario", "seed", ...HEAD.slice(1)], ...rows])}\n`;
}

function cells(figures: Figures): string[] {
  const { offered, successRatio, goodputPerSecond, p50Ms, p99Ms, p999Ms, amplification } = figures;
  return [
    String(offered),
    percent(successRatio),
    goodputPerSecond.toFixed(goodputPerSecond < 10 ? 1 : 0),
    ...[p50Ms, p99Ms, p999Ms].map(millis),
    amplification.toFixed(2),
  ];
}

/** Never "100" when it is not all of them. */
function percent(ratio: number): string {
  const text = (ratio * 100).toFixed(2);
  if (text === "100.00") return ratio < 1 ? "99.99" : "100";
  return text;
}

function millis(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3);
}

function listed(parts: readonly string[]): string {
  return parts.length > 12 ? `${parts.slice(0, 12).join(", ")}, and ${parts.length - 12} more` : parts.join(", ");
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const isText = (i: number): boolean => rows.slice(1).some((row) => /[a-z]{2}/.test(row[i] ?? "") && row[i] !== "all");
  return rows
    .map((row) =>
      row
        .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join("\n");
}
