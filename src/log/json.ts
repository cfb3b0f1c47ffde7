/**
 * One JSON object a line: for log collectors.
 *
 * @module
 */
import { fieldName, Labels, type Format, type Heading, type Label } from "./format.ts";
import { quoteWithin } from "./quote.ts";
import type { Redaction } from "./redaction.ts";
import { renderJson, renderText } from "./render.ts";

/** How the time is written in front of a line: shared with the access log. */
export const JSON_START = '{"time":"';

/** Lines as JSON objects: `{"time":"…","level":"info","msg":"…",…}`. */
export class JsonFormat implements Format {
  readonly cutLabel: string = ',"cut":';
  readonly end: string = "}\n";
  readonly redaction: Redaction;
  readonly #labels: Labels;

  constructor(redaction: Redaction) {
    this.redaction = redaction;
    this.#labels = new Labels((name) => labelOf(name, redaction));
  }

  head({ time, level, message }: Heading, maxBytes: number): string {
    return `${JSON_START}${time}","level":"${level}","msg":${renderText(message, maxBytes, this.redaction)}`;
  }

  label(name: string): Label {
    return this.#labels.of(name);
  }

  value(value: unknown, maxBytes: number): string {
    return renderJson(value, maxBytes, this.redaction);
  }
}

function labelOf(name: string, redaction: Redaction): Label {
  const shown = fieldName(name);
  const text = quoteWithin(shown, 256);
  return {
    text: `,${text}:`,
    isChanged: shown !== name || JSON.parse(text) !== name,
    isSecret: redaction.isSecret(name),
  };
}
