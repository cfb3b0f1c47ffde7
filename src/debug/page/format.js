// Numbers as people read them, always with their unit. The space before a unit does not break.

const NB = "\u00a0";

/**
 * Three figures, no more: 1234 is 1,234.
 * @param {number} value
 */
export function figures(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return size >= 10 ? value.toFixed(1) : value.toFixed(size >= 0.1 || size === 0 ? 2 : 3);
}

/** @param {number} ms */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size === 0) return `0${NB}ms`;
  if (size < 1) return `${figures(Math.round(ms * 1000))}${NB}µs`;
  if (size < 1000) return `${figures(size < 10 ? round(ms, 2) : size < 100 ? round(ms, 1) : ms)}${NB}ms`;
  if (size < 60_000) return `${figures(round(ms / 1000, 2))}${NB}s`;
  return `${figures(round(ms / 60_000, 1))}${NB}min`;
}

/** @param {number} value @param {number} digits */
function round(value, digits) {
  return Number(value.toFixed(digits));
}

/** @param {number} perSecond */
export function rate(perSecond) {
  return perSecond === 0 ? `0${NB}/s` : `${perSecond < 0.01 ? "<0.01" : figures(perSecond)}${NB}/s`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  const value = share * 100;
  if (value === 0) return `0${NB}%`;
  if (value < 0.01) return `<0.01${NB}%`;
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value) : value >= 1 ? value.toFixed(1) : value.toFixed(2)}${NB}%`;
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1000) return `${Math.round(count)}${NB}B`;
  if (count < 1e6) return `${figures(round(count / 1e3, 1))}${NB}kB`;
  if (count < 1e9) return `${figures(round(count / 1e6, 1))}${NB}MB`;
  return `${figures(round(count / 1e9, 1))}${NB}GB`;
}

/** @param {number} unixMs the time of day, here. */
export function clock(unixMs) {
  const date = new Date(unixMs);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${figures(count)}${NB}${count === 1 ? one : many}`;
}
