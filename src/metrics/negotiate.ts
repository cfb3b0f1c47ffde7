/**
 * Which of the two formats a scraper gets.
 *
 * @module
 */

/** Media types of the two formats. */
export const TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Prometheus sends about 300 characters; whoever sends more gets the plain text.
const MAX_ACCEPT_CHARS = 2048;

/**
 * Tells whether an Accept header (RFC 9110 §12.5.1) asks for OpenMetrics 1.0 at least as much as for plain text. A
 * wildcard does not: people who look with a browser or curl want text.
 */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > MAX_ACCEPT_CHARS) return false;
  let open = 0;
  let text = 0;
  for (const part of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = part.split(";").map((piece) => piece.trim());
    const q = quality(parameters);
    if (type === "application/openmetrics-text" && isVersion1(parameters)) open = Math.max(open, q);
    else if (type === "text/plain" || type === "text/*" || type === "*/*") text = Math.max(text, q);
  }
  return open > 0 && open >= text;
}

function quality(parameters: readonly string[]): number {
  const given = parameters.find((one) => one.startsWith("q="));
  if (given === undefined) return 1;
  const q = Number(given.slice(2));
  return q >= 0 && q <= 1 ? q : 0;
}

function isVersion1(parameters: readonly string[]): boolean {
  const given = parameters.find((one) => one.startsWith("version="));
  return given === undefined || given.slice("version=".length).replaceAll('"', "") === "1.0.0";
}
