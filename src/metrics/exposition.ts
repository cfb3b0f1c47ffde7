/**
 * Metrics as text: the Prometheus text format 0.0.4 and OpenMetrics 1.0. `_created` samples are not written: they double
 * the counters of every scrape for something few readers use.
 *
 * @module
 */
import { CounterSeries } from "./counter.ts";
import { familyName, type Definition } from "./definition.ts";
import type { Family } from "./family.ts";
import { canonical, escapeHelp, escapeValue, formatValue } from "./format.ts";
import { GaugeSeries } from "./gauge.ts";
import { HistogramSeries, type Exemplar } from "./histogram.ts";
import type { Series } from "./series.ts";
import type { SummarySeries } from "./summary.ts";

/** Metrics in the Prometheus text format 0.0.4 (prometheus.io, "Exposition formats"). */
export function writeText(families: readonly Family<Series>[]): string {
  let text = "";
  for (const { definition, series } of families) {
    if (series.length === 0) continue;
    const { name, kind, help } = definition;
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${kind}\n`;
    const bounds = [...definition.buckets.map(String), "+Inf"];
    for (const one of series) text += sample(one, { name, bounds, exemplars: false, sum: true });
  }
  return text;
}

/** Metrics in OpenMetrics 1.0 (prometheus/OpenMetrics, specification/OpenMetrics.md). */
export function writeOpenMetrics(families: readonly Family<Series>[]): string {
  let text = "";
  for (const { definition, series } of families) {
    if (series.length === 0) continue;
    const { kind, help, unit } = definition;
    const family = kind === "counter" ? familyName(definition.name) : definition.name;
    text += `# TYPE ${family} ${kind}\n`;
    if (unit !== "") text += `# UNIT ${family} ${unit}\n`;
    text += `# HELP ${family} ${escapeValue(help)}\n`;
    const name = kind === "counter" ? `${family}_total` : family;
    const bounds = [...definition.buckets.map(canonical), "+Inf"];
    for (const one of series) text += sample(one, { name, bounds, exemplars: true, sum: mayHaveSum(definition) });
  }
  return `${text}# EOF\n`;
}

interface Style {
  readonly name: string;
  /** The bounds of the buckets as they are written. */
  readonly bounds: readonly string[];
  readonly exemplars: boolean;
  /** Whether a histogram's sum and count are written. */
  readonly sum: boolean;
}

// With a negative bound the sum may fall, so it is no counter and must not be there ("Histogram"); the count, only with it.
function mayHaveSum({ buckets }: Definition): boolean {
  return !(buckets[0]! < 0);
}

function sample(series: Series, style: Style): string {
  const { name } = style;
  if (series instanceof CounterSeries) return line(name, series.labels, series.value);
  if (series instanceof GaugeSeries) return series.known ? line(name, series.labels, series.value) : "";
  if (series instanceof HistogramSeries) return buckets(series, style);
  const { labels, sum, count } = series as SummarySeries;
  return line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
}

function buckets(series: HistogramSeries, { name, bounds, exemplars, sum }: Style): string {
  const before = series.labels === "" ? "" : `${series.labels},`;
  let text = "";
  let count = 0;
  for (let i = 0; i < bounds.length; i++) {
    count += series.counts[i]!;
    const exemplar = exemplars ? series.exemplars?.[i] : undefined;
    text += `${name}_bucket{${before}le="${bounds[i]!}"} ${count}${exemplar === undefined ? "" : trace(exemplar)}\n`;
  }
  if (!sum) return text;
  return text + line(`${name}_sum`, series.labels, series.sum) + line(`${name}_count`, series.labels, count);
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${formatValue(value)}\n`;
}

function trace({ traceId, value, dateMs }: Exemplar): string {
  return ` # {trace_id="${escapeValue(traceId)}"} ${formatValue(value)} ${(dateMs / 1000).toFixed(3)}`;
}
