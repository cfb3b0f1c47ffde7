/**
 * Lines for the eyes of the one who develops: short times, aligned levels and messages, colour where a terminal shows it.
 *
 * @module
 */
import { Labels, type Format, type Heading, type Label } from "./format.ts";
import type { Level } from "./level.ts";
import { logfmtLabel, logfmtValue } from "./logfmt.ts";
import type { Redaction } from "./redaction.ts";
import { renderJson, renderText } from "./render.ts";

const ESC = "\u001b[";
const RESET = `${ESC}0m`;
const DIM = `${ESC}2m`;

/** Grey, green, yellow, red. */
const COLOURS: Readonly<Record<Level, string>> = {
  debug: `${ESC}90m`,
  info: `${ESC}32m`,
  warn: `${ESC}33m`,
  error: `${ESC}31m`,
};

const MESSAGE_WIDTH = 24;

/** Lines as `12:00:00.000 INFO  started                  port=8081`; times are UTC. */
export class PrettyFormat implements Format {
  readonly cutLabel: string = " cut=";
  readonly end: string = "\n";
  readonly #redaction: Redaction;
  readonly #labels: Labels;
  readonly #isColoured: boolean;

  constructor(redaction: Redaction, isColoured: boolean) {
    this.#redaction = redaction;
    this.#isColoured = isColoured;
    const around = isColoured ? ([` ${DIM}`, `=${RESET}`] as const) : undefined;
    this.#labels = new Labels((name) => logfmtLabel(name, redaction, around));
  }

  head({ time, level, message }: Heading, maxBytes: number): string {
    const clock = time.slice(11, 23);
    const name = level.toUpperCase().padEnd(5);
    const text = messageText(message, maxBytes, this.#redaction).padEnd(MESSAGE_WIDTH);
    return this.#isColoured
      ? `${DIM}${clock}${RESET} ${COLOURS[level]}${name}${RESET} ${text}`
      : `${clock} ${name} ${text}`;
  }

  label(name: string): Label {
    return this.#labels.of(name);
  }

  value(value: unknown, maxBytes: number): string {
    if (typeof value !== "object" || value === null) return logfmtValue(value, maxBytes, this.#redaction);
    // No program reads this: JSON without another layer of quotes.
    const json = renderJson(value, maxBytes, this.#redaction);
    return json.startsWith('"') ? logfmtValue(JSON.parse(json), maxBytes, this.#redaction) : json;
  }
}

// Spaces are fine in a message, but nothing that ends it or passes for a field.
function messageText(message: string, maxBytes: number, redaction: Redaction): string {
  const quoted = renderText(message, maxBytes, redaction);
  const inner = quoted.slice(1, -1);
  return inner.includes("\\") || inner.includes("=") ? quoted : inner;
}
