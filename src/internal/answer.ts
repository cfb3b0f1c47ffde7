/**
 * What a collector's answer says, read with care: it comes from outside.
 *
 * @module
 */

const MAX_BYTES = 65_536;
const MAX_SAID = 200;

/** The first 64 KiB of a body; the rest is not read. */
export async function readSome(response: Response): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array();
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let left = MAX_BYTES;
  while (left > 0) {
    const { done, value } = await reader.read();
    if (done) break;
    const part = value.subarray(0, left);
    parts.push(part);
    left -= part.length;
  }
  // Not waited for: the other side may never close.
  if (left === 0) reader.cancel().catch(() => undefined);
  const whole = new Uint8Array(MAX_BYTES - left);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `: text` from the body of an error, one short line without anything that was sent in a header; "" when it has none. */
export function saidIn(body: Uint8Array, contentType: string, secrets: readonly string[]): string {
  if (!/^(?:text\/plain|application\/(?:[\w.+-]*\+)?json)\b/i.test(contentType)) return "";
  let text = new TextDecoder().decode(body.subarray(0, 4096));
  for (const secret of secrets) {
    // The token of `Bearer token` may be shown without its scheme.
    for (const part of [secret, ...secret.split(/\s+/)]) {
      if (part.length >= 4) text = text.replaceAll(part, "[redacted]");
    }
  }
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line === "" ? "" : `: ${line.slice(0, MAX_SAID)}`;
}

/** Milliseconds of a Retry-After header, seconds or a date (RFC 9110 §10.2.3); undefined when there is none to be read. */
export function pauseOf(header: string | null, dateMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const untilMs = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(untilMs) ? undefined : Math.max(0, untilMs - dateMs);
}
