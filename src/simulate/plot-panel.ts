/**
 * The parts of a plot: scales, curves, a panel with its grid, and what is shaded across all of them.
 *
 * @module
 */

/** A point on the page. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

type Ends = readonly [number, number];

/** From values to places on the page. */
export function linear([low, high]: Ends, [from, to]: Ends): (value: number) => number {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/** The same by powers of ten. */
export function log([low, high]: Ends, range: Ends): (value: number) => number {
  const place = linear([Math.log10(low), Math.log10(high)], range);
  return (value) => place(Math.log10(value));
}

/** A line through points. */
export function curve(points: readonly Point[], kind: string): string {
  const path = points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return `<path class="line ${kind}" d="${path}"/>`;
}

/** Stretches of time, shaded, each named once; names of the same time share a line. */
export function bands(
  spans: readonly { readonly name: string; readonly atMs: number; readonly untilMs: number }[],
  x: (value: number) => number,
  [top, bottom]: Ends,
): readonly string[] {
  const byTime = new Map<string, string[]>();
  for (const { name, atMs, untilMs } of spans) {
    const key = `${atMs}-${untilMs}`;
    byTime.set(key, [...(byTime.get(key) ?? []), name]);
  }
  return [...byTime].map(([key, names]) => {
    const [atMs, untilMs] = key.split("-").map(Number) as [number, number];
    const [left, right] = [x(atMs), x(untilMs)];
    const text = [...new Set(names)].join(", ");
    return (
      `<rect class="fault" x="${left.toFixed(1)}" y="${top}" width="${(right - left).toFixed(1)}" height="${bottom - top}"/>` +
      `<text class="minor" x="${left.toFixed(1)}" y="${bottom + 34}">${text}</text>`
    );
  });
}

/** Where a panel stands. */
export interface PanelPlace {
  readonly label: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** One of the plots above each other. */
export class Panel {
  readonly #place: PanelPlace;
  readonly #parts: string[];

  constructor(place: PanelPlace) {
    this.#place = place;
    this.#parts = [`<text class="minor" x="${place.left}" y="${place.top - 8}">${place.label}</text>`];
  }

  /** Its lower and upper end on the page. */
  get range(): Ends {
    const { top, height } = this.#place;
    return [top + height, top];
  }

  /** Lines across, with their values. */
  grid(ticks: readonly number[], y: (value: number) => number): void {
    const { left, width } = this.#place;
    for (const tick of ticks) {
      const place = y(tick).toFixed(1);
      this.add(`<path class="grid" d="M${left} ${place}h${width}"/>`);
      this.add(
        `<text class="minor end" x="${left - 8}" y="${(y(tick) + 4).toFixed(1)}">${tick.toLocaleString("en-US")}</text>`,
      );
    }
  }

  add(part: string): void {
    this.#parts.push(part);
  }

  text(): string {
    return this.#parts.join("\n");
  }
}
